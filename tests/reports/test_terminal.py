"""The terminal tells the record's verdicts, in 80 columns and without colour."""

from __future__ import annotations

import re
from collections import Counter
from io import StringIO

import pytest
from hypothesis import given, settings
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reports.record import VERDICTS, AuditReport
from reports.terminal.audit import WORDS, print_report, verdict_table
from reports.text import is_hidden
from tests.reports import factory
from tests.reports.hostile import HOSTILE
from tests.reports.strategies import reports

COLOUR = re.compile(r"\x1b\[[\d;]*m")


def printed(report: AuditReport, *, colour: bool = False, width: int = 80) -> str:
    file = StringIO()
    system = "truecolor" if colour else None
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system=system,
        highlight=False,
    )
    print_report(report, console)
    return file.getvalue()


@settings(max_examples=40, deadline=None)
@given(reports)
def test_any_report_is_safe_fits_and_tells_the_verdicts(report: AuditReport) -> None:
    text = printed(report)
    assert not [c for c in text if c != "\n" and is_hidden(c)]
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    assert text.startswith(f"{WORDS[report.verdict]}  ")
    assert text == printed(report)
    shown = [cell.plain.split("\n")[0] for cell in verdict_table(report).columns[0].cells]
    assert Counter(shown) == Counter(WORDS[check.verdict] for check in report.checks)


def test_every_verdict_is_a_word_that_differs_without_colour() -> None:
    assert set(WORDS) == set(VERDICTS)
    assert len({word.lower() for word in WORDS.values()}) == len(VERDICTS)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_data_is_never_markup_and_never_moves_the_cursor(hostile: str) -> None:
    report = factory.make_report(
        model=factory.make_model(name=hostile),
        checks=[factory.make_check(id=hostile, suite=hostile, hook_name=hostile)],
        not_measured=[hostile],
    )
    text = printed(report, colour=True)
    assert not [c for c in COLOUR.sub("", text) if c != "\n" and is_hidden(c)]
    assert COLOUR.sub("", text) == printed(report)


def test_colour_is_there_when_it_is_wanted() -> None:
    assert COLOUR.search(printed(factory.make_report(), colour=True))
    assert not COLOUR.search(printed(factory.make_report()))


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    assert "[bold]x[/b]" in printed(
        factory.make_report(model=factory.make_model(name="[bold]x[/b]"))
    )


def test_our_own_words_are_ascii() -> None:
    printed(factory.make_report()).encode("ascii")


def test_cells_are_text() -> None:
    table = verdict_table(factory.make_report())
    assert all(isinstance(cell, Text) for column in table.columns for cell in column.cells)


@pytest.mark.parametrize("width", [20, 40, 120, 200])
def test_other_widths_work(width: int) -> None:
    text = printed(factory.make_report(), width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "FLAG" in text
