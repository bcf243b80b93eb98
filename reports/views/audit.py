"""A whole report in words and figures, computed once for every renderer.

What was found, in the order in which it matters; what was not measured, and why. Strings may
hold text from outside, as it came. Nothing is decided here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from reports.record import AuditReport, CheckResult, GateResult, Severity, Verdict
from reports.verdicts import WORST_FIRST
from reports.views.check import CheckView, view_check
from reports.views.exits import AUDIT, exit_meaning
from reports.views.standing import BELOW, Excuse, Rank, shown_word
from reports.views.wording import gate_words

UNDECIDED: frozenset[Verdict] = frozenset({"error", "inconclusive"})


@dataclass(frozen=True)
class Finding:
    """A gate that flagged or warned, in one sentence; `gate` is the record's own."""

    where: str
    verdict: Verdict
    severity: Severity
    sentence: str
    q_value: float | None
    excuse: Excuse | None
    gate: GateResult
    rank: Rank


@dataclass(frozen=True)
class Gap:
    """Something that was not measured: where (a check, or nothing for the run), and why."""

    where: str | None
    verdict: Verdict | None
    why: tuple[str, ...]


@dataclass(frozen=True)
class Mention:
    """Something that a check says of the features of an SAE, in one line."""

    where: str
    sentence: str


@dataclass(frozen=True)
class ReportView:
    """A report as every renderer shows it. Checks come worst first."""

    report: AuditReport
    verdict: Verdict
    subject: str
    summary: str
    meaning: str
    checks: tuple[CheckView, ...]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    mentions: tuple[Mention, ...]


def view_report(report: AuditReport) -> ReportView:
    """Say a whole report."""
    checks = tuple(sorted(map(view_check, report.checks), key=lambda check: check.rank))
    return ReportView(
        report=report,
        verdict=report.verdict,
        subject=report.model.name,
        summary=_summary(checks),
        meaning=exit_meaning(report.exit_code, report.verdict, AUDIT),
        checks=checks,
        findings=tuple(sorted(_findings(checks), key=lambda finding: finding.rank)),
        gaps=tuple(_gaps(report, checks)),
        mentions=tuple(Mention(view.name, line) for view in checks for line in view.features),
    )


def _summary(checks: tuple[CheckView, ...]) -> str:
    """`6 checks: 1 flag, 1 flag (suppressed), 4 pass`, in the order of the checks."""
    if not checks:
        return "no check was run"
    counts = Counter(shown_word(view.verdict, view.excuse) for view in checks)
    said = ", ".join(f"{number} {word}" for word, number in counts.items())
    return f"{len(checks)} check{'' if len(checks) == 1 else 's'}: {said}"


def _findings(checks: tuple[CheckView, ...]) -> Iterator[Finding]:
    for view in checks:
        for line in view.gates:
            if line.verdict in {"flag", "warn"}:
                yield Finding(
                    where=view.name,
                    verdict=line.verdict,
                    severity=line.severity,
                    sentence=line.sentence,
                    q_value=line.gate.q_value,
                    excuse=line.excuse,
                    gate=line.gate,
                    rank=line.rank,
                )


def _gaps(report: AuditReport, checks: tuple[CheckView, ...]) -> Iterator[Gap]:
    if not checks:
        yield Gap(None, None, ("nothing was audited",))
    if report.partial:
        yield Gap(
            None, None, ("the run is partial (limited, selected or stopped): not for gating",)
        )
    for view in checks:
        yield from _undecided(view)
    for why in report.not_measured:
        yield Gap(None, None, (why,))
    if report.work.truncated:
        prompts = "prompt was" if report.work.truncated == 1 else "prompts were"
        why = f"{report.work.truncated} {prompts} cut to the model's context"
        yield Gap(None, None, (why,))
    blind = [
        view.name
        for view in checks
        if view.verdict != "error" and view.words.by_row and not view.four_fields
    ]
    if blind:
        why = f"behaviour, so no hidden concern can be told from a known one: {', '.join(blind)}"
        yield Gap(None, None, (why,))


def _undecided(view: CheckView) -> Iterator[Gap]:
    """The gates of a check that gave no answer; failing those, the check's own reasons."""
    silent = [line for line in view.gates if line.verdict in UNDECIDED]
    said = {line.verdict for line in silent} | ({view.check.verdict} & UNDECIDED)
    if not said:
        return
    why = _reasons([line.gate for line in silent], view.check) if silent else view.reasons
    if silent and all(line.excuse == BELOW for line in silent):
        why = (*why, BELOW.sentence)
    verdict = min(said, key=WORST_FIRST.index)
    yield Gap(view.name, verdict, why or ("no reason was recorded",))


def _reasons(silent: list[GateResult], check: CheckResult) -> tuple[str, ...]:
    """Each reason once, with the gates that it is about unless it is about all of them."""
    about: dict[str, list[str]] = defaultdict(list)
    for gate in silent:
        about[gate.reason].append(gate_words(gate.kind).title)
    return tuple(
        reason if len(titles) == len(check.gates) else f"{', '.join(titles)}: {reason}"
        for reason, titles in about.items()
    )
