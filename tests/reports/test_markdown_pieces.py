"""What does not fit goes by rank and is counted; a marker tells suites apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports.markdown.pieces import MARKED, Limit, Piece, by_turns, fitted, marker
from tests.reports.hostile import HOSTILE
from tests.reports.strategies import nasty
from tests.reports.test_markdown import assert_inert

texts = st.text("aé語🙂\n", max_size=30)
ranks = st.just(()) | st.tuples(st.integers(0, 3), st.integers(0, 3))
pieces = st.lists(
    st.builds(Piece, texts, ranks, st.sampled_from(["", "row", "check"])), min_size=1, max_size=12
)
limits = st.builds(Limit, st.integers(-5, 600), st.sampled_from(["characters", "bytes"]))


@given(pieces, limits)
@example([Piece("🙂" * 4)], Limit(15, "bytes"))
@example([Piece("🙂" * 4)], Limit(4))
def test_any_pieces_fit_and_what_is_left_out_is_said(parts: list[Piece], limit: Limit) -> None:
    whole, text = "".join(part.text for part in parts), fitted(parts, limit)
    assert limit.size(text) <= max(limit.most, 0)
    assert (text == whole) == (limit.size(whole) <= limit.most) or whole == ""
    if text not in ("", whole):
        assert "Cut to fit" in text


def test_what_is_kept_is_of_a_lower_rank_than_what_is_not() -> None:
    parts = [Piece("title\n"), *(Piece(f"<{i:03d}>" * 24, (i % 7, i), "row") for i in range(50))]
    for most in range(200, 6_000, 97):
        text = fitted(parts, Limit(most))
        shown = [part.rank for part in parts[1:] if part.text in text]
        lost = [part.rank for part in parts[1:] if part.text not in text]
        assert not lost or max(shown, default=()) < min(lost)
        assert not lost or f"Left out: {len(lost)} row{'' if len(lost) == 1 else 's'};" in text
        assert len(text) > most - 130 or not lost


def test_bytes_are_not_characters() -> None:
    parts = [Piece("x"), Piece("語" * 100, (1,), "row")]
    assert "語" in fitted(parts, Limit(101))
    assert "語" not in fitted(parts, Limit(101, "bytes"))
    assert "語" in fitted(parts, Limit(301, "bytes"))


def test_lines_go_in_the_order_that_is_given() -> None:
    assert [piece.rank for piece in by_turns("abc", 4, "row", [2, 0, 1])] == [
        (4, 2),
        (4, 0),
        (4, 1),
    ]
    assert [piece.rank for piece in by_turns("abc", 4, "row")] == [(4, 0), (4, 1), (4, 2)]


def test_a_marker_names_the_suites_in_any_order_once() -> None:
    assert marker(["truth", "bias", "truth"]) == "<!-- alignment-audit: bias,truth -->"
    assert marker(["truth"], "series") == "<!-- alignment-audit: series truth -->"
    assert marker([]) == "<!-- alignment-audit -->"


def test_markers_of_other_suites_are_others() -> None:
    many = [f"suite_{i}" for i in range(100)]
    names = [
        ["a"],
        ["b"],
        ["a", "b"],
        ["a,b"],
        ["a b"],
        ["a-b"],
        ["語"],
        ["安"],
        many,
        many[:-1],
        [],
    ]
    assert len({marker(each) for each in names}) == len(names)
    assert all(len(marker(each)) < 260 for each in names)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_does_not_leave_the_comment(text: str) -> None:
    for name in (f"a{text}b", f"see {text}", f"{text}>", f"-{text}-"):
        found = marker([name], "series")
        assert found.startswith(MARKED)
        assert re.fullmatch(r"<!-- [a-z-]+: series [A-Za-z0-9_.,+-]* -->", found)
        assert "--" not in found.removeprefix("<!--").removesuffix("-->")
        assert_inert(f"{found}\n# title\n")


@given(st.lists(nasty, max_size=3))
def test_a_marker_is_the_same_twice(names: list[str]) -> None:
    assert marker(names) == marker(reversed(names))
