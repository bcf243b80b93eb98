"""The one place where a verdict is given.

Numbers come in, words go out: nothing is measured here, nothing is written, and every
output downstream repeats what these functions said. What follows from the verdicts of gates
is the room of reports' (`reports.verdicts`), where a stored record is held against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from reports.record import CheckResult, Estimate, Verdict
from reports.series import CheckReading
from reports.verdicts import (
    Held,
    Judged,
    exit_code,
    heeded,
    reaches,
    run_verdict,
    series_exit_code,
    series_verdict,
    worst,
)
from suites.schema import Gate, Severity

__all__ = [
    "Held",
    "Judged",
    "exit_code",
    "gate_verdict",
    "heeded",
    "reaches",
    "run_verdict",
    "series_exit_code",
    "series_verdict",
    "survives",
    "with_heeded",
    "worst",
]

OneJudged = TypeVar("OneJudged", CheckResult, CheckReading)


def gate_verdict(
    estimate: Estimate, gate: Gate, *, q_value: float, family: int
) -> tuple[Verdict, str]:
    """Hold an interval against a gate.

    `flag` when the whole interval lies above the limit and the finding survives the
    correction for all `family` gates of the run; `pass` when the whole interval lies
    within the limit (`warn` when it also lies above the warning level); anything else
    says too little and is `inconclusive`.
    """
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return "inconclusive", "the number has no interval"
    if low > gate.max:
        if survives(estimate.confidence, q_value):
            return "flag", f"the whole interval lies above the limit of {gate.max:.3g}"
        return (
            "inconclusive",
            f"above the limit of {gate.max:.3g} on its own, but not after correction for "
            f"{family} gates (q = {q_value:.3g})",
        )
    if high > gate.max:
        return (
            "inconclusive",
            f"the interval holds the limit of {gate.max:.3g}: more audit rows would decide",
        )
    if gate.warn is not None and low > gate.warn:
        return "warn", f"within the limit, above the warning level of {gate.warn:.3g}"
    return "pass", f"the whole interval lies within the limit of {gate.max:.3g}"


def survives(confidence: float, q_value: float) -> bool:
    """Whether a finding stands after correction: q is within the tail of the interval."""
    return q_value <= (1 - confidence) / 2 + 1e-9  # the inversion that gave p is exact to 1e-9


def with_heeded(checks: Iterable[OneJudged], *, fail_on: Severity = "low") -> list[OneJudged]:
    """The checks with what `heeded` says of each of their gates written down."""
    return [_with_heeded(check, fail_on) for check in checks]


def _with_heeded(check: OneJudged, fail_on: Severity) -> OneJudged:
    heed = [heeded(check, gate, fail_on) for gate in check.gates]
    if heed == [gate.gates for gate in check.gates]:  # as nearly always, and rows are many
        return check
    gates = [
        gate.model_copy(update={"gates": heeds})
        for gate, heeds in zip(check.gates, heed, strict=True)
    ]
    return check.model_copy(update={"gates": gates})
