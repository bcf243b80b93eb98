"""How good a monitor is, beside what simpler things reach on the same rows.

About the instrument, never about the model: everything is fitted on the train role and
measured on the validation role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import Candidate, finite_matrix, groups_of, labels_of
from audit.engine.plan import CheckWork
from audit.models.capture import Captured
from probes import baselines, intervals, metrics
from probes.base import ProbeError
from probes.crossval import cross_validated_scores
from probes.fitters import fitter
from probes.multiplicity import max_statistic_p
from reports.record import Baseline, Estimate, LayerScore, Quality

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Split:
    """Train and validation side by side, as baselines want them."""

    y_train: NDArray[np.int64]
    groups_train: NDArray[np.str_]
    y: NDArray[np.int64]
    groups: NDArray[np.str_]


def measure_quality(
    work: CheckWork,
    captured: Captured,
    candidates: Sequence[Candidate],
    chosen: int,
    threshold: float,
    *,
    seed: int,
) -> Quality:
    """Score the chosen monitor and every baseline on the validation role.

    Raises:
        MeasurementError: activations that are not finite.
    """
    train, validation = work.roles["train"], work.roles["validation"]
    split = _Split(labels_of(train), groups_of(train), labels_of(validation), groups_of(validation))
    scores_by_layer = np.stack(
        [
            candidate.probe.decision_function(
                finite_matrix(
                    captured, candidate.read, validation, f"rows at {candidate.point.name}"
                )
            )
            for candidate in candidates
        ]
    )
    scores = scores_by_layer[chosen]
    confidence = work.check.confidence

    def auroc(of: Scores) -> Estimate:
        return recorded(
            intervals.auroc_estimate(
                of, split.y, split.groups, confidence=confidence, random_state=seed
            )
        )

    words = baselines.lexical_scores(
        [encoded.text for encoded in train.encoded],
        split.y_train,
        [encoded.text for encoded in validation.encoded],
        split.groups_train,
    )
    return Quality(
        auroc=auroc(scores),
        recall_at_fpr=recorded(
            intervals.recall_estimate(
                scores, split.y, split.groups, threshold, confidence=confidence
            )
        ),
        balanced_accuracy=recorded(
            intervals.balanced_accuracy_estimate(
                scores,
                split.y,
                split.groups,
                threshold,
                confidence=confidence,
            )
        ),
        calibration_error=recorded(
            intervals.calibration_error_estimate(
                _probabilities(work, captured, candidates[chosen], scores, split, seed),
                split.y,
                split.groups,
                confidence=confidence,
                random_state=seed,
            )
        ),
        gain_over_text=recorded(
            intervals.gain_estimate(
                scores,
                words,
                split.y,
                split.groups,
                confidence=confidence,
                random_state=seed,
            )
        ),
        baselines=[
            Baseline(
                name=name,
                auroc=auroc(other),
                note=note,
            )
            for name, other, note in _baselines(
                work, captured, candidates[chosen], split, words, seed
            )
        ],
        layers=[
            LayerScore(
                hook_name=candidate.point.name,
                layer=candidate.point.layer,
                auroc=recorded(candidate.cross_validated),
                chosen=index == chosen,
            )
            for index, candidate in enumerate(candidates)
        ],
        best_of_layers_p=max_statistic_p(
            scores_by_layer, split.y, split.groups, chosen, random_state=seed
        ),
    )


def recorded(estimate: intervals.Estimate) -> Estimate:
    """The same number as the record keeps it."""
    return Estimate(**asdict(estimate))


def _probabilities(
    work: CheckWork,
    captured: Captured,
    candidate: Candidate,
    scores: Scores,
    split: _Split,
    seed: int,
) -> Scores:
    """Platt-scaled probabilities `[n]`, the scaling learnt out of fold on the train role."""
    from scipy.special import expit

    monitor = work.check.monitor
    out_of_fold = cross_validated_scores(
        fitter(monitor.fitter),
        finite_matrix(captured, candidate.read, work.roles["train"], "train rows"),
        split.y_train,
        split.groups_train,
        folds=monitor.folds,
        random_state=seed,
    )
    slope, intercept = metrics.platt(out_of_fold, split.y_train)
    return np.asarray(expit(slope * scores + intercept), dtype=np.float64)


def _baselines(
    work: CheckWork,
    captured: Captured,
    candidate: Candidate,
    split: _Split,
    words: Scores,
    seed: int,
) -> Iterator[tuple[str, Scores, str]]:
    """Name, validation scores and a note of each thing simpler than the monitor."""
    monitor, train, validation = work.check.monitor, work.roles["train"], work.roles["validation"]
    fit = fitter(monitor.fitter)
    yield "text", words, "TF-IDF of words and word pairs, logistic regression"
    yield (
        "length",
        baselines.length_scores(
            np.array([len(encoded.ids) for encoded in train.encoded]),
            split.y_train,
            np.array([len(encoded.ids) for encoded in validation.encoded]),
        ),
        "number of tokens",
    )
    x_train = finite_matrix(captured, candidate.read, train, "train rows")
    x = finite_matrix(captured, candidate.read, validation, "validation rows")
    e_train = finite_matrix(captured, work.embedding_read, train, "embeddings of train rows")
    e = finite_matrix(captured, work.embedding_read, validation, "embeddings of validation rows")
    try:
        embedding = fit(
            e_train, split.y_train, split.groups_train, folds=monitor.folds, random_state=seed
        )
        yield "embedding", embedding.decision_function(e), "the same monitor before the first layer"
    except ProbeError as error:
        yield "embedding", np.zeros(len(split.y)), f"cannot be fitted: {error}"
    try:
        shuffled = baselines.shuffled_label_probe(
            fit, x_train, split.y_train, split.groups_train, random_state=seed
        )
        yield "shuffled_labels", shuffled.decision_function(x), "control task: labels shuffled"
    except ProbeError as error:
        yield "shuffled_labels", np.zeros(len(split.y)), f"cannot be fitted: {error}"
    yield (
        "random_direction",
        baselines.random_direction_scores(x_train, x, random_state=seed),
        "a direction drawn at random",
    )
