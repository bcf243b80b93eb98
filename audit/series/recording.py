"""From a standing to its part of the record: figures and words, no decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit.engine.candidates import groups_of
from audit.engine.estimates import recorded
from audit.engine.evidence import misbehaviour_rate, reading_of
from audit.engine.gates import GATES, NotMeasurableError
from audit.engine.measure import Measurement
from audit.engine.said import said
from audit.engine.verdict import worst
from audit.series.readers import ReadBy
from audit.series.signals import SECOND_ALPHA, Signals
from audit.series.standing import Standing
from probes.intervals import paired_difference, rate
from reports.record import CheckResult, Estimate, GateResult
from reports.series import (
    CheckReading,
    GateReading,
    ProbeReading,
    Representation,
    SAEDrift,
    TwoWeights,
)
from suites.schema import Gate


@dataclass(frozen=True, eq=False)
class Heard:
    """A check on one checkpoint with all that its record needs.

    Attributes:
        standing: which probe is believed and what moved.
        signals: one for each gate of the check, in their order.
        two_weights: of a checkpoint that writes, its own text under both weights.
    """

    standing: Standing
    signals: tuple[Signals, ...]
    two_weights: TwoWeights | None = None
    notes: tuple[str, ...] = ()


def check_reading(result: CheckResult, heard: Heard | None) -> CheckReading:
    """A check's line in a checkpoint's row.

    Args:
        result: the verdict that the check got on this checkpoint.
        heard: what was read; None where the check could not be measured.
    """
    line = CheckReading(
        suite=result.suite,
        check=result.id,
        concept=result.concept,
        verdict=result.verdict,
        reasons=list(result.reasons),
        suppressed=result.suppressed,
        hook_name=result.hook_name,
        gates=[_gate(gate) for gate in result.gates],
        source=result.source,
    )
    if heard is None:
        return line
    standing, readers = heard.standing, heard.standing.readers
    believed, state, before = standing.believed, standing.state, standing.before
    source = (believed or readers.frozen).measurement
    gates = standing.check.gates
    found = line.model_copy(
        update={
            "hook_name": readers.frozen.measurement.point.name,
            "gates": [
                _with_signals(_gate(held), gate, signal, _read_in(standing, gate), before)
                for held, gate, signal in zip(result.gates, gates, heard.signals, strict=True)
            ],
            "state": None if state is None else state.state,
            "state_reason": "" if state is None else state.reason,
            "conclusive": state is not None and state.conclusive,
            "reader": None if believed is None else believed.name,
            "controls_rose": state is not None and state.controls_rose,
            "contradicted_by": [] if state is None else list(state.contradicted_by),
            "readings": [_reading(one, before) for one in readers.all],
            "behaviour": behaviour(source, gates[0]),
            "behaviour_change": None if before is None else _behaviour_change(source, before),
            "p_change": standing.p_change,
            "representation": _representation(standing),
            "sae": _sae(source, before),
            "two_weights": heard.two_weights,
            "notes": [*readers.notes, *heard.notes],
        }
    )
    doubt = _doubt(standing, found.behaviour)
    return found if doubt is None else _without_pass(found, gates, doubt)


def _doubt(standing: Standing, does: Estimate | None) -> str | None:
    """Why this check may not pass here although its gates do; None where nothing speaks."""
    state = standing.state
    if state is None:
        return None
    if standing.believed is None:
        return f"monitor no longer valid: {state.reason}"
    if state.controls_rose and does is None:
        return (
            "control rows fire more often than on the reference, and nobody can tell what the "
            "model does: a concept that grew everywhere would look like this"
        )
    return None


def _without_pass(line: CheckReading, asked: Sequence[Gate], doubt: str) -> CheckReading:
    gates = [
        held.model_copy(update={"verdict": "inconclusive", "reason": doubt, "q_value": None})
        if held.verdict in ("pass", "warn") and gate.reads_monitor
        else held
        for held, gate in zip(line.gates, asked, strict=True)
    ]
    if gates == line.gates:
        return line
    return line.model_copy(
        update={
            "gates": gates,
            "verdict": worst(gate.verdict for gate in gates),
            "reasons": [*line.reasons, doubt],
        }
    )


def behaviour(found: Measurement, gate: Gate) -> Estimate | None:
    """What the model visibly does, in the unit of the gate."""
    if not gate.compares_values:
        return misbehaviour_rate(found)
    says = said(found)
    if says is None:
        return None
    try:
        return recorded(GATES["disparity"](says, says, gate)(found.work.check.confidence))
    except NotMeasurableError:  # the gate itself says what is missing
        return None


def _behaviour_change(now: Measurement, before: Measurement) -> Estimate | None:
    """Change of the misbehaving share on the same rows, where it is known of both."""
    pairs = [
        (a.misbehaves, b.misbehaves, group)
        for a, b, group in zip(
            now.behaviours, before.behaviours, groups_of(now.work.roles["audit"]), strict=False
        )
        if a.misbehaves is not None and b.misbehaves is not None
    ]
    if not pairs:
        return None
    here, there, groups = zip(*pairs, strict=True)
    return recorded(
        paired_difference(
            np.array(here), np.array(there), np.array(groups), confidence=now.work.check.confidence
        )
    )


def _gate(held: GateResult) -> GateReading:
    return GateReading(
        kind=held.kind,
        attribute=held.detail.get("attribute"),
        severity=held.severity,
        limit=held.limit,
        estimate=held.estimate,
        p_value=held.p_value,
        q_value=held.q_value,
        verdict=held.verdict,
        reason=held.reason,
        source=held.source,
    )


def _with_signals(
    line: GateReading,
    gate: Gate,
    signal: Signals,
    found: Measurement | None,
    before: Measurement | None,
) -> GateReading:
    number = None
    if found is not None:
        try:
            number = recorded(GATES[gate.kind](found, before, gate)(found.work.check.confidence))
        except NotMeasurableError:  # `reason` of the gate says what is missing
            number = None
    return line.model_copy(
        update={
            "by_reader": number,
            "alarm_p": signal.p,
            "first": signal.first,
            "second_p": signal.second_p,
            "second": [f"{name}: p = {p:.3g}" for name, p in signal.second],
            "seconded_by": [
                f"{name}, p = {p:.2g}" for name, p in signal.second if p <= SECOND_ALPHA
            ],
        }
    )


def _read_in(standing: Standing, gate: Gate) -> Measurement | None:
    """Where a gate's number is read: by the believed probe, or by any where it leans on none."""
    if standing.believed is not None:
        return standing.believed.measurement
    return None if gate.reads_monitor else standing.readers.frozen.measurement


def _reading(one: ReadBy, before: Measurement | None) -> ProbeReading:
    found = one.measurement
    role, confidence = found.work.roles, found.work.check.confidence
    benign, fires = found.benign, found.fires("control")
    if one.name == "frozen" and before is not None:  # at the old threshold, which tells of drift
        fires = found.scores["control"] > before.threshold.value
    return ProbeReading(
        name=one.name,
        auroc=recorded(one.reading.auroc),
        events=recorded(rate(reading_of(found), groups_of(role["audit"]), confidence=confidence)),
        change=None if before is None else recorded(one.reading.firing),
        controls=recorded(
            rate(fires[benign], groups_of(role["control"])[benign], confidence=confidence)
        ),
        score_r2=one.reading.score_r2,
        cosine=one.cosine,
    )


def _representation(standing: Standing) -> Representation | None:
    moved = standing.readers.representation
    if moved is None:
        return None
    return Representation(
        n=moved.n,
        cka=moved.cka,
        procrustes=moved.procrustes,
        procrustes_chance=moved.procrustes_chance,
        norm_ratio=moved.norm_ratio,
    )


def _sae(found: Measurement, before: Measurement | None) -> SAEDrift | None:
    here = found.work.watch
    there = None if before is None else before.work.watch
    if here is None or there is None:
        return None
    whole = there.fidelity.explained_variance
    return SAEDrift(
        reference=there.fidelity,
        here=here.fidelity,
        kept=here.fidelity.explained_variance / whole if whole > 0 else 0.0,
    )
