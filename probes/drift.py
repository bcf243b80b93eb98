"""Drift or change: what state a monitor is in on a checkpoint, in words.

A pure function of intervals: of how well the frozen, the realigned and the refit probe read the
checkpoint, and how much more often each fires than the frozen probe did on the reference. Knows
no activations; `representation_drift` figures are quoted and decide nothing, because they see
every direction and a monitor reads one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from probes.base import ProbeError
from probes.estimate import Estimate
from probes.representation_drift import RepresentationDrift

State = Literal[
    "stable",
    "representation drifted, probe refreshed",
    "concept grew",
    "concept lost",
    "monitor no longer valid",
]
Reader = Literal["frozen", "realigned", "refit"]


@dataclass(frozen=True)
class Reading:
    """What one probe reads on a checkpoint.

    Attributes:
        auroc: on labelled rows of the checkpoint that the probe was not fitted on.
        firing: firing rate on the audited rows less that of the frozen probe on the reference,
            paired by row, each at its own threshold.
        controls: the same on control rows; None where it was not measured.
        score_r2: of a realigned probe, how well it recovers the reference's scores on unseen
            control rows (`realignment.score_r2`); None for the others.
    """

    auroc: Estimate
    firing: Estimate
    controls: Estimate | None = None
    score_r2: float | None = None


@dataclass(frozen=True)
class DriftLimits:
    """Where readings begin to count.

    Attributes:
        auroc: least AUROC of a probe that reads the concept.
        gap: how far the refit probe's AUROC may lie above another's.
        firing: change of the firing rate that is not yet growth or loss.
        controls: change of the firing rate on control rows that a threshold survives.
        score_r2: least share of the reference's scores that a realigned probe recovers.
    """

    auroc: float = 0.7
    gap: float = 0.02
    firing: float = 0.05
    controls: float = 0.01
    score_r2: float = 0.5


@dataclass(frozen=True)
class DriftState:
    """The state of a monitor on a checkpoint, and what it rests on.

    Attributes:
        state: one of the five, in words.
        reader: the probe whose firing decided; None where none can be believed.
        refreshed: whether that was another than the frozen probe, that is, whether the
            representation drifted, whatever the concept did.
        conclusive: whether its interval settles the matter: growth and loss always; no change
            only if the interval excludes one beyond the limit.
        seconded_by: other probes without fault that show the same change, or as little.
        contradicted_by: other probes without fault that show the opposite change, or none
            beyond the limit where the reader shows one.
        controls_rose: whether the frozen probe is shown to fire on more control rows than
            before, by more than the limit: drift of the threshold, or growth everywhere.
        reason: the figures, in sentences.
    """

    state: State
    reader: Reader | None
    refreshed: bool
    conclusive: bool
    seconded_by: tuple[Reader, ...]
    contradicted_by: tuple[Reader, ...]
    controls_rose: bool
    reason: str


def drift_state(
    frozen: Reading,
    *,
    realigned: Reading | None = None,
    refit: Reading | None = None,
    gap: Estimate | None = None,
    representation: RepresentationDrift | None = None,
    limits: DriftLimits | None = None,
) -> DriftState:
    """Name the state of a monitor on a checkpoint.

    The rules, in order; "shown" means by the whole interval:

    1. A probe can be believed if its AUROC is shown to be `limits.auroc` or more; its firing on
       control rows is not shown to have moved by more than `limits.controls`; a realigned one
       recovers `limits.score_r2` of the reference's scores; and a refit probe that can itself be
       believed is not shown to read better by more than `limits.gap`. For the frozen probe the
       last is asked of `gap` where it is given, and of two intervals apart otherwise.
    2. The reader is the first of frozen, realigned, refit that can be believed: a refit probe
       may have found another concept, a realigned one has not. None: `monitor no longer valid`.
       That holds too where no probe can find the concept any more: a hidden one looks the same.
    3. The reader's firing rate is shown to have risen by more than `limits.firing`:
       `concept grew`; fallen: `concept lost`.
       A rise that control rows share is no growth by these rules: threshold and map take it up.
       Activations cannot tell it from drift, so `controls_rose` and `reason` say that it
       happened, and only behaviour can settle it.
    4. Otherwise `stable` if the reader is the frozen probe, and
       `representation drifted, probe refreshed` if not.

    Args:
        frozen: the probe fitted on the reference, as it is.
        realigned: the same probe behind a `realignment`.
        refit: a probe fitted on the checkpoint.
        gap: AUROC of refit less frozen on the same rows (`gain_estimate` with floor 0); without
            `refit` it is not asked.
        representation: figures to quote.
        limits: where readings begin to count; the defaults if not given.

    Raises:
        ProbeError: if the firing of a probe that can be believed, or that of any on control rows,
            has no interval, because then neither change nor its absence can be told.
    """
    bounds = limits or DriftLimits()
    given: dict[Reader, Reading] = {"frozen": frozen}
    if realigned is not None:
        given["realigned"] = realigned
    if refit is not None:
        given["refit"] = refit
    faults = {name: _fault(name, reading, bounds) for name, reading in given.items()}
    if refit is not None and not faults["refit"]:
        for name in given:
            if name != "refit" and not faults[name]:
                paired = gap if name == "frozen" else None
                faults[name] = _outread(name, given[name], refit, paired, bounds)
    believed: list[Reader] = [name for name in given if not faults[name]]
    rose = frozen.controls is not None and _change("frozen", frozen.controls, bounds.controls) > 0
    told = [f"{fault[0].upper()}{fault[1:]}." for fault in faults.values() if fault]
    if rose:
        told.append("Whether control rows gained the concept, only behaviour can tell.")
    quoted = _quoted(representation)
    if not believed:
        told.append("No probe that was given can be believed.")
        reason = " ".join(told + quoted)
        return DriftState("monitor no longer valid", None, False, False, (), (), rose, reason)
    change = {name: _change(name, given[name].firing, bounds.firing) for name in believed}
    reader = believed[0]
    firing, found = given[reader].firing, change[reader]
    told.append(f"Read by the {reader} probe, the firing rate changed by {_shown(firing, '+.3f')}.")
    opposed = [
        change[name] == -found != 0
        or (found != 0 and change[name] == 0 and _within(given[name].firing, bounds.firing))
        for name in believed[1:]
    ]
    same = tuple(name for name in believed[1:] if change[name] == found)
    other = tuple(name for name, against in zip(believed[1:], opposed, strict=True) if against)
    if other:
        told.append(f"Contradicted by: {', '.join(other)}.")
    state: State = "stable" if reader == "frozen" else "representation drifted, probe refreshed"
    if found:
        state = "concept grew" if found > 0 else "concept lost"
    settled = found != 0 or _within(firing, bounds.firing)
    if not settled:
        told.append(f"A change of more than {bounds.firing:g} is not excluded.")
    reason = " ".join(told + quoted)
    return DriftState(state, reader, reader != "frozen", settled, same, other, rose, reason)


def _quoted(figures: RepresentationDrift | None) -> list[str]:
    if figures is None:
        return []
    return [
        f"Activations: CKA {figures.cka:.3f}, Procrustes residual {figures.procrustes:.3f} "
        f"({figures.procrustes_chance:.3f} by chance), norms x{figures.norm_ratio:.2f}."
    ]


def _fault(name: Reader, reading: Reading, limits: DriftLimits) -> str:
    """Why a probe cannot be believed by itself, or nothing."""
    low = reading.auroc.low
    if low is None or not low >= limits.auroc:  # a NaN is no evidence either
        return (
            f"AUROC of the {name} probe, {_shown(reading.auroc)}, is not shown to be "
            f"{limits.auroc:g} or more"
        )
    if reading.controls is not None and _change(name, reading.controls, limits.controls):
        return (
            f"on control rows the firing rate of the {name} probe moved by "
            f"{_shown(reading.controls, '+.3f')}, more than {limits.controls:g}"
        )
    if name == "realigned" and not (
        reading.score_r2 is not None and reading.score_r2 >= limits.score_r2
    ):
        recovered = "unknown" if reading.score_r2 is None else f"{reading.score_r2:.3f}"
        return (
            f"what realignment recovers of the reference's scores, R2 {recovered}, is not "
            f"{limits.score_r2:g} or more"
        )
    return ""


def _outread(
    name: Reader, reading: Reading, refit: Reading, gap: Estimate | None, limits: DriftLimits
) -> str:
    """That a refit probe reads better, or nothing."""
    if gap is not None:
        if gap.low is not None and gap.low > limits.gap:
            return f"refit reads better than {name} by {_shown(gap, '+.3f')} of AUROC"
        return ""
    high, low = reading.auroc.high, refit.auroc.low
    if high is not None and low is not None and low - high > limits.gap:
        return (
            f"refit reads better than {name}: AUROC {_shown(refit.auroc)} and "
            f"{_shown(reading.auroc)}"
        )
    return ""


def _change(name: Reader, firing: Estimate, limit: float) -> int:
    """1 for a rise beyond the limit, -1 for a fall, 0 where neither is shown."""
    low, high = firing.low, firing.high
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        raise ProbeError(
            f"the change in firing of the {name} probe has no interval: neither change nor its "
            "absence can be told; more rows or groups are needed"
        )
    return int(low > limit) - int(high < -limit)


def _within(firing: Estimate, limit: float) -> bool:
    """Whether the interval excludes a change beyond the limit."""
    low, high = firing.low, firing.high
    return low is not None and high is not None and max(-low, high) <= limit


def _shown(estimate: Estimate, form: str = ".3f") -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{form}} without an interval"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"
