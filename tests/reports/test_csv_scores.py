"""CSV: what a program reads back is what was there, and a spreadsheet obeys none of it."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.machine.csv_scores import neutral, scores_csv
from reports.text import is_hidden, safe_text
from tests.reports import factory
from tests.reports.hostile import HOSTILE
from tests.reports.strategies import nasty

SIGNS = "=+-@＝＋－＠"
SKIPPED = " \t\r\n'\"`\u00a0\u3000\ufeff"


def obeyed(text: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula; it may skip blanks and quotes."""
    return text.lstrip(SKIPPED)[:1] in set(SIGNS) if text.lstrip(SKIPPED) else False


def is_inert(text: str) -> bool:
    return text.startswith("'") or not (obeyed(text) or text[:1] in {"\t", "\r"})


def back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


texts = (
    nasty
    | st.text()
    | st.tuples(st.text(SKIPPED, max_size=3), st.sampled_from(SIGNS), st.text(max_size=5)).map(
        "".join
    )
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(texts, st.floats(), st.integers(-(2**40), 2**40)), max_size=4))
def test_it_comes_back_and_is_inert(rows: list[tuple[str, float, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["text", "score", "n"], dtype=object)
    header, *lines = back(scores_csv(frame))
    assert header == ["text", "score", "n"]
    assert len(lines) == len(rows)
    for (text, score, n), line in zip(rows, lines, strict=True):
        assert is_inert(line[0])
        assert not [c for c in line[0] if is_hidden(c)]
        shown = line[0] if line[0] == safe_text(text) else line[0].removeprefix("'")
        assert shown == safe_text(text)
        assert int(line[2]) == n
        if np.isfinite(score):
            assert float(line[1]) == score
        else:
            assert line[1] == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    assert is_inert(neutral(text))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1', "'=1", "＝1", "－1", "\u3000@a"],
)
def test_a_formula_is_known_by_its_sign(text: str) -> None:
    assert obeyed(text) or text[0] in "\t\r"  # the judge itself can see it
    assert is_inert(neutral(text))


@pytest.mark.parametrize("text", ["a=1", "yes", "", "'quoted'", "1", "a-b"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


def test_numbers_stay_numbers_and_what_is_missing_is_empty() -> None:
    frame = pd.DataFrame(
        {
            "score": [-0.5, float("nan")],
            "label": pd.array([1, None], dtype="Int64"),
            "fires": pd.array([True, None], dtype="boolean"),
            "says": [None, "-no"],
            "half": np.array([-1.5, 2], dtype=np.float32),
        }
    )
    assert scores_csv(frame) == ("score,label,fires,says,half\n-0.5,1,true,,-1.5\n,,,'-no,2.0\n")


def test_the_gates_of_a_record_are_a_table_too() -> None:
    frame = factory.make_report().to_frame()
    header, *lines = back(scores_csv(frame))
    assert header == list(frame.columns)
    assert len(lines) == len(frame)
