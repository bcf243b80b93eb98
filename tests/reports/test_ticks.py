"""Round numbers on an axis, and spans between which no float is one."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports.drawing.svg import ticks

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(low=NUMBERS, high=NUMBERS, most=st.integers(1, 12))
@example(low=0.0, high=5e-324, most=6)
@example(low=0.0, high=sys.float_info.min, most=6)
@example(low=1.0, high=math.nextafter(1.0, 2.0), most=6)
@example(low=1e300, high=1e300 + 1e285, most=6)
@example(low=-1.7e308, high=1.7e308, most=6)
@example(low=1.0, high=0.0, most=6)
def test_there_are_ticks_for_any_two_numbers(low: float, high: float, most: int) -> None:
    found = ticks(low, high, most)
    assert len(found) <= most + 1
    assert found == sorted(set(found))
    assert all(map(math.isfinite, found))
    slack = 1e-6 * (abs(low) + abs(high))
    assert all(min(low, high) - slack <= tick <= max(low, high) + slack for tick in found)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3.0, 7.0, [-2.0, 0.0, 2.0, 4.0, 6.0]),
        (0.0, 3e-300, [0.0, 1e-300, 2e-300, 3e-300]),
        (2.0, 2.0, [2.0]),
        (0.0, 5e-324, [0.0]),
    ],
)
def test_they_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected, rel=1e-9, abs=0)
