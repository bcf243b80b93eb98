"""How good a monitor is, beside what simpler things reach on the same rows.

About the instrument, never about the model: everything is fitted on the train role and
measured on the validation role.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import Candidate, finite_matrix, groups_of, labels_of
from audit.engine.estimates import recorded
from audit.engine.known import Known
from audit.engine.plan import CheckWork
from audit.engine.simpler import simpler
from audit.models.capture import Captured
from probes import baselines, intervals, metrics
from probes.crossval import comparable
from probes.multiplicity import max_statistic_p
from reports.record import LayerScore, Quality

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]


def measure_quality(
    work: CheckWork,
    captured: Captured,
    candidates: Sequence[Candidate],
    chosen: int,
    threshold: float,
    words: Scores,
    *,
    seed: int,
    known: Known | None = None,
) -> Quality:
    """Score the chosen monitor and every baseline on the validation role.

    `words` are what the text alone scores there, `[n]`; `known` is what other checks on this
    capture have fitted.

    Raises:
        MeasurementError: activations that are not finite.
    """
    train, validation = work.roles["train"], work.roles["validation"]
    y, groups = labels_of(validation), groups_of(validation)
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
    seen = candidates[chosen].probe.decision_function(
        finite_matrix(captured, candidates[chosen].read, train, "train rows")
    )
    confidence = work.check.confidence
    beside = intervals.beside_baseline(
        scores, words, y, groups, confidence=confidence, random_state=seed
    )
    return Quality(
        auroc=recorded(beside.auroc),
        recall_at_fpr=recorded(
            intervals.recall_estimate(scores, y, groups, threshold, confidence=confidence)
        ),
        balanced_accuracy=recorded(
            intervals.balanced_accuracy_estimate(
                scores,
                y,
                groups,
                threshold,
                confidence=confidence,
            )
        ),
        calibration_error=recorded(
            intervals.calibration_error_estimate(
                _probabilities(candidates[chosen], seen, labels_of(train), scores),
                y,
                groups,
                confidence=confidence,
                random_state=seed,
            )
        ),
        gain_over_text=recorded(beside.gain),
        baselines=simpler(
            work,
            captured,
            candidates[chosen],
            recorded(beside.baseline),
            confidence=confidence,
            seed=seed,
            known=known or Known(),
        ),
        layers=[
            LayerScore(
                hook_name=candidate.point.name,
                layer=candidate.point.layer,
                auroc=recorded(candidate.cross_validated),
                chosen=index == chosen,
            )
            for index, candidate in enumerate(candidates)
        ],
        best_of_layers_p=max_statistic_p(scores_by_layer, y, groups, chosen, random_state=seed),
    )


def lexical(work: CheckWork, known: Known | None = None) -> Scores:
    """Scores `[n]` that the text alone gives the validation rows; no model has a part in them."""
    train, validation = work.roles["train"], work.roles["validation"]
    texts = tuple(encoded.text for encoded in train.encoded)
    asked = tuple(encoded.text for encoded in validation.encoded)
    y, groups = labels_of(train), groups_of(train)
    return (known or Known()).once(
        ("words", texts, asked, tuple(y.tolist()), tuple(groups.tolist())),
        lambda: baselines.lexical_scores(texts, y, asked, groups),
    )


def _probabilities(candidate: Candidate, seen: Scores, y_train: Labels, scores: Scores) -> Scores:
    """Platt-scaled probabilities `[n]`, the scaling learnt out of fold on the train role.

    `seen` holds the probe's own scores of the train rows: out-of-fold scores have a unit of
    their own, and these bring the others to it.
    """
    from scipy.special import expit

    slope, intercept = metrics.platt(candidate.out_of_fold, y_train)
    return np.asarray(
        expit(slope * comparable(scores, seen, y_train) + intercept), dtype=np.float64
    )
