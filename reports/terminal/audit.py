"""The report on a terminal: a verdict line, the checks, and a line for each thing to know.

Readable from 40 columns on and without colour. Data is `Text`, never markup, and holds no
control character. Our own words are ASCII.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.record import AuditReport, KnownRecord
from reports.terminal.checks import print_checks, table_of
from reports.terminal.words import STYLES, WIDEST_WORD, WORDS, inert, print_lines, word
from reports.views.audit import Finding, Gap, Mention, ReportView, view_report
from reports.views.known import baseline_sentence
from reports.views.wording import probability

__all__ = ["STYLES", "WIDEST_WORD", "WORDS", "print_report", "verdict_table"]


def verdict_table(report: AuditReport, *, wide: bool = False) -> Table:
    """One entry for each check, worst first."""
    return table_of(view_report(report), wide=wide)


def print_report(report: AuditReport, console: Console) -> None:
    """Print the verdict, the checks, what was found and what was not measured."""
    view = view_report(report)
    console.print(_verdict_line(view))
    if known := baseline_sentence(report):
        console.print(Text(inert(known, 400), "dim"))
    if view.checks:
        print_checks(view, console)
    print_lines(console, "Found", [_finding(finding) for finding in view.findings])
    if report.baseline:
        _print_baseline(report.baseline, console)
    print_lines(console, "Features", [_mention(mention) for mention in view.mentions])
    print_lines(console, "Not measured", [_gap(gap) for gap in view.gaps])


def _print_baseline(known: KnownRecord, console: Console) -> None:
    """What of it is gone, and what else differs."""
    for title, said in (
        ("Flags of the baseline that are flags no more", known.absent),
        ("What else differs from the baseline", known.notes),
    ):
        print_lines(console, title, [(Text("-"), Text(inert(line, 400))) for line in said])


def _verdict_line(view: ReportView) -> Text:
    line = word(view.verdict)
    line.append(f"  {inert(view.subject, 120)}", "bold")
    line.append(f"  {view.summary}")
    return line


def _finding(finding: Finding) -> tuple[Text, Text]:
    line = Text(inert(finding.where, 120), "bold")
    line.append(f", {finding.severity}: {inert(finding.sentence, 400)}", "not bold")
    if finding.q_value is not None:
        line.append(f" (q = {probability(finding.q_value)})", "not bold")
    if finding.excuse:
        line.append(f"; {inert(finding.excuse.sentence, 200)}", "not bold dim")
    return word(finding.verdict), line


def _mention(mention: Mention) -> tuple[Text, Text]:
    line = Text(inert(mention.where, 120), "bold")
    return Text("-"), line.append(f": {inert(mention.sentence, 600)}", "not bold")


def _gap(gap: Gap) -> tuple[Text, Text]:
    line = Text()
    if gap.where:
        line.append(inert(gap.where, 120), "bold").append(": ")
    line.append(inert("; ".join(gap.why), 1000))
    return (word(gap.verdict) if gap.verdict else Text("-")), line
