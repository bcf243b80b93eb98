"""The terminal tells a series in 40 columns and more, without colour, however long it is."""

from __future__ import annotations

import io
import re
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reports.series import CheckpointRow, SeriesReport
from reports.terminal.audit import WORDS
from reports.terminal.series import print_record, print_series
from reports.text import is_hidden
from reports.views.series import letters
from tests.reports import series_factory as factory
from tests.reports.factory import make_report
from tests.reports.hostile import HOSTILE
from tests.reports.series_strategies import series
from tests.reports.test_series_markdown import everywhere


def printed(report: SeriesReport, *, width: int = 80) -> str:
    file = StringIO()
    print_series(report, Console(file=file, width=width, color_system=None, highlight=False))
    return file.getvalue()


def assert_fits(text: str, width: int = 80) -> None:
    assert not [c for c in text if c != "\n" and is_hidden(c)]
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(series, st.sampled_from([40, 60, 80, 120]))
def test_any_series_is_safe_fits_and_tells_the_verdicts(report: SeriesReport, width: int) -> None:
    text = printed(report, width=width)
    assert_fits(text, width)
    assert text.startswith(f"{WORDS[report.verdict]}  ")
    assert text == printed(report, width=width)
    for row in report.checkpoints:
        assert WORDS[row.verdict] in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_data_is_never_markup_and_never_moves_the_cursor(hostile: str) -> None:
    for width in (40, 80, 120):
        assert_fits(printed(everywhere(hostile), width=width), width)


@pytest.mark.parametrize("width", [40, 60, 72, 80, 140])
def test_each_verdict_state_and_outlook_is_told(width: int) -> None:
    report = factory.make_series()
    text = printed(report, width=width)
    assert_fits(text, width)
    flat = " ".join(text.split())
    for row in report.checkpoints:
        assert re.search(rf"{row.step}\s+\S+\s+{WORDS[row.verdict]}", text), row.name
    for said in (
        "concept grew",
        "no better than persistence",
        "alarm at step 800",
        "24 [18, 30] !",
    ):
        assert said in flat, said


def test_a_long_calm_run_leaves_its_middle_out_and_says_how_much() -> None:
    text = printed(factory.make_quiet())
    assert "(192 left out)" in text
    assert "192 pass" in text
    assert len(text.splitlines()) < 30


def test_what_happens_in_the_middle_of_a_long_run_is_shown() -> None:
    rows = factory.make_quiet().checkpoints
    rows[100] = factory.make_row(name="middle", step=5000, verdict="error", checks=[])
    text = printed(factory.make_quiet().model_copy(update={"checkpoints": rows}))
    assert "middle" in text
    assert left_out(text) == 200 - 8 - 2


def left_out(text: str) -> int:
    return sum(map(int, re.findall(r"\((\d+) left out\)", text)))


def test_even_a_restless_run_fits_on_a_few_screens_and_counts_what_is_gone() -> None:
    rows: list[CheckpointRow] = [
        row.model_copy(update={"verdict": "flag" if place % 2 else "pass"})
        for place, row in enumerate(factory.make_quiet().checkpoints)
    ]
    text = printed(factory.make_quiet().model_copy(update={"checkpoints": rows}))
    assert len(text.splitlines()) < 120
    shown = len(re.findall(r"checkpoint-\d+ +(?:pass|FLAG)", text))
    assert shown + left_out(text) == 200
    assert "81 flag, 81 pass" in " ".join(text.split())
    assert "checkpoint-9950" in text


def test_the_strip_grows_with_the_rate_and_marks_the_alarm() -> None:
    lines = printed(factory.make_series()).splitlines()
    found = next(line for line in lines if line.startswith("    found "))
    alarm = next(line for line in lines if line.startswith("    alarm "))
    assert found.split()[1] == "▁▁▁▁▁▁▁▂▄▆x▇██"
    assert found.index("▄") == alarm.index("^")


def test_a_long_series_is_drawn_within_the_width_and_no_jump_is_averaged_away() -> None:
    report = factory.make_quiet()
    track = report.tracks[0]
    jump = factory.make_row(
        step=5000,
        checks=[
            factory.make_reading(gates=[factory.make_gate_reading(estimate=factory.share(0.9))])
        ],
    )
    rows = [*report.checkpoints[:100], jump, *report.checkpoints[101:]]
    text = printed(report.model_copy(update={"checkpoints": rows, "tracks": [track]}))
    strip = next(line for line in text.splitlines() if line.startswith("    found "))
    assert strip.count("█") == 1
    assert "top 90 %" in strip


def test_where_there_are_no_blocks_there_are_digits() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict", write_through=True)
    print_series(factory.make_series(), Console(file=file, width=80, color_system=None))
    text = file.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "11111112" in text


def test_either_kind_of_record_is_printed() -> None:
    for record, said in ((factory.make_series(), "against checkpoint-0"), (make_report(), "liar")):
        file = StringIO()
        print_record(record, Console(file=file, width=80))
        assert said in file.getvalue()


def test_letters_go_on_after_z() -> None:
    assert [letters(index) for index in (0, 25, 26, 27, 701, 702)] == [
        *("A", "Z", "AA", "AB", "ZZ", "AAA")
    ]
