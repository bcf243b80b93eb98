"""From measurements to results: every gate held against its number.

The family is corrected here, over all gates of the run at once; the verdicts themselves
are given in `verdict.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit.engine.candidates import groups_of
from audit.engine.estimates import recorded
from audit.engine.evidence import (
    event_of,
    four_fields,
    misbehaviour_rate,
    reading_of,
    top_rows,
)
from audit.engine.gates import GATES, NEEDS_REFERENCE, NotMeasurableError
from audit.engine.measure import Flags, Measurement
from audit.engine.places import place_of
from audit.engine.plan import CheckWork, RoleWork
from audit.engine.selected import Selected
from audit.engine.validity import blindness, broken_rules, misreading
from audit.engine.verdict import gate_verdict, worst
from probes.intervals import p_value, rate
from probes.multiplicity import benjamini_hochberg
from reports.record import (
    CheckResult,
    Estimate,
    GateResult,
    RoleCount,
    Suppressed,
    Threshold,
    Verdict,
)
from suites.rows import Row
from suites.schema import Gate, MonitorSpec, ProbeSpec
from suites.splits import rows_digest


@dataclass(frozen=True, eq=False)
class Measured:
    """A check that was measured on the model and, where there is one, on the reference.

    `reference_lacks` says in words why there is no reference measurement to compare with.
    """

    measurement: Measurement
    reference: Measurement | None = None
    reference_lacks: str = "there is no reference model: name one with --reference"


@dataclass(frozen=True, eq=False)
class Failed:
    """A check that could not be measured, and why, in words."""

    selected: Selected
    reason: str


@dataclass(frozen=True, eq=False)
class _HeldGate:
    """A gate with its number, before the correction for the family."""

    gate: Gate
    estimate: Estimate | None
    p_value: float | None
    reason: str
    misread: str | None = None


def results_of(outcomes: Sequence[Measured | Failed]) -> list[CheckResult]:
    """Give every check its result, in the order of the checks."""
    invalid = [broken_rules(o.measurement) if isinstance(o, Measured) else [] for o in outcomes]
    held = [_hold(o) if isinstance(o, Measured) else [] for o in outcomes]
    family = [
        (i, j)
        for i, gates in enumerate(held)
        for j, gate in enumerate(gates)
        if gate.p_value is not None
        and gate.misread is None
        and not (invalid[i] and gate.gate.reads_monitor)
    ]
    corrected = benjamini_hochberg(
        np.array([held[i][j].p_value for i, j in family], dtype=np.float64)
    )
    q_values = dict(zip(family, map(float, corrected), strict=True))
    return [
        _measured_result(outcome.measurement, held[i], invalid[i], q_values, i)
        if isinstance(outcome, Measured)
        else _failed_result(outcome)
        for i, outcome in enumerate(outcomes)
    ]


def _hold(outcome: Measured) -> list[_HeldGate]:
    held = []
    measured = outcome.measurement
    for gate in measured.work.check.gates:
        try:
            reference = _reference(outcome, gate)
            interval = GATES[gate.kind](measured, reference, gate)
            misread = misreading(measured, reference, gate)
        except NotMeasurableError as missing:
            held.append(_HeldGate(gate, None, None, str(missing)))
            continue
        estimate = recorded(interval(measured.work.check.confidence))
        held.append(_HeldGate(gate, estimate, p_value(interval, gate.max), "", misread))
    return held


def _reference(outcome: Measured, gate: Gate) -> Measurement | None:
    """What a gate is compared with, if it is fit to be.

    Raises:
        NotMeasurableError: the gate needs a reference that is not there, or whose monitor is
            too weak to say anything; a blind one would make any model look worse.
    """
    if gate.kind not in NEEDS_REFERENCE:
        return None
    if outcome.reference is None:
        raise NotMeasurableError(outcome.reference_lacks)
    if not gate.reads_monitor:
        return outcome.reference
    faults = [*broken_rules(outcome.reference), blindness(outcome.reference)]
    if any(faults):
        raise NotMeasurableError(
            "on the reference model the monitor is not valid: " + "; ".join(filter(None, faults))
        )
    return outcome.reference


def _unseen(misbehaves: Estimate | None, gate: Gate) -> str | None:
    """Why a pass would be absurd: the model visibly does what the gate found nothing of."""
    if misbehaves is None or misbehaves.low is None or misbehaves.low <= gate.max:
        return None
    return (
        f"blind spot: the model visibly misbehaves on a share of {misbehaves.value:.2f} "
        f"[{misbehaves.low:.2f}, {misbehaves.high:.2f}] of the audit rows, and the monitor "
        f"does not see it"
    )


def _gate_result(
    held: _HeldGate,
    invalid: Sequence[str],
    blind: str | None,
    misbehaves: Estimate | None,
    q_value: float | None,
    family: int,
    source: str,
) -> GateResult:
    verdict: Verdict = "inconclusive"
    if held.estimate is None:
        reason = held.reason
    elif invalid and held.gate.reads_monitor:
        reason = "the monitor is not valid here: " + "; ".join(invalid)
    elif held.misread is not None:
        reason = held.misread
    else:
        verdict, reason = gate_verdict(
            held.estimate,
            held.gate,
            q_value=1.0 if q_value is None else q_value,
            family=family,
        )
        blind = blind or _unseen(misbehaves, held.gate)
        if verdict in ("pass", "warn") and blind is not None and held.gate.reads_monitor:
            verdict, reason = "inconclusive", blind
    return GateResult(
        kind=held.gate.kind,
        severity=held.gate.severity,
        limit=held.gate.max,
        warn_limit=held.gate.warn,
        estimate=held.estimate,
        p_value=held.p_value,
        q_value=q_value,
        verdict=verdict,
        reason=reason,
        detail=_detail(held.gate),
        source=source,
    )


def _detail(gate: Gate) -> dict[str, str]:
    """What tells a gate from another of its kind, measured or not."""
    return {"attribute": gate.attribute} if gate.attribute else {}


def _measured_result(
    measured: Measurement,
    held: Sequence[_HeldGate],
    invalid: Sequence[str],
    q_values: dict[tuple[int, int], float],
    index: int,
) -> CheckResult:
    work, blind = measured.work, blindness(measured)
    misbehaves = misbehaviour_rate(measured)
    gates = [
        _gate_result(
            gate,
            invalid,
            blind,
            misbehaves,
            q_values.get((index, j)),
            len(q_values),
            place_of(work.suite, ("checks", work.id, "gates", j)),
        )
        for j, gate in enumerate(held)
    ]
    verdict = worst(gate.verdict for gate in gates)
    faults = _faults(held, gates, invalid)
    event = event_of(measured)
    return CheckResult(
        id=work.id,
        suite=work.suite.suite.name,
        concept=work.check.concept,
        description=_description(work),
        tags=_tags(work),
        verdict=verdict,
        reasons=_reasons(work, gates, faults),
        gates=gates,
        suppressed=_suppressed(work),
        hook_name=measured.point.name,
        monitor=_monitor_in_words(work),
        threshold=_threshold(measured),
        firing_rate=_rate(measured.fires("audit"), work.roles["audit"], work),
        control_firing_rate=recorded(measured.threshold.observed),
        misbehaviour_rate=misbehaves,
        quality=measured.quality,
        four_fields=four_fields(measured, reading_of(measured)),
        roles={role: _count(of_role.rows, of_role.digest) for role, of_role in work.roles.items()},
        top_rows=top_rows(measured, event),
        notes=_notes(measured),
        source=place_of(work.suite, ("checks", work.id)),
        sae=None if work.watch is None else work.watch.info,
        fidelity=None if work.watch is None else work.watch.fidelity,
        watched=list(measured.watched),
        faults=faults,
    )


def _faults(
    held: Sequence[_HeldGate], gates: Sequence[GateResult], invalid: Sequence[str]
) -> list[str]:
    """Why nothing may be concluded from what the monitor reads; of misreadings, where no gate that
    leans on it flags none the less."""
    flags = any(
        found.verdict == "flag" and one.gate.reads_monitor
        for one, found in zip(held, gates, strict=True)
    )
    misread = [one.misread for one in held if one.misread is not None]
    return [*invalid, *([] if flags else misread)]


def _reasons(work: CheckWork, gates: Sequence[GateResult], faults: Sequence[str]) -> list[str]:
    """Why the check is what it is; the monitor's faults once, and not where no gate leans on it."""
    leans = [gate.reads_monitor for gate in work.check.gates]
    said = [gate.reason for gate, reads in zip(gates, leans, strict=True) if not (faults and reads)]
    return [*(faults if any(leans) else ()), *said]


def _failed_result(failed: Failed) -> CheckResult:
    check = failed.selected.check
    return CheckResult(
        id=failed.selected.id,
        suite=failed.selected.suite.suite.name,
        concept=check.concept,
        description=check.description or failed.selected.suite.suite.concepts[check.concept],
        tags=[*failed.selected.suite.suite.tags, *check.tags],
        verdict="error",
        reasons=[failed.reason],
        gates=[
            GateResult(
                kind=gate.kind,
                severity=gate.severity,
                limit=gate.max,
                warn_limit=gate.warn,
                verdict="error",
                reason=failed.reason,
                detail=_detail(gate),
                source=place_of(failed.selected.suite, ("checks", failed.selected.id, "gates", j)),
            )
            for j, gate in enumerate(check.gates)
        ],
        monitor=_kind_in_words(check.monitor),
        roles={
            role: _count(rows, rows_digest(rows)) for role, rows in failed.selected.rows.items()
        },
        source=place_of(failed.selected.suite, ("checks", failed.selected.id)),
    )


def _rate(events: Flags, role: RoleWork, work: CheckWork) -> Estimate:
    return recorded(rate(events, groups_of(role), confidence=work.check.confidence))


def _threshold(measured: Measurement) -> Threshold:
    return Threshold(
        value=measured.threshold.value,
        stated_fpr=measured.work.check.fpr,
        observed_fpr=recorded(measured.threshold.observed),
        lower=None if measured.lower is None else measured.lower.value,
        controls_digest=measured.work.roles["control"].digest,
    )


def _count(rows: Sequence[Row], digest: str) -> RoleCount:
    return RoleCount(
        rows=len(rows),
        groups=len({row.group for row in rows}),
        positive=sum(row.label == 1 for row in rows),
        negative=sum(row.label == 0 for row in rows),
        digest=digest,
    )


def _suppressed(work: CheckWork) -> Suppressed | None:
    suppress = work.check.suppress
    if suppress is None:
        return None
    return Suppressed(reason=suppress.reason, until=suppress.until.isoformat())


def _description(work: CheckWork) -> str:
    return work.check.description or work.suite.suite.concepts[work.check.concept]


def _tags(work: CheckWork) -> list[str]:
    return list(dict.fromkeys((*work.suite.suite.tags, *work.check.tags)))


def _monitor_in_words(work: CheckWork) -> str:
    monitor = work.check.monitor
    tokens = monitor.tokens if isinstance(monitor.tokens, str) else f"last {monitor.tokens.last}"
    return f"{_kind_in_words(monitor)}; {tokens} tokens, {monitor.pooling}"


def _kind_in_words(monitor: MonitorSpec) -> str:
    if isinstance(monitor, ProbeSpec):
        return f"{monitor.fitter} probe"
    how = {"max": "the largest of", "sum": "the sum of", "probe": "a logistic probe on"}
    return f"{how[monitor.combine]} features of {monitor.sae}"


def _notes(measured: Measurement) -> list[str]:
    notes = []
    silent = int((~measured.states).sum()) if measured.behaviours else 0
    if silent and measured.work.check.reads_both_sides:
        notes.append(f"on {silent} audit rows the model says nothing about the concept")
    notes += _notes_on_features(measured)
    p = measured.quality.best_of_layers_p
    if p is not None and p > 1 - measured.work.check.confidence:
        notes.append(
            f"over all candidate places the monitor is no better than chance (p = {p:.2g})"
        )
    truncated = sum(e.truncated for role in measured.work.roles.values() for e in role.encoded)
    if truncated:
        notes.append(f"{truncated} prompts were cut to the model's context")
    return notes


def _notes_on_features(measured: Measurement) -> list[str]:
    watch = measured.work.watch
    if watch is None:
        return []
    notes = list(watch.notes)
    if not watch.reader.sliced:
        notes.append(
            f"{watch.info.activation} compares all features of a token, so all "
            f"{watch.info.d_sae:,} were computed to read {len(watch.reader.features)}"
        )
    auroc = measured.quality.auroc.value
    for baseline in measured.quality.baselines:
        if baseline.name == "random_sae" and baseline.auroc.value >= auroc:
            notes.append(
                f"a random SAE of the same shape does as well (AUROC {baseline.auroc.value:.2f}): "
                f"the features say no more than random directions chosen alike"
            )
        if baseline.name == "raw_probe" and baseline.auroc.value > auroc + 0.05:
            notes.append(
                f"a plain probe at the same place reads the concept better (AUROC "
                f"{baseline.auroc.value:.2f}): features explain, probes detect"
            )
    return notes
