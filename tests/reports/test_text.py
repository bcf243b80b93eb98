"""Text from outside is safe to look at."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.text import inert_json, is_hidden, safe_lines, safe_text
from tests.reports.strategies import nasty

any_text = nasty | st.text(st.characters(), max_size=30)


@settings(max_examples=300, deadline=None)
@given(any_text)
def test_nothing_hidden_and_no_order_is_left(text: str) -> None:
    shown = safe_text(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not any(map(is_hidden, shown))
    assert not re.search(r"##(vso)?\[|^\s*::", shown, re.IGNORECASE)
    assert safe_text(shown) == shown
    shown.encode("utf-8")


@settings(max_examples=200, deadline=None)
@given(any_text, st.integers(0, 12))
def test_a_limit_is_kept_and_said(text: str, limit: int) -> None:
    shown = safe_text(text, limit)
    assert len(shown) <= limit
    assert shown == safe_text(text) or limit == 0 or shown.endswith("…")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, größer, 日本語 🙂", "plain, größer, 日本語 🙂"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202eevil\u2069", "\\u202eevil\\u2069"),
        ("ze\u200bro\ufeff", "ze\\u200bro\\ufeff"),
        ("half \ud800", "half \\ud800"),
        ("nul\x00", "nul\\x00"),
        ("\U000e0041tag", "\\U000e0041tag"),
        ("::error::x", "\\::error::x"),
        ("see ##[error] and ##vso[x]", "see #\\#[error] and #\\#vso[x]"),
        ("## heading", "## heading"),
    ],
)
def test_it_is_shown_as_python_writes_it(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_a_line_of_ten_megabytes_costs_no_more_than_its_beginning() -> None:
    assert safe_text("\x1b" * 10_000_000, 50) == ("\\x1b" * 50)[:49] + "…"


@settings(max_examples=200, deadline=None)
@given(any_text, st.integers(5, 40))
def test_lines_fit_and_are_safe(text: str, width: int) -> None:
    lines = safe_lines(text, width, limit=200)
    assert lines
    assert all(len(line) <= width + 1 for line in lines)
    assert all(safe_text(line) == line for line in lines)


def test_lines_keep_the_breaks_of_the_text() -> None:
    assert safe_lines("user: hi\r\n\r\nassistant: hello", 40, 200) == [
        "user: hi",
        "",
        "assistant: hello",
    ]
    assert safe_lines("a" * 300, 40, 100)[-1].endswith("…")


@settings(max_examples=200, deadline=None)
@given(st.recursive(any_text, lambda inner: st.lists(inner, max_size=2), max_leaves=4))
def test_inert_json_holds_the_same_values(value: object) -> None:
    plain = json.dumps(value, ensure_ascii=False, indent=2)
    written = inert_json(plain)
    assert json.loads(written) == value
    assert not [c for c in written if c != "\n" and is_hidden(c)]
    assert not re.search(r"##(vso)?\[", written, re.IGNORECASE)
    assert not re.search(r"^\s*::", written, re.MULTILINE)
