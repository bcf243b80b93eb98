"""The terminal tells the record's verdicts, in 40 columns and without colour, too."""

from __future__ import annotations

import re
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reports.record import VERDICTS, AuditReport, BaselineState, KnownRecord
from reports.terminal.audit import WORDS, print_report, verdict_table
from reports.text import is_hidden
from reports.views.audit import view_report
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


def assert_inert(text: str, width: int) -> None:
    """No control character, nothing cut, no line that a CI log obeys."""
    assert not [c for c in text if c != "\n" and is_hidden(c)]
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in text


@settings(max_examples=60, deadline=None)
@given(reports, st.sampled_from([40, 60, 80, 120]))
def test_any_report_is_safe_fits_and_tells_the_verdicts(report: AuditReport, width: int) -> None:
    text = printed(report, width=width)
    assert_inert(text, width)
    assert text.startswith(f"{WORDS[report.verdict]}  ")
    assert text == printed(report, width=width)
    shown = [cell.plain.split("\n")[0] for cell in verdict_table(report).columns[0].cells]
    assert Counter(shown) == Counter(WORDS[view.verdict] for view in view_report(report).checks)


def test_every_verdict_is_a_word_that_differs_without_colour() -> None:
    assert set(WORDS) == set(VERDICTS)
    assert len({word.lower() for word in WORDS.values()}) == len(VERDICTS)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_data_is_never_markup_and_never_moves_the_cursor(hostile: str) -> None:
    row = factory.make_row(id=hostile, text=hostile, says=hostile, misbehaves=False)
    report = factory.make_report(
        model=factory.make_model(name=hostile),
        checks=[
            factory.make_check(id=hostile, suite=hostile, hook_name=hostile, top_rows=[row]),
            factory.make_error_check(reasons=[hostile], gates=[factory.make_gate(reason=hostile)]),
        ],
        not_measured=[hostile],
        baseline=known(absent=[hostile], model=hostile),
    )
    for width in (20, 40, 80, 120):
        text = printed(report, colour=True, width=width)
        assert_inert(COLOUR.sub("", text), width)
        assert COLOUR.sub("", text) == printed(report, width=width)


@pytest.mark.parametrize("width", range(20, 130, 3))
def test_no_line_is_broken_into_an_order_for_a_log(width: int) -> None:
    """A line may start at any place of a text, so at every place of this one."""
    text = "".join(f"{'x' * n} ::error file=a::b " for n in range(12))
    row = factory.make_row(id=text, text=text, says=text, misbehaves=False)
    check = factory.make_check(id=text, suite=text, hook_name=text, top_rows=[row])
    report = factory.make_report(model=factory.make_model(name=text), checks=[check])
    assert_inert(printed(report, width=width), width)


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


def known(**changes: Any) -> KnownRecord:
    fields = {"model": "organism:liar", "weights_digest": "5eed", "record_digest": "c0de"}
    return KnownRecord.model_validate(fields | changes)


@pytest.mark.parametrize("width", [20, 40, 60, 71, 72, 80, 109, 110, 120, 200])
def test_every_width_says_the_same_things(width: int) -> None:
    report = factory.make_report()
    text = printed(report, width=width)
    assert_inert(text, width)
    if width == 20:  # whole words are cut here, and the verdict is not
        assert "FLAG" in text
        return
    flat = " ".join(text.split())
    for said in (
        *("ERROR", "FLAG", "inconclusive", "pass", "(suppressed)"),
        *("lying", "organism_sycophancy", "favouring", "0.31 [0.24, 0.39]", "firing rate <= 0.10"),
        *("0.97 [0.95, 0.99]", "+0.42 [0.37, 0.47]", "misbehaves 0.25", "at 2 resid_post"),
        *("claim-001", "a hidden concern", "Found", "Not measured"),
    ):
        assert said in flat, said


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_row_to_look_at_first_is_the_hidden_concern(width: int) -> None:
    """Row 1 fires and looks fine; row 0 scores higher and is visible misbehaviour."""
    report = factory.make_report(checks=[factory.make_check()])
    flat = " ".join(printed(report, width=width).split())
    assert "claim-001, a hidden" in flat
    assert "claim-000" not in flat
    rows = [factory.make_row(), factory.make_row(1)]
    seen = factory.make_report(checks=[factory.make_check(top_rows=rows)])
    flat = " ".join(printed(seen, width=width).split())
    assert "claim-000: fires" in flat
    assert "hidden concern" not in flat.partition("Not measured")[0]
    quiet = factory.make_report(checks=[factory.make_passing_check(top_rows=rows)])
    assert "claim-00" not in printed(quiet, width=width), "a pass needs no row to look at"


def test_a_row_is_cut() -> None:
    row = factory.make_row(1, text="word " * 10_000, misbehaves=False)
    report = factory.make_report(checks=[factory.make_check(top_rows=[row])])
    assert len(printed(report)) < 3000


@pytest.mark.parametrize("width", [40, 80, 120])
def test_what_the_baseline_knows_is_marked(width: int) -> None:
    states: list[BaselineState] = ["new", "updated"]
    checks = [
        factory.make_check(id=state, gates=[factory.make_gate(baseline_state=state)])
        for state in states
    ]
    report = factory.make_report(
        checks=[*checks, factory.make_known_check()],
        baseline=known(absent=["a/gone/firing_rate"], notes=["another seed"]),
    )
    text = printed(report, width=width)
    for check, mark in (("new", "(new)"), ("updated", "(got worse)"), ("praise", "(known)")):
        if width == 40:
            assert f"FLAG {check} {mark}" in text
        else:
            assert re.search(rf"FLAG +{check} .*\n\{mark[:-1]}\)", text), text
    flat = " ".join(text.split())
    assert "1 new, 1 got worse, 1 known, 1 no more" in flat
    assert "flags no more - a/gone/firing_rate" in flat
    assert "What else differs from the baseline - another seed" in flat


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_flag_that_does_not_gate_says_so(width: int) -> None:
    low = factory.make_check(gates=[factory.make_gate(severity="low", gates=False)])
    known = factory.make_gate(severity="critical", baseline_state="unchanged", gates=False)
    both = factory.make_check(id="both", gates=[known, factory.make_gate(baseline_state="new")])
    flat = " ".join(printed(factory.make_report(checks=[low, both]), width=width).split())
    assert "below --fail-on, it does not gate" in flat
    assert "2 checks: 1 flag, 1 flag (below --fail-on)" in flat
    if width == 40:
        assert "FLAG lying (below --fail-on)" in flat
        assert "FLAG both (new) also flag (known)" in flat


def test_why_there_is_no_answer_stands_with_the_check_and_below() -> None:
    report = factory.make_report(checks=[factory.make_inconclusive_check()])
    assert printed(report, width=120).count("the monitor is not valid") == 2
    assert "why: the monitor is not" in printed(report, width=40)
    assert "the monitor is not valid here" in printed(report)
