"""The one place where a verdict is given.

Numbers come in, words go out: nothing is measured here, nothing is written, and every
output downstream repeats what these functions said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from audit.exit_codes import ExitCode
from reports.record import CheckResult, Estimate, GateResult, Verdict
from reports.series import CheckReading, GateReading
from suites.schema import SEVERITIES, Gate, Severity

# A check with its gates, as a single audit and as a row of a series record it.
Judged = CheckResult | CheckReading
Held = GateResult | GateReading

OneJudged = TypeVar("OneJudged", CheckResult, CheckReading)

# From what stops a run to what lets it go on.
_WORST_FIRST: tuple[Verdict, ...] = ("error", "flag", "inconclusive", "warn", "pass")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of the whole, from those of its parts; nothing at all is inconclusive."""
    found = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in found), "inconclusive")


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


def run_verdict(checks: Sequence[Judged], *, fail_on: Severity = "low") -> Verdict:
    """The worst verdict over all gates; what the exit code does not heed counts as a warning.

    That is a flag that is suppressed or known from the baseline, and a flag or an inconclusive
    gate below `fail_on`.
    """
    return worst(
        "warn" if gate.verdict != "pass" and not heeded(check, gate, fail_on) else gate.verdict
        for check in checks
        for gate in check.gates
    )


def heeded(check: Judged, gate: Held, fail_on: Severity) -> bool:
    """Whether the exit code heeds a gate.

    Always an error; never a flag that is suppressed, or that is known from the baseline and did
    not get worse; otherwise what is at least as severe as `fail_on`.
    """
    if gate.verdict == "error":
        return True
    if gate.verdict == "flag" and (check.suppressed is not None or _known(gate)):
        return False
    return reaches(gate.severity, fail_on)


def _known(gate: Held) -> bool:
    return isinstance(gate, GateResult) and gate.baseline_state == "unchanged"


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


def reaches(severity: Severity, fail_on: Severity) -> bool:
    """Whether a severity is that from which on gates count, or above it."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(fail_on)


def exit_code(
    checks: Sequence[Judged],
    *,
    fail_on: Severity = "low",
    strict: bool = False,
    exit_zero: bool = False,
) -> ExitCode:
    """What the process ends with.

    Gates below `fail_on` report and do not gate. `strict` turns inconclusive into flagged;
    `exit_zero` reports without gating, but an audit that could not be measured stays an
    error.
    """
    if not checks:
        return ExitCode.NOTHING_AUDITED
    if any(check.verdict == "error" for check in checks):
        return ExitCode.FAILED
    if exit_zero:
        return ExitCode.PASSED
    gating = {
        gate.verdict for check in checks for gate in check.gates if heeded(check, gate, fail_on)
    }
    if "flag" in gating:
        return ExitCode.FLAGGED
    if "inconclusive" in gating:
        return ExitCode.FLAGGED if strict else ExitCode.INCONCLUSIVE
    return ExitCode.PASSED
