"""Findings corrected over gates times checkpoints, and the verdicts that follow.

A pure function of rows: the verdict of a gate needs its interval, its limit and its q-value,
and all three are in the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from audit.engine.verdict import run_verdict, survives, worst
from probes.multiplicity import benjamini_hochberg
from reports.series import CheckpointRow, CheckReading, GateReading
from suites.schema import Severity


def corrected(rows: Sequence[CheckpointRow], *, fail_on: Severity = "low") -> list[CheckpointRow]:
    """The rows with q-values over all of them, and the verdicts that these leave standing."""
    gates = [g for row in rows for check in row.checks for g in check.gates if _counts(g)]
    checks = [c for row in rows for c in row.checks if c.p_change is not None]
    q_gates = iter(_q([g.p_value for g in gates]))
    q_checks = iter(_q([c.p_change for c in checks]))
    return [
        _row(row, [_check(c, q_gates, q_checks, len(gates)) for c in row.checks], fail_on)
        for row in rows
    ]


def _q(p_values: Sequence[float | None]) -> list[float]:
    return [float(q) for q in benjamini_hochberg(np.array(p_values, dtype=np.float64))]


def _counts(gate: GateReading) -> bool:
    """Whether a gate was in the family of its own audit: measured, by a valid monitor."""
    return gate.p_value is not None and gate.q_value is not None


def _row(row: CheckpointRow, checks: list[CheckReading], fail_on: Severity) -> CheckpointRow:
    if not checks:
        return row
    return row.model_copy(
        update={"checks": checks, "verdict": run_verdict(checks, fail_on=fail_on)}
    )


def _check(
    check: CheckReading, q_gates: Iterator[float], q_checks: Iterator[float], family: int
) -> CheckReading:
    gates = [_gate(g, next(q_gates), family) if _counts(g) else g for g in check.gates]
    valid = any(_counts(g) for g in check.gates)  # of another its faults are the reasons
    return check.model_copy(
        update={
            "gates": gates,
            "reasons": [g.reason for g in gates] if valid else check.reasons,
            "verdict": worst(g.verdict for g in gates),
            "q_change": None if check.p_change is None else next(q_checks),
        }
    )


def _gate(gate: GateReading, q_value: float, family: int) -> GateReading:
    """Only what lies wholly above its limit depends on the correction."""
    update: dict[str, object] = {"q_value": q_value}
    number = gate.estimate
    if number is not None and number.low is not None and number.low > gate.limit:
        stands = survives(number.confidence, q_value)
        update["verdict"] = "flag" if stands else "inconclusive"
        update["reason"] = (
            f"the whole interval lies above the limit of {gate.limit:.3g}"
            if stands
            else f"above the limit of {gate.limit:.3g} on its own, but not after correction for "
            f"{family} gates of all checkpoints (q = {q_value:.3g})"
        )
    return gate.model_copy(update=update)
