"""The exact paired test: valid at small levels, judged by counting and by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.base import ProbeError
from probes.exact import paired_excess_p


def chance(more: int, less: int, n: int, p: float, q: float) -> float:
    ways = math.comb(n, more) * math.comb(n - more, less)
    return ways * p**more * q**less * max(1 - p - q, 0.0) ** (n - more - less)


@pytest.mark.parametrize("n", [5, 12])
@pytest.mark.parametrize("gate", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("level", [0.1, 0.01, 0.001])
def test_its_size_is_within_every_level(n: int, gate: float, level: float) -> None:
    outcomes = [(a, b) for a, b in itertools.product(range(n + 1), repeat=2) if a + b <= n]
    rejected = [(a, b) for a, b in outcomes if paired_excess_p(a, b, n, gate) <= level]
    for q in np.linspace(0.0, (1 - gate) / 2, 37):
        size = sum(chance(a, b, n, gate + q, q) for a, b in rejected)
        assert size <= level * 1.02  # the largest is looked for on a grid


def test_with_no_pair_the_other_way_it_comes_near_the_binomial_test() -> None:
    from scipy.stats import binomtest

    ours = paired_excess_p(20, 0, 100, 0.07)
    binomial = binomtest(20, 100, 0.07, alternative="greater").pvalue
    assert binomial <= ours <= 10 * binomial


def test_it_finds_what_betting_on_means_does_not() -> None:
    from probes.sequential import mean_above_p

    values = np.zeros(100)
    values[:20] = 1
    assert paired_excess_p(20, 0, 100, 0.07) < 1e-3 < float(mean_above_p(values, 0.07))


@given(st.integers(1, 60), st.data())
def test_more_pairs_beyond_the_gate_are_never_weaker_evidence(n: int, data: st.DataObject) -> None:
    less = data.draw(st.integers(0, n))
    more = data.draw(st.integers(0, n - less))
    p = paired_excess_p(more, less, n, 0.05)
    assert 0 <= p <= 1
    if more - less <= 0.05 * n:
        assert p == 1
    elif more + less < n:
        assert paired_excess_p(more + 1, less, n, 0.05) <= p + 1e-12


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5), (0, 0, 0), (0, 0, 401)])
def test_counts_that_are_none_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ProbeError, match="pairs"):
        paired_excess_p(*counts, 0.1)


def test_a_gate_out_of_range_is_refused() -> None:
    with pytest.raises(ProbeError, match="gate"):
        paired_excess_p(1, 0, 5, 1.0)
