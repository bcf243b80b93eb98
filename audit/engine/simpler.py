"""What simpler things than the monitor reach on the same validation rows.

Words, length, the embeddings before the first layer; and two kinds of luck: the same fitter
on shuffled labels, and directions drawn at random. Luck is drawn many times, and its spread
is told instead of one draw's interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import (
    Candidate,
    finite_matrix,
    fit_key,
    fitter_of,
    groups_of,
    labels_of,
    plain_fitter_of,
)
from audit.engine.estimates import recorded
from audit.engine.known import Known
from audit.engine.plan import CheckWork
from audit.models.capture import Captured
from probes import baselines, intervals, metrics
from probes.base import ProbeError
from probes.fitters import AnyFitter
from reports.record import Baseline, Estimate
from suites.schema import FeatureSpec, ProbeSpec

Scores = NDArray[np.float64]

SHUFFLES = 10  # each a fit of its own, penalty and all
DIRECTIONS = 100


def simpler(
    work: CheckWork,
    captured: Captured,
    candidate: Candidate,
    words: Estimate,
    *,
    confidence: float,
    seed: int,
    known: Known,
) -> list[Baseline]:
    """The baselines of a check, fitted on its train role and scored on its validation role.

    Args:
        work: the check.
        captured: its activations.
        candidate: the place that was chosen.
        words: what the text alone reaches on the validation rows.
        confidence: of the intervals.
        seed: of every draw.
        known: what other checks on this capture have fitted.

    Raises:
        MeasurementError: activations that are not finite.
    """
    monitor, train, validation = work.check.monitor, work.roles["train"], work.roles["validation"]
    fit, plain = fitter_of(work), plain_fitter_of(work)
    y_train, groups_train = labels_of(train), groups_of(train)
    y, groups = labels_of(validation), groups_of(validation)

    # Each is a copy, so none is made before it is asked for, or outlives what asked.
    def seen(read: int, of: str = "") -> NDArray[np.float32]:
        return finite_matrix(captured, read, train, f"{of}train rows")

    def asked(read: int, of: str = "") -> NDArray[np.float32]:
        return finite_matrix(captured, read, validation, f"{of}validation rows")

    def auroc(scores: Scores) -> Estimate:
        return recorded(
            intervals.auroc_estimate(scores, y, groups, confidence=confidence, random_state=seed)
        )

    def fitted(fit: AnyFitter, read: int, of: str = "") -> Estimate:
        probe = known.once(
            ("fitted", *fit_key(fit, work, read, seed)),
            lambda: fit(
                seen(read, of), y_train, groups_train, folds=monitor.folds, random_state=seed
            ),
        )
        return auroc(probe.decision_function(asked(read, of)))

    def shuffled(draws: range) -> Iterable[Scores]:
        # A weighting of features is a logistic probe of them, and scores alike.
        alike = fit if isinstance(monitor, ProbeSpec) else plain
        probes = known.once(
            ("shuffled", draws, *fit_key(alike, work, candidate.read, seed)),
            lambda: baselines.shuffled_label_probes(
                alike,
                seen(candidate.read),
                y_train,
                groups_train,
                folds=monitor.folds,
                random_states=draws,
            ),
        )
        x = asked(candidate.read)
        return [probe.decision_function(x) for probe in probes]

    def random_direction(draws: range) -> Iterable[Scores]:
        read = candidate.read if work.raw_read is None else work.raw_read
        return baselines.random_direction_scores(seen(read), asked(read), random_states=draws)

    def luck(score: Callable[[range], Iterable[Scores]], draws: int, what: str) -> Estimate:
        seeds = range(seed * draws, (seed + 1) * draws)
        found = [metrics.auroc(scores, y) for scores in score(seeds)]
        tail = (1 - confidence) / 2
        resolved = draws * tail >= 1  # fewer draws than that have a range and no quantile
        return Estimate(
            value=float(np.mean(found)),
            low=float(np.quantile(found, tail if resolved else 0)),
            high=float(np.quantile(found, 1 - tail if resolved else 1)),
            n=len(y),
            n_groups=len(set(groups)),
            confidence=confidence,
            method=f"mean and {'quantiles' if resolved else 'range'} of {draws} {what}",
        )

    def length() -> Estimate:
        return auroc(
            baselines.length_scores(
                np.array([len(encoded.ids) for encoded in train.encoded]),
                y_train,
                np.array([len(encoded.ids) for encoded in validation.encoded]),
            )
        )

    nothing = Estimate(value=0.5, n=len(y), n_groups=len(set(groups)), confidence=confidence)

    def reached(name: str, measure: Callable[[], Estimate], note: str) -> Baseline:
        try:
            return Baseline(name=name, auroc=measure(), note=note)
        except ProbeError as error:
            return Baseline(name=name, auroc=nothing, note=f"cannot be fitted: {error}")

    control_task = []
    if not _fits_nothing(work):
        note = f"control task: the same fitter on labels shuffled {SHUFFLES} times"
        control_task = [
            reached("shuffled_labels", lambda: luck(shuffled, SHUFFLES, "shuffles"), note)
        ]
    beside_features = []
    if work.raw_read is not None and work.control_read is not None:
        raw_read, control_read = work.raw_read, work.control_read
        beside_features = [
            reached(
                "raw_probe",
                lambda: fitted(plain, raw_read),
                "a logistic probe on the activations that the SAE reads, pooled alike",
            ),
            reached(
                "random_sae",
                lambda: fitted(fit, control_read, "control features of "),
                "as many features of a random SAE of the same shape, the best on the train role",
            ),
        ]
    return [
        Baseline(
            name="text",
            auroc=words,
            note="TF-IDF of words and word pairs, logistic regression",
        ),
        reached("length", length, "number of tokens"),
        reached(
            "embedding",
            lambda: fitted(plain, work.embedding_read, "embeddings of "),
            "the same monitor before the first layer"
            if work.watch is None
            else "a logistic probe before the first layer",
        ),
        *control_task,
        reached(
            "random_direction",
            lambda: luck(random_direction, DIRECTIONS, "directions"),
            f"{DIRECTIONS} directions drawn at random",
        ),
        *beside_features,
    ]


def _fits_nothing(work: CheckWork) -> bool:
    """Whether the monitor takes no notice of labels, so that shuffled ones say nothing."""
    monitor = work.check.monitor
    return isinstance(monitor, FeatureSpec) and monitor.combine != "probe"
