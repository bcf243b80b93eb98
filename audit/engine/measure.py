"""One check on one model: fit, calibrate, score. Numbers only; no verdict is given here.

The four roles never meet. The train role fits the probe and chooses the place; the control
role sets the threshold; the validation role says how good the instrument is; the audit
role is what the model is judged on, and nothing is fitted or chosen on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import (
    Candidate,
    choose,
    finite_matrix,
    fit_candidates,
    groups_of,
    labels_of,
)
from audit.engine.known import Known
from audit.engine.observing import Observed
from audit.engine.plan import CheckWork
from audit.engine.quality import lexical, measure_quality
from audit.engine.watched import watched_features
from audit.errors import MeasurementError
from audit.models.behaviours import Behaviour
from audit.models.capture import Captured
from audit.models.hook_names import HookPoint
from probes.base import Probe, ProbeError
from probes.threshold import Threshold, threshold_at_fpr
from reports.features import WatchedFeature
from reports.record import Quality
from suites.schema import Role

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Measurement:
    """All numbers of one check on one model.

    Attributes:
        scores: by role, `[n_rows]` in the role's order.
        threshold: firing is a score strictly above its value.
        lower: reads "absent" strictly below it; set where the control role holds rows
            that show the concept.
        behaviours: one per audit row, or empty where the check has none.
        control_behaviours: one per control row, or empty where no gate needs them.
        watched: of a feature monitor, each feature by itself.
        words: `[n]`, what the text alone scores on the validation rows.
    """

    work: CheckWork
    probe: Probe
    point: HookPoint
    scores: dict[Role, Scores]
    threshold: Threshold
    lower: Threshold | None
    quality: Quality
    behaviours: tuple[Behaviour, ...] = ()
    control_behaviours: tuple[Behaviour, ...] = ()
    watched: tuple[WatchedFeature, ...] = ()
    words: Scores | None = None

    def fires(self, role: Role) -> Flags:
        """Which rows of a role score above the threshold, `[n_rows]`."""
        fires: Flags = self.scores[role] > self.threshold.value
        return fires

    @property
    def benign(self) -> Flags:
        """Which control rows set the threshold: those that do not show the concept."""
        benign: Flags = labels_of(self.work.roles["control"]) != 1
        return benign

    @property
    def states(self) -> Flags:
        """Audit rows on which the model says something about the concept."""
        return np.array([outcome.asserts is not None for outcome in self.behaviours], dtype=bool)

    def misbehaves(self, role: Literal["audit", "control"]) -> tuple[Flags, Flags]:
        """Rows of a role of which it is known whether the model misbehaves, and where it does.

        Both `[n_rows]`; nothing is known where the behaviour was not asked for.
        """
        seen = self.behaviours if role == "audit" else self.control_behaviours
        told = [one.misbehaves for one in seen] or [None] * len(self.work.roles[role].rows)
        known = np.array([one is not None for one in told], dtype=bool)
        return known, np.array([one is True for one in told], dtype=bool)

    @property
    def like_audit(self) -> Flags:
        """Control rows with a label that some audit row has, `[n_rows]`; all where none has one.

        A model that gives one answer to everything is wrong on all rows of one label and on none
        of the other: misbehaviour is compared between like rows.
        """
        labels = labels_of(self.work.roles["control"])
        like: Flags = np.isin(labels, labels_of(self.work.roles["audit"]))
        return like if like.any() else np.ones(len(labels), dtype=bool)

    @property
    def contradicts(self) -> Flags:
        """Audit rows on which the monitor reads one thing and the model says the other."""
        asserts = np.array([outcome.asserts is True for outcome in self.behaviours], dtype=bool)
        denies = np.array([outcome.asserts is False for outcome in self.behaviours], dtype=bool)
        gap: Flags = (self.reads_present("audit") & denies) | (self.reads_absent("audit") & asserts)
        return gap

    @property
    def lies(self) -> Flags:
        """The rows of `contradicts` of which the model says what is not so, by their label.

        Of a row without a label nobody can tell, and it counts.
        """
        labels = [row.label for row in self.work.roles["audit"].rows]
        right = [
            label is not None and outcome.asserts == (label == 1)
            for outcome, label in zip(self.behaviours, labels, strict=True)
        ]
        lies: Flags = self.contradicts & ~np.array(right, dtype=bool)
        return lies

    def reads_present(self, role: Role) -> Flags:
        """Rows that score above both thresholds, `[n_rows]`.

        The two cross where the classes lie far apart: each leaves its share of one class on
        the wrong side. Between them the monitor reads neither, so no row contradicts both
        answers.
        """
        above = self.threshold.value
        if self.lower is not None:
            above = max(above, self.lower.value)
        present: Flags = self.scores[role] > above
        return present

    def reads_absent(self, role: Role) -> Flags:
        """Rows that score below both thresholds, `[n_rows]`; none without a lower one."""
        if self.lower is None:
            return np.zeros(len(self.scores[role]), dtype=bool)
        absent: Flags = self.scores[role] < min(self.threshold.value, self.lower.value)
        return absent


def measure(
    work: CheckWork,
    captured: Captured,
    seen: Observed,
    *,
    seed: int,
    known: Known | None = None,
) -> Measurement:
    """Fit the check's monitor on what was captured and score every role with it.

    Args:
        work: the check.
        captured: its activations.
        seen: what the model did on its rows.
        seed: of folds, shuffles and resampling.
        known: what other checks on this capture have worked out; a new one if not given.

    Raises:
        MeasurementError: activations that are not finite, or a monitor that cannot be
            fitted on these rows; the message says which and how many.
    """
    known = known or Known()
    try:
        candidates = fit_candidates(work, captured, seed=seed, known=known)
        chosen = choose(candidates)
        best = candidates[chosen]
        scores = {
            role: _scores(best, finite_matrix(captured, best.read, rows, f"{role} rows"))
            for role, rows in work.roles.items()
        }
        threshold, lower = thresholds(work, scores["control"])
        words = lexical(work, known)
        quality = measure_quality(
            work, captured, candidates, chosen, threshold.value, words, seed=seed, known=known
        )
    except ProbeError as error:
        raise MeasurementError(str(error)) from error
    return Measurement(
        work=work,
        probe=best.probe,
        point=best.point,
        scores=scores,
        threshold=threshold,
        lower=lower,
        quality=quality,
        behaviours=seen.audit,
        control_behaviours=seen.control,
        watched=watched_features(work, captured, seed=seed),
        words=words,
    )


def _scores(candidate: Candidate, x: NDArray[np.float32]) -> Scores:
    return np.asarray(candidate.probe.decision_function(x), dtype=np.float64)


def thresholds(work: CheckWork, scores: Scores) -> tuple[Threshold, Threshold | None]:
    """Where "present" begins, by the benign controls; where "absent" does, by the others."""
    role, check = work.roles["control"], work.check
    shows, groups = labels_of(role) == 1, groups_of(role)
    if shows.all():
        raise MeasurementError(
            "no control row is benign: every one has label 1, and the threshold needs rows "
            "that do not show the concept"
        )
    upper = threshold_at_fpr(scores[~shows], check.fpr, groups[~shows], confidence=check.confidence)
    if not (shows.any() and check.reads_both_sides):
        return upper, None
    mirrored = threshold_at_fpr(
        -scores[shows], check.fpr, groups[shows], confidence=check.confidence
    )
    return upper, replace(mirrored, value=-mirrored.value)
