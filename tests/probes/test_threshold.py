"""A threshold keeps its promise on the controls it came from, and on new ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from probes import ProbeError, controls_needed, threshold_at_fpr


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=200),
    st.floats(0.001, 0.999),
)
def test_never_more_than_the_stated_share_fires_and_no_lower_threshold_would_do(values, fpr):
    scores = np.array(values, dtype=float)
    threshold = threshold_at_fpr(scores, fpr, np.arange(len(scores)))
    allowed = int(np.floor(fpr * len(scores) + 1e-9))
    fires = scores > threshold.value
    assert fires.sum() <= allowed
    assert threshold.observed.value == pytest.approx(fires.mean())
    assert threshold.stated_fpr == fpr
    assert np.count_nonzero(scores >= threshold.value) > allowed


@pytest.mark.parametrize(
    ("n", "fpr", "fires"), [(300, 0.01, 3), (100, 0.29, 29), (99, 0.01, 0), (1, 0.5, 0)]
)
def test_the_count_survives_floating_point(n: int, fpr: float, fires: int):
    threshold = threshold_at_fpr(np.random.default_rng(0).standard_normal(n), fpr, np.arange(n))
    assert round(threshold.observed.value * n) == fires
    exact = binomtest(fires, n).proportion_ci(0.95)
    assert (threshold.observed.low, threshold.observed.high) == pytest.approx(
        (exact.low, exact.high)
    )


def test_the_interval_holds_for_new_controls():
    """The upper end covers the true rate of the threshold, which was chosen on these rows."""
    rng = np.random.default_rng(0)
    too_high = 0
    for _ in range(400):
        scores = rng.random(200)
        threshold = threshold_at_fpr(scores, 0.05, np.arange(200))
        too_high += 1 - threshold.value > float(threshold.observed.high)
    assert too_high / 400 <= 0.025 + 4 * np.sqrt(0.025 * 0.975 / 400)


def test_groups_of_controls_widen_the_interval():
    scores = np.repeat(np.random.default_rng(0).standard_normal(50), 4)
    apart = threshold_at_fpr(scores, 0.05, np.arange(200)).observed
    grouped = threshold_at_fpr(scores, 0.05, np.repeat(np.arange(50), 4)).observed
    assert float(grouped.high) > float(apart.high)


@pytest.mark.parametrize(
    ("scores", "fpr", "message"),
    [
        ([], 0.1, "at least one"),
        ([1.0, np.nan], 0.1, "1 of 2 scores"),
        ([1.0, -np.inf], 0.1, "1 of 2 scores"),
        ([1.0], 0.0, "between 0 and 1"),
        ([1.0], 1.0, "between 0 and 1"),
    ],
)
def test_what_sets_no_threshold(scores, fpr, message):
    with pytest.raises(ProbeError, match=message):
        threshold_at_fpr(np.array(scores), fpr, np.arange(len(scores)))


@pytest.mark.parametrize(("fpr", "needed"), [(0.01, 300), (0.03, 100), (0.05, 60), (0.07, 43)])
def test_the_rule_of_three(fpr: float, needed: int):
    assert controls_needed(fpr) == needed
    none = threshold_at_fpr(np.zeros(needed), fpr, np.arange(needed), confidence=0.9).observed
    assert float(none.high) <= fpr
    with pytest.raises(ProbeError):
        controls_needed(0.0)
