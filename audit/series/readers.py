"""One check on one checkpoint, read three ways: frozen, realigned, refit.

The frozen probe was fitted on the reference and keeps its direction; the realigned one is the same
behind a map of the activations that control rows taught, without labels; the refit one is
fitted on this checkpoint's train rows, at the same place. Each takes its thresholds from this
checkpoint's control rows. Each becomes a `Measurement`, so
that gates and rules of validity hold it as they hold any other. The four roles stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import finite_matrix, fitter_of, groups_of, labels_of
from audit.engine.estimates import recorded
from audit.engine.evidence import reading_of
from audit.engine.measure import Flags, Measurement, thresholds
from audit.engine.observing import Observed
from audit.engine.plan import CheckWork
from audit.errors import MeasurementError
from audit.models.capture import Captured
from probes import intervals
from probes.base import Probe, ProbeError
from probes.drift import Reader, Reading
from probes.linear import LinearProbe
from probes.realignment import fit_realignment, realigned, score_r2
from probes.representation_drift import (
    RepresentationDrift,
    compare_representations,
    direction_cosine,
)
from probes.sae.monitor import CombinedFeatures
from suites.schema import ROLES, Role

Scores = NDArray[np.float64]
Matrices = dict[Role, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class ReadBy:
    """What one probe makes of a check on a checkpoint.

    Attributes:
        name: which of the three.
        measurement: scores, thresholds, behaviours, quality on this checkpoint.
        reading: the figures that decide which probe is believed.
        cosine: of its direction with the frozen probe's; None for the frozen one itself.
    """

    name: Reader
    measurement: Measurement
    reading: Reading
    cosine: float | None = None


@dataclass(frozen=True, eq=False)
class Readers:
    """All that was read of one check on one checkpoint.

    Attributes:
        frozen: always there.
        realigned: None where the monitor is no linear probe, or no map can be learnt.
        refit: None where this checkpoint's rows give no probe; notes say why.
        gap: AUROC of refit less frozen on the same rows.
        representation: activations against the reference's on the control rows.
        notes: what could not be had, and why.
    """

    frozen: ReadBy
    realigned: ReadBy | None = None
    refit: ReadBy | None = None
    gap: intervals.Estimate | None = None
    representation: RepresentationDrift | None = None
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[ReadBy, ...]:
        """Those that are there, in the order in which they are believed."""
        return tuple(one for one in (self.frozen, self.realigned, self.refit) if one is not None)


def read_reference_itself(before: Measurement, *, seed: int) -> Readers:
    """The reference's own reading, so that it can stand in a series as its first row."""
    return Readers(frozen=_read_by("frozen", before, before, seed=seed))


def read_check(
    before: Measurement,
    then: Captured,
    work: CheckWork,
    now: Captured,
    seen: Observed,
    words: Scores,
    *,
    seed: int,
) -> Readers:
    """Read a check on a checkpoint with the monitors of the reference and one of its own.

    Args:
        before: the check on the reference.
        then: the reference's activations.
        work: the check on this checkpoint.
        now: this checkpoint's activations.
        seen: what this checkpoint did on the rows.
        words: `[n]` validation scores of the text alone.
        seed: of folds and resampling.

    Raises:
        MeasurementError: activations that are not finite, or a frozen probe that cannot be read.
    """
    read = work.read_of(before.point)
    x: Matrices = {
        role: finite_matrix(now, read, work.roles[role], f"{role} rows") for role in ROLES
    }
    old = finite_matrix(
        then, before.work.read_of(before.point), before.work.roles["control"], "control rows"
    )
    base = replace(
        before,
        work=work,
        behaviours=seen.audit,
        control_behaviours=seen.control,
        watched=(),
    )
    notes: list[str] = []
    try:
        frozen = _frozen(base, x)
        carried = _realigned(base, old, x, notes)
        own = _refit(base, x, seed, notes)
        kept = _read_by("frozen", frozen, before, seed=seed, words=words)
    except ProbeError as error:
        raise MeasurementError(str(error)) from error
    moved, r2 = carried or (None, None)
    fresh = None if own is None else _read_by("refit", own, before, seed=seed, words=words)
    return Readers(
        frozen=kept,
        realigned=None
        if moved is None
        else _read_by("realigned", moved, before, seed=seed, words=words, r2=r2),
        refit=None if fresh is None else replace(fresh, cosine=_cosine(before.probe, own)),
        gap=None if own is None else _gap(own, frozen, seed=seed),
        representation=_representation(old, x["control"], seed, notes),
        notes=tuple(notes),
    )


def _frozen(base: Measurement, x: Matrices) -> Measurement:
    """The reference's probe on this checkpoint's rows, its thresholds set by its own controls.

    A threshold is a promise about controls run through the same model, and training moves
    scores long before it turns a direction; what the old threshold would have done on the
    controls is in the reading.
    """
    scores = {role: _scores(base.probe, x[role]) for role in ROLES}
    upper, lower = thresholds(base.work, scores["control"])
    return replace(base, scores=scores, threshold=upper, lower=lower)


def _realigned(
    base: Measurement, old: NDArray[np.float32], x: Matrices, notes: list[str]
) -> tuple[Measurement, float] | None:
    """The frozen probe behind a label-free map, at a threshold that controls set anew."""
    if not isinstance(base.probe, LinearProbe):
        return None
    control = base.work.roles["control"]
    try:
        found = fit_realignment(old, x["control"], groups_of(control))
        r2 = score_r2(base.probe, found, old)
    except ProbeError as error:
        notes.append(f"no realignment: {error}")
        return None
    probe = realigned(base.probe, found)
    scores = {role: _scores(probe, x[role]) for role in ROLES}
    # A map is too good on the rows that taught it, and a threshold set there too low.
    scores["control"] = _scores(base.probe, found.held_out)
    upper, lower = thresholds(base.work, scores["control"])
    moved = replace(base, probe=probe, scores=scores, threshold=upper, lower=lower)
    return moved, r2


def _refit(base: Measurement, x: Matrices, seed: int, notes: list[str]) -> Measurement | None:
    work = base.work
    train = work.roles["train"]
    try:
        probe = fitter_of(work)(
            x["train"],
            labels_of(train),
            groups_of(train),
            folds=work.check.monitor.folds,
            random_state=seed,
        )
    except ProbeError as error:
        notes.append(f"no probe can be fitted on this checkpoint: {error}")
        return None
    scores = {role: _scores(probe, x[role]) for role in ROLES}
    upper, lower = thresholds(work, scores["control"])
    return replace(base, probe=probe, scores=scores, threshold=upper, lower=lower)


def _scores(probe: Probe, x: NDArray[np.float32]) -> Scores:
    return np.asarray(probe.decision_function(x), dtype=np.float64)


def _read_by(
    name: Reader,
    found: Measurement,
    before: Measurement,
    *,
    seed: int,
    words: Scores | None = None,
    r2: float | None = None,
) -> ReadBy:
    """A measurement with its quality on this checkpoint, and against the reference."""
    role, confidence = found.work.roles["validation"], found.work.check.confidence
    # Only the frozen probe scores in the unit of the old threshold.
    old_threshold = (before if name == "frozen" else found).threshold.value
    y, groups, scores = labels_of(role), groups_of(role), found.scores["validation"]
    auroc = intervals.auroc_estimate(scores, y, groups, confidence=confidence, random_state=seed)
    update = {
        "auroc": recorded(auroc),
        "recall_at_fpr": recorded(
            intervals.recall_estimate(
                scores, y, groups, found.threshold.value, confidence=confidence
            )
        ),
    }
    if words is not None:
        gain = intervals.gain_estimate(
            scores, words, y, groups, confidence=confidence, random_state=seed
        )
        update["gain_over_text"] = recorded(gain)
    return ReadBy(
        name=name,
        measurement=replace(found, quality=found.quality.model_copy(update=update)),
        reading=Reading(
            auroc=auroc,
            firing=change(reading_of(found), reading_of(before), found, "audit"),
            controls=change(
                found.scores["control"] > old_threshold, before.fires("control"), found, "control"
            ),
            score_r2=r2,
        ),
    )


def change(now: Flags, then: Flags, found: Measurement, role: Role) -> intervals.Estimate:
    """How much more often something happens than on the reference, on the same rows."""
    groups = groups_of(found.work.roles[role])
    keep = found.benign if role == "control" else np.ones(len(groups), dtype=bool)
    return intervals.paired_difference(
        now[keep], then[keep], groups[keep], confidence=found.work.check.confidence
    )


def _gap(refit: Measurement, frozen: Measurement, *, seed: int) -> intervals.Estimate:
    role = frozen.work.roles["validation"]
    return intervals.gain_estimate(
        refit.scores["validation"],
        frozen.scores["validation"],
        labels_of(role),
        groups_of(role),
        floor=0.0,
        confidence=frozen.work.check.confidence,
        random_state=seed,
    )


def _cosine(frozen: Probe, refit: Measurement | None) -> float | None:
    if refit is None:
        return None
    a, b = (
        probe.linear if isinstance(probe, CombinedFeatures) else probe
        for probe in (frozen, refit.probe)
    )
    if not (isinstance(a, LinearProbe) and isinstance(b, LinearProbe)):
        return None
    try:
        return direction_cosine(a, b)
    except ProbeError:  # a probe without weights has no direction, which its AUROC says too
        return None


def _representation(
    old: NDArray[np.float32], new: NDArray[np.float32], seed: int, notes: list[str]
) -> RepresentationDrift | None:
    try:
        return compare_representations(old, new, random_state=seed)
    except ProbeError as error:
        notes.append(f"activations cannot be compared: {error}")
        return None
