"""Packed offsets are the pairs that they were made of, at a tenth of the room."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models.offsets import packed

ends = st.integers(0, 2**31 - 1)
pairs = st.lists(st.tuples(ends, ends), max_size=20)


@given(pairs, st.slices(20))
def test_what_was_packed_comes_out(given: list[tuple[int, int]], part: slice) -> None:
    offsets = packed(given)
    assert list(offsets) == given
    assert len(offsets) == len(given)
    assert bool(offsets) == bool(given)
    assert list(offsets[part]) == given[part]
    assert [offsets[at] for at in range(-len(given), len(given))] == given * 2


@given(pairs, pairs)
def test_equal_where_the_pairs_are(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    assert packed(one) == packed(list(one))
    assert (packed(one) == packed(other)) == (one == other)
    assert hash(packed(one)) == hash(packed(list(one)))


def test_there_is_nothing_beyond_the_ends() -> None:
    for at in (2, -3):
        with pytest.raises(IndexError):
            packed([(0, 1), (1, 4)])[at]


def test_eight_bytes_a_token() -> None:
    many = [(1000 * at, 1000 * at + 7) for at in range(1000)]
    assert sys.getsizeof(packed(many)._bytes) < 8 * 1000 + 100
    assert sum(map(sys.getsizeof, many)) > 50 * 1000
