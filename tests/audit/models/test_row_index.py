"""Where vectors lie, against a dict; and which rows are finite, against a look at every number."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models.row_index import RowIndex
from audit.models.sequences import finite_rows

SIZES = (2, 0, 3, 1, 0)
KEYS = [(sequence, number) for sequence, size in enumerate(SIZES) for number in range(size)]


@given(st.lists(st.sampled_from(KEYS)))
def test_it_is_the_dict_that_setdefault_would_fill(entered: list[tuple[int, int]]) -> None:
    index, expected = RowIndex(SIZES), dict[tuple[int, int], int]()
    for key in entered:
        index.enter(key)
        expected.setdefault(key, len(expected))
    assert list(index.items()) == list(expected.items())
    assert index == expected
    assert len(index) == len(expected)
    assert pickle.loads(pickle.dumps(index)) == expected  # noqa: S301


@pytest.mark.parametrize("key", [(0, 2), (1, 0), (2, -1), (-1, 0), (5, 0), (2, 1)])
def test_what_is_not_there_or_was_not_entered_is_not_found(key: tuple[int, int]) -> None:
    index = RowIndex(SIZES)
    index.enter((2, 0))
    assert key not in index
    with pytest.raises(KeyError):
        index[key]


@pytest.mark.parametrize("width", [0, 1, 7, 64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_is_finite_where_all_of_it_is(width: int, bad: float) -> None:
    x = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32)
    x[:, ::3] = np.finfo(np.float32).min  # finite, though their sum is not
    if width:
        x[3, width // 2] = bad
        x[9, 0], x[9, -1] = bad, -bad
    assert finite_rows(x).tolist() == np.isfinite(x).all(axis=1).tolist()
    assert finite_rows(x).all() == (width == 0)
