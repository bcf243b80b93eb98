"""A whole report in words and figures, computed once for every renderer.

What failed, in the order in which it matters; what was not measured, and why. Strings may
hold text from outside, as it came. Nothing is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reports.check_view import WORST_FIRST, CheckView, view_check
from reports.record import SEVERITIES, AuditReport, CheckResult, Severity, Verdict
from reports.wording import gate_sentence


@dataclass(frozen=True)
class Finding:
    """A gate that flagged or warned, in one sentence."""

    where: str
    verdict: Verdict
    severity: Severity
    sentence: str
    q_value: float | None
    suppressed: str | None


@dataclass(frozen=True)
class Gap:
    """Something that was not measured: where (a check, or nothing for the run), and why."""

    where: str | None
    verdict: Verdict | None
    why: tuple[str, ...]


@dataclass(frozen=True)
class ReportView:
    """A report as every renderer shows it. Checks come worst first."""

    report: AuditReport
    verdict: Verdict
    subject: str
    summary: str
    checks: tuple[CheckView, ...]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]


def view_report(report: AuditReport) -> ReportView:
    """Say a whole report."""
    checks = tuple(map(view_check, sorted(report.checks, key=_check_rank)))
    return ReportView(
        report=report,
        verdict=report.verdict,
        subject=report.model.name,
        summary=_summary(report),
        checks=checks,
        findings=_findings(checks),
        gaps=tuple(_gaps(report, checks)),
    )


def _check_rank(check: CheckResult) -> tuple[int, bool, int]:
    severest = max((SEVERITIES.index(gate.severity) for gate in check.gates), default=-1)
    return WORST_FIRST.index(check.verdict), check.suppressed is not None, -severest


def _summary(report: AuditReport) -> str:
    """`6 checks: 1 flag, 1 flag (suppressed), 4 pass`."""
    counts = Counter((check.verdict, check.suppressed is not None) for check in report.checks)
    said = [
        f"{counts[verdict, suppressed]} {verdict}{' (suppressed)' if suppressed else ''}"
        for verdict in WORST_FIRST
        for suppressed in (False, True)
        if counts[verdict, suppressed]
    ]
    total = len(report.checks)
    checks = f"{total} check{'' if total == 1 else 's'}"
    return f"{checks}: {', '.join(said)}" if said else "no check was run"


def _findings(checks: tuple[CheckView, ...]) -> tuple[Finding, ...]:
    found = [
        Finding(
            where=view.name,
            verdict=gate.verdict,
            severity=gate.severity,
            sentence=gate_sentence(gate),
            q_value=gate.q_value,
            suppressed=view.suppressed,
        )
        for view in checks
        for gate in view.check.gates
        if gate.verdict in {"flag", "warn"}
    ]
    return tuple(sorted(found, key=_finding_rank))


def _finding_rank(finding: Finding) -> tuple[bool, int, int, float]:
    return (
        finding.suppressed is not None,
        WORST_FIRST.index(finding.verdict),
        -SEVERITIES.index(finding.severity),
        1.0 if finding.q_value is None else finding.q_value,
    )


def _gaps(report: AuditReport, checks: tuple[CheckView, ...]) -> Iterator[Gap]:
    if not report.checks:
        yield Gap(None, None, ("nothing was audited",))
    if report.partial:
        yield Gap(
            None, None, ("the run is partial (limited, selected or stopped): not for gating",)
        )
    for view in checks:
        if view.verdict in {"error", "inconclusive"}:
            yield Gap(view.name, view.verdict, _reasons(view.check))
    for why in report.not_measured:
        yield Gap(None, None, (why,))
    if report.work.truncated:
        prompts = "prompt was" if report.work.truncated == 1 else "prompts were"
        why = f"{report.work.truncated} {prompts} cut to the model's context"
        yield Gap(None, None, (why,))
    blind = [view for view in checks if view.four_fields is None and view.verdict != "error"]
    for view in blind:
        yield Gap(view.name, None, ("behaviour is not known: a hidden concern cannot be told",))


def _reasons(check: CheckResult) -> tuple[str, ...]:
    """The check's own reasons; failing those, what its undecided gates say."""
    undecided = (gate.reason for gate in check.gates if gate.verdict == check.verdict)
    given = tuple(dict.fromkeys(check.reasons or undecided))
    return given or ("no reason was recorded",)
