"""The report on a terminal: a verdict line, a table, and one line for each thing to know.

Readable at 80 columns and without colour. Data is never markup.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.check_view import CheckView, short_place
from reports.record import AuditReport, Verdict
from reports.text import safe_text
from reports.view import Finding, Gap, ReportView, view_report

STYLES: dict[Verdict, str] = {
    "pass": "green",
    "warn": "yellow",
    "flag": "bold red",
    "inconclusive": "magenta",
    "error": "bold white on red",
}
# Loud ones are in capitals, so that they stand out without colour.
WORDS: dict[Verdict, str] = {
    "pass": "pass",
    "warn": "warn",
    "flag": "FLAG",
    "inconclusive": "inconclusive",
    "error": "ERROR",
}


def verdict_table(report: AuditReport) -> Table:
    """One line for each check, worst first."""
    return _table(view_report(report))


def print_report(report: AuditReport, console: Console) -> None:
    """Print the verdict, the table, what was found and what was not measured."""
    view = view_report(report)
    console.print(_headline(view))
    if view.checks:
        console.print(_table(view))
    for finding in view.findings:
        console.print(_finding(finding))
    for gap in view.gaps:
        console.print(_gap(gap))


def _table(view: ReportView) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_edge=False, header_style="bold")
    table.add_column("verdict", min_width=12, no_wrap=True)
    table.add_column("check", ratio=3, overflow="fold")
    table.add_column("found", ratio=4, overflow="fold")
    table.add_column("mis-\nbehaves", justify="right")
    table.add_column("AUROC", justify="right")
    table.add_column("over\ntext", justify="right")
    table.add_column("where", max_width=12, overflow="fold")
    for check in view.checks:
        table.add_row(*_row(check))
    return table


def _row(view: CheckView) -> tuple[Text, ...]:
    check, gate = view.check, view.headline
    verdict = _word(view.verdict)
    if view.suppressed:
        verdict.append("\n(suppressed)", "dim")
    name = Text(safe_text(check.id, 60))
    name.append(f"\n{safe_text(check.suite, 60)}", "dim")
    found = Text(gate.found if gate else "-")
    if gate:
        found.append(f"\n{safe_text(gate.title, 60)}, limit {gate.limit}", "dim")
    place = short_place(check.hook_name) if check.hook_name else "-"
    return (
        verdict,
        name,
        found,
        Text(_point(view.behaviour)),
        Text(_point(view.auroc)),
        Text(_point(view.gain)),
        Text(safe_text(place, 60)),
    )


def _point(words: str) -> str:
    """The number alone: the interval is in the report, a terminal has no room for it."""
    return words.split(" ", 1)[0]


def _word(verdict: Verdict) -> Text:
    return Text(WORDS[verdict], STYLES[verdict])


def _headline(view: ReportView) -> Text:
    line = _word(view.verdict)
    line.append(f"  {safe_text(view.subject, 120)}", "bold")
    line.append(f"  {view.summary}")
    return line


def _finding(finding: Finding) -> Text:
    line = _word(finding.verdict)
    line.append(f"  {safe_text(finding.where, 120)} ", "bold")
    line.append(f"({finding.severity}): {safe_text(finding.sentence, 400)}")
    if finding.q_value is not None:
        line.append(f" (q = {finding.q_value:.2g})", "dim")
    if finding.suppressed:
        line.append(f"; {safe_text(finding.suppressed, 200)}", "dim")
    return line


def _gap(gap: Gap) -> Text:
    line = _word(gap.verdict) if gap.verdict else Text("not measured", "magenta")
    if gap.where:
        line.append(f"  {safe_text(gap.where, 120)}", "bold")
    line.append(f": {safe_text('; '.join(gap.why), 600)}")
    return line
