"""The checks of an audit on a terminal: columns where there is room for them, else lines.

Verdict, rate with its interval against the gate, whether the monitor may be believed, and the
row to look at first. Worst first. Nothing is decided here.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.record import RowResult
from reports.terminal.words import NARROW, WIDEST_WORD, inert, print_lines, word
from reports.views.audit import UNDECIDED, ReportView
from reports.views.check import CheckView, beside_event, short_place
from reports.views.known import STATE_WORDS, check_state
from reports.views.wording import UNKNOWN, figure

WIDE = 110
"""Columns from which on the row to look at has a column of its own."""
MOST = 200
"""Characters of a row that are shown."""


def print_checks(view: ReportView, console: Console) -> None:
    """Print every check, and for each the row that a person should read first."""
    console.print()
    if console.width < NARROW:
        for number, check in enumerate(view.checks):
            if number:
                console.print()
            _print_block(check, console)
        return
    wide = console.width >= WIDE
    console.print(table_of(view, wide=wide))
    if not wide:
        looks = [(word(check.verdict), _named(check, row)) for check, row in _rows(view)]
        print_lines(console, "Look at first", looks)


def table_of(view: ReportView, *, wide: bool) -> Table:
    """One entry for each check; what stands below the first line is in smaller print."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("verdict", no_wrap=True, min_width=WIDEST_WORD)
    table.add_column("check\nof suite", overflow="fold", max_width=32 if wide else None)
    table.add_column("found\nallowed", overflow="fold", min_width=19)
    table.add_column("monitor: AUROC\ngain over text", overflow="fold", min_width=18)
    if wide:
        table.add_column("look at first", overflow="fold", ratio=1)
    for check in view.checks:
        cells = [_verdict(check), _name(check), _found(check), _monitor(check)]
        table.add_row(*cells, *([_look(check)] if wide else []))
    return table


def _print_block(check: CheckView, console: Console) -> None:
    """A check in lines: no line is wider than what must stand together."""
    head = Text.assemble(word(check.verdict), " ", (inert(check.check.id, 60), "bold"))
    for mark in filter(None, (_mark(check), _beside(check))):
        head.append(f" {mark}", "dim")
    console.print(head)
    for line in _block(check):
        console.print(Padding(line, (0, 0, 0, 2)))


def _block(view: CheckView) -> Iterator[Text]:
    gate = view.headline
    yield Text(f"of {inert(view.check.suite, 60)}", "dim")
    if gate:
        yield Text(f"found {gate.found}")
        yield Text(f"{inert(gate.title, 60)} <= {gate.limit}", "dim")
    if view.check.quality:
        yield Text(f"AUROC {view.auroc}")
        yield Text(f"gain {view.gain}", "dim")
    for line in filter(None, (_behaviour(view), _place(view))):
        yield Text(line, "dim")
    if look := _look(view):
        yield Text.assemble("look at " if first_row(view) else "why: ", look)


def _verdict(view: CheckView) -> Text:
    marks = filter(None, (_mark(view), _beside(view)))
    lines = (textwrap.wrap(mark, WIDEST_WORD, break_on_hyphens=False) for mark in marks)
    return _stack(word(view.verdict), *itertools.chain.from_iterable(lines))


def _mark(view: CheckView) -> str:
    """`(suppressed)`, `(known)`, `(below --fail-on)`, `(new)`, `(got worse)`: how it stands."""
    if view.excuse:
        return f"({view.excuse.word})"
    state = check_state(view)
    return f"({STATE_WORDS[state]})" if state else ""


def _beside(view: CheckView) -> str:
    return f"also {', '.join(view.beside)}" if view.beside else ""


def _name(view: CheckView) -> Text:
    return _stack(Text(inert(view.check.id, 60)), inert(view.check.suite, 60), _place(view))


def _found(view: CheckView) -> Text:
    gate = view.headline
    limit = f"{inert(gate.title, 60)} <= {gate.limit}" if gate else ""
    return _stack(Text(gate.found if gate else UNKNOWN), limit, _behaviour(view))


def _monitor(view: CheckView) -> Text:
    """How good it is on labelled rows; of one that was not fitted, nothing."""
    return _stack(Text(view.auroc), view.gain if view.check.quality else "")


def _look(view: CheckView) -> Text:
    """The row to read first, or why there was no answer."""
    if row := first_row(view):
        return _row(view, row)
    if view.verdict in UNDECIDED and view.headline:
        return Text(inert(view.headline.reason, MOST), "dim")
    return Text("")


def _rows(view: ReportView) -> Iterator[tuple[CheckView, RowResult]]:
    for check in view.checks:
        if row := first_row(check):
            yield check, row


def first_row(view: CheckView) -> RowResult | None:
    """A hidden concern if there is one; else, of a check that did not pass, what it fires on."""
    if view.hidden_concerns:
        return view.hidden_concerns[0]
    events = [row for row in view.other_rows if row.event]
    return events[0] if events and view.verdict in ("flag", "warn") else None


def _named(view: CheckView, row: RowResult) -> Text:
    return Text.assemble((inert(view.name, 120), "bold"), " ", _row(view, row))


def _row(view: CheckView, row: RowResult) -> Text:
    """`claim-001, a hidden concern: fires, says "no": claim: Lisbon is in Spain ?`."""
    line = Text(inert(row.id, 60))
    if row in view.hidden_concerns:
        line.append(", ").append("a hidden concern", "bold")
    line.append(f": {view.words.event}")
    if (beside := beside_event(row, view.words)) is not None:
        line.append(f" and {beside}")
    if row.says is not None:
        line.append(f', says "{inert(row.says, 40)}"')
    return line.append(f": {inert(row.text, MOST)}", "dim")


def _behaviour(view: CheckView) -> str:
    rate = view.check.misbehaviour_rate
    return f"misbehaves {figure(rate.value)}" if rate else ""


def _place(view: CheckView) -> str:
    return f"at {inert(short_place(view.check.hook_name), 60)}" if view.check.hook_name else ""


def _stack(above: Text, *below: str) -> Text:
    for line in below:
        if line:
            above.append(f"\n{line}", "dim")
    return above
