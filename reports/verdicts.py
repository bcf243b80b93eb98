"""What follows from verdicts that gates were given: of a check, of a run, and the exit code.

The one rule: the engine gives a record its words by it, and a reader holds the words of a stored
record against it. Knows records; how a gate comes by its verdict is the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.exit_codes import ExitCode
from reports.record import SEVERITIES, CheckResult, GateResult, Severity, Verdict
from reports.series import CheckpointRow, CheckReading, GateReading, Stop

# A check with its gates, as a single audit and as a row of a series record it.
Judged = CheckResult | CheckReading
Held = GateResult | GateReading

# From what stops a run to what lets it go on.
WORST_FIRST: tuple[Verdict, ...] = ("error", "flag", "inconclusive", "warn", "pass")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of the whole, from those of its parts; nothing at all is inconclusive."""
    found = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in found), "inconclusive")


def reaches(severity: Severity, fail_on: Severity) -> bool:
    """Whether a severity is that from which on gates count, or above it."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(fail_on)


def heeds(verdict: Verdict, severity: Severity, fail_on: Severity, *, excused: bool) -> bool:
    """Whether the exit code heeds such a gate.

    Always an error; never a flag that is excused; otherwise what is at least as severe as
    `fail_on`.

    Args:
        verdict: of the gate.
        severity: of the gate.
        fail_on: from which severity on gates count.
        excused: whether a flag of it is suppressed, or known from the baseline and no worse.
    """
    if verdict == "error":
        return True
    return not (verdict == "flag" and excused) and reaches(severity, fail_on)


def heeded(check: Judged, gate: Held, fail_on: Severity) -> bool:
    """Whether the exit code heeds a gate of a check."""
    known = isinstance(gate, GateResult) and gate.baseline_state == "unchanged"
    excused = check.suppressed is not None or known
    return heeds(gate.verdict, gate.severity, fail_on, excused=excused)


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


def series_verdict(rows: Sequence[CheckpointRow], stop: Stop | None) -> Verdict:
    """The worst over the checkpoints; an alarm that does more than warn is a flag."""
    alarm: list[Verdict] = ["flag"] if stop is not None and stop.on_flag != "warn" else []
    return worst([worst(row.verdict for row in rows), *alarm])


def series_exit_code(
    rows: Sequence[CheckpointRow],
    stop: Stop | None,
    *,
    fail_on: Severity = "low",
    strict: bool = False,
    exit_zero: bool = False,
) -> ExitCode:
    """What a series ends with: as one audit of all its checks, and its alarm flags."""
    checks = [check for row in rows for check in row.checks]
    code = exit_code(checks, fail_on=fail_on, strict=strict, exit_zero=exit_zero)
    failed = any(row.verdict == "error" for row in rows)
    if failed or code == ExitCode.FAILED:
        return ExitCode.FAILED
    if stop is not None and stop.on_flag != "warn" and not exit_zero:
        return ExitCode.FLAGGED
    return code
