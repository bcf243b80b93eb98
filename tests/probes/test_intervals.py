"""A p-value is the interval read another way, so the two never disagree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from probes import Estimate, ProbeError, intervals, p_value, paired_difference, rate
from probes.estimate import tail


def of_rows(hits: int, n: int):
    return lambda confidence: rate(np.arange(n) < hits, np.arange(n), confidence=confidence)


@pytest.mark.parametrize(("hits", "n", "limit"), [(9, 50, 0.1), (30, 50, 0.2), (3, 300, 0.002)])
def test_equals_the_exact_binomial_test(hits: int, n: int, limit: float):
    exact = binomtest(hits, n, limit, alternative="greater").pvalue
    assert p_value(of_rows(hits, n), limit) == pytest.approx(exact, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.02, 0.1, 0.3]),
    st.sampled_from([0.5, 0.2, 0.1, 0.05, 0.01]),
)
def test_p_and_interval_never_disagree(seed: int, limit: float, alpha: float):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 25, 60)
    a, b = rng.random(60) < 0.4, rng.random(60) < 0.2
    for interval in (
        lambda c: rate(a, groups, confidence=c),
        lambda c: paired_difference(a, b, groups, confidence=c),
    ):
        above = float(interval(1 - alpha).low) > limit
        assert (p_value(interval, limit) <= alpha / 2) == above


def test_a_value_below_the_limit_has_p_one_and_a_hopeless_null_the_least():
    assert p_value(of_rows(1, 100), 0.2) == 1.0
    assert p_value(of_rows(0, 100), 0.0) == 1.0
    assert p_value(of_rows(1000, 1000), 0.01) == intervals.SMALLEST_P


def test_p_is_valid_under_the_null():
    rng = np.random.default_rng(0)
    p = [p_value(of_rows(int(rng.binomial(80, 0.1)), 80), 0.1) for _ in range(300)]
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(level / 300)


def test_no_interval_no_p():
    with pytest.raises(ProbeError, match="needs an interval"):
        p_value(lambda confidence: Estimate(0.5, None, None, 1, 1), 0.1)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, float("nan")])
def test_a_confidence_is_no_percentage(confidence: float):
    with pytest.raises(ProbeError, match="between 0 and 1"):
        tail(confidence)


def test_the_family_is_all_there():
    for name in intervals.__all__:
        assert callable(getattr(intervals, name))
