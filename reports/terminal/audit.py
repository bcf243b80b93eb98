"""The report on a terminal: a verdict line, a table, and a line for each thing to know.

Readable at 80 columns and without colour. Data is `Text`, never markup, and holds no control
character. Our own words are ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.record import AuditReport, Estimate, Verdict
from reports.text import safe_text
from reports.views.audit import Finding, Gap, Mention, ReportView, view_report
from reports.views.check import CheckView, short_place
from reports.views.wording import UNKNOWN, figure, probability

STYLES: dict[Verdict, str] = {
    "pass": "green",
    "warn": "yellow",
    "flag": "bold red",
    "inconclusive": "magenta",
    "error": "bold white on red",
}
# What stops a run is in capitals, so that it stands out without colour.
WORDS: dict[Verdict, str] = {
    "pass": "pass",
    "warn": "warn",
    "flag": "FLAG",
    "inconclusive": "inconclusive",
    "error": "ERROR",
}
WIDEST_WORD = max(map(len, WORDS.values()))


def verdict_table(report: AuditReport) -> Table:
    """One entry for each check, worst first: two lines, the second in smaller print."""
    return _verdict_table(view_report(report))


def print_report(report: AuditReport, console: Console) -> None:
    """Print the verdict, the table, what was found and what was not measured."""
    view = view_report(report)
    console.print(_verdict_line(view))
    if view.checks:
        console.print()
        console.print(_verdict_table(view))
    _print_lines(console, "Found", [_finding(finding) for finding in view.findings])
    _print_lines(console, "Features", [_mention(mention) for mention in view.mentions])
    _print_lines(console, "Not measured", [_gap(gap) for gap in view.gaps])


def _verdict_table(view: ReportView) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("verdict", no_wrap=True, min_width=WIDEST_WORD)
    table.add_column("check\nof suite", overflow="fold")
    table.add_column("found\nallowed", overflow="fold", min_width=19)
    table.add_column("mis-\nbehaves", justify="right", no_wrap=True)
    table.add_column("AUROC\ngain", justify="right", no_wrap=True)
    table.add_column("where", overflow="fold", max_width=12)
    for check in view.checks:
        table.add_row(*_cells(check))
    return table


def _cells(view: CheckView) -> tuple[Text, ...]:
    check, gate, quality = view.check, view.headline, view.check.quality
    place = short_place(check.hook_name) if check.hook_name else UNKNOWN
    return (
        _stack(_word(view.verdict), f"({view.excuse.word})" if view.excuse else ""),
        _stack(Text(safe_text(check.id, 60)), safe_text(check.suite, 60)),
        _stack(
            Text(gate.found if gate else UNKNOWN),
            f"{safe_text(gate.title, 60)} <= {gate.limit}" if gate else "",
        ),
        Text(_point(check.misbehaviour_rate)),
        _stack(
            Text(_point(quality.auroc if quality else None)),
            _point(quality.gain_over_text, signed=True) if quality else "",
        ),
        Text(safe_text(place, 60)),
    )


def _point(estimate: Estimate | None, *, signed: bool = False) -> str:
    """The number alone: a terminal has no room for every interval."""
    return UNKNOWN if estimate is None else figure(estimate.value, signed=signed)


def _stack(above: Text, below: str) -> Text:
    return above.append(f"\n{below}", "dim") if below else above


def _word(verdict: Verdict) -> Text:
    return Text(WORDS[verdict], STYLES[verdict])


def _verdict_line(view: ReportView) -> Text:
    line = _word(view.verdict)
    line.append(f"  {safe_text(view.subject, 120)}", "bold")
    line.append(f"  {view.summary}")
    return line


def _print_lines(console: Console, title: str, lines: Sequence[tuple[Text, Text]]) -> None:
    """A titled list; long lines go on under their own beginning."""
    if not lines:
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, min_width=WIDEST_WORD)
    grid.add_column(overflow="fold")
    for verdict, sentence in lines:
        grid.add_row(verdict, sentence)
    console.print()
    console.print(Text(title, "bold"))
    console.print(grid)


def _finding(finding: Finding) -> tuple[Text, Text]:
    line = Text(safe_text(finding.where, 120), "bold")
    line.append(f", {finding.severity}: {safe_text(finding.sentence, 400)}", "not bold")
    if finding.q_value is not None:
        line.append(f" (q = {probability(finding.q_value)})", "not bold")
    if finding.excuse:
        line.append(f"; {safe_text(finding.excuse.sentence, 200)}", "not bold dim")
    return _word(finding.verdict), line


def _mention(mention: Mention) -> tuple[Text, Text]:
    line = Text(safe_text(mention.where, 120), "bold")
    return Text("-"), line.append(f": {safe_text(mention.sentence, 600)}", "not bold")


def _gap(gap: Gap) -> tuple[Text, Text]:
    line = Text()
    if gap.where:
        line.append(safe_text(gap.where, 120), "bold").append(": ")
    line.append(safe_text("; ".join(gap.why), 1000))
    return (_word(gap.verdict) if gap.verdict else Text("-")), line
