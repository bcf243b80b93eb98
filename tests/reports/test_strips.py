"""A mark stands under its token and grows with the activation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from reports.drawing.strips import (
    BLOCKS,
    DIGITS,
    Ramp,
    joined,
    mark,
    shown_token,
    sparkline,
    strip,
    wrapped,
)
from reports.features import TokenValue
from reports.text import is_hidden
from tests.reports.feature_strategies import words

RAMPS = pytest.mark.parametrize("ramp", [BLOCKS, DIGITS])


@RAMPS
def test_marks_run_from_nothing_to_the_most(ramp: Ramp) -> None:
    steps = len(ramp.marks) - 1
    assert [mark(i / steps, 1, ramp) for i in range(steps + 1)] == list(ramp.marks)
    assert mark(1e-12, 1, ramp) == ramp.marks[1]
    assert mark(-1, 1, ramp) == mark(1, 0, ramp) == " "
    assert mark(9, 1, ramp) == mark(1e308, 5e-324, ramp) == ramp.marks[-1]


def test_a_sparkline_has_one_mark_for_each_value() -> None:
    assert sparkline([0, 1, 8, 4], BLOCKS) == "·▁█▄"
    assert sparkline([0, 3], DIGITS) == "09"
    assert sparkline([0, 0], BLOCKS) == "··"
    assert sparkline([], BLOCKS) == ""


def test_marks_stand_beneath_their_token_and_are_as_wide() -> None:
    tokens = [TokenValue(token=t, value=v) for t, v in [("a", 0), (" 語", 9), ("bc", 4.5)]]
    assert strip(tokens, 9, DIGITS, 80) == [("a| 語|bc", "  999 44")]


def test_a_long_strip_goes_on_in_pairs_of_lines() -> None:
    tokens = [TokenValue(token="abc", value=1) for _ in range(7)]
    pairs = strip(tokens, 1, DIGITS, 12)
    assert pairs == [("abc|abc|abc", "999 999 999")] * 2 + [("abc", "999")]
    assert wrapped(["abc"] * 7, DIGITS, 12) == [above for above, _ in pairs]


@RAMPS
@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(TokenValue, token=words, value=st.floats(0, 2)), max_size=6))
def test_any_tokens_are_all_there_safe_and_within_the_width(
    ramp: Ramp, tokens: list[TokenValue]
) -> None:
    pairs = strip(tokens, 1, ramp, 40)
    shown = [shown_token(each.token) for each in tokens]
    for above, below in pairs:
        assert cell_len(below) <= cell_len(above) <= max(40, *map(cell_len, shown))
        assert not [c for c in above + below if is_hidden(c)]
    for token in shown:
        assert any(token in above for above, _ in pairs)


def test_edges_and_what_is_not_there_are_seen() -> None:
    assert joined(["a", "", " b", "\n", "\u202e"], BLOCKS) == "a│(empty)│ b│\\n│\\u202e"
