"""Intervals of rates cover at their nominal rate, and reduce to the textbook where they should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, t

from probes import Estimate, ProbeError, paired_difference, rate, rate_difference
from probes.proportions import effective_size, mover


def short_of(nominal: float, runs: int) -> float:
    """Four standard errors of a simulated coverage below the nominal one."""
    return nominal - 4 * np.sqrt(nominal * (1 - nominal) / runs)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(("hits", "n"), [(0, 1), (0, 30), (1, 30), (13, 30), (30, 30), (3, 2000)])
def test_equals_the_exact_binomial_interval_on_independent_rows(hits, n, confidence):
    estimate = rate(np.arange(n) < hits, np.arange(n), confidence=confidence)
    exact = binomtest(hits, n).proportion_ci(confidence, method="exact")
    assert estimate.value == hits / n
    assert (estimate.low, estimate.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (estimate.n, estimate.n_groups, estimate.method) == (n, n, "Clopper-Pearson")


@pytest.mark.parametrize("n", [5, 40])
def test_exact_coverage_on_independent_rows(n: int):
    intervals = [rate(np.arange(n) < k, np.arange(n)) for k in range(n + 1)]
    for truth in np.linspace(0.01, 0.99, 33):
        covered = [float(e.low) <= truth <= float(e.high) for e in intervals]
        assert binom.pmf(np.arange(n + 1), n, truth)[covered].sum() >= 0.95


def clustered(rng, n_groups, size, truth, correlation):
    """Rows in groups of uneven size, whose rates follow a beta distribution."""
    spread = 1 / correlation - 1
    of_group = rng.beta(truth * spread, (1 - truth) * spread, n_groups)
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 2 * size, n_groups))
    return rng.random(len(groups)) < of_group[groups], groups


@pytest.mark.parametrize(
    ("n_groups", "size", "truth", "correlation"),
    [(30, 10, 0.05, 0.4), (100, 5, 0.01, 0.4), (60, 4, 0.3, 0.1), (60, 4, 0.3, 0.9)],
)
def test_coverage_on_clustered_rows(n_groups, size, truth, correlation):
    rng = np.random.default_rng(0)
    covered = naive = 0
    for _ in range(400):
        events, groups = clustered(rng, n_groups, size, truth, correlation)
        ours, rowwise = rate(events, groups), rate(events, np.arange(len(events)))
        covered += float(ours.low) <= truth <= float(ours.high)
        naive += float(rowwise.low) <= truth <= float(rowwise.high)
    assert covered / 400 >= short_of(0.95, 400)
    if correlation > 0.1:  # positive control: forgetting the groups is visibly wrong
        assert naive / 400 < 0.9


def test_rows_that_repeat_their_group_count_once():
    rng = np.random.default_rng(0)
    events = rng.random(200) < 0.2
    once = rate(events, np.arange(200))
    copied = rate(np.repeat(events, 5), np.repeat(np.arange(200), 5))
    assert copied.n == 1000
    assert copied.low == pytest.approx(once.low, abs=0.01)
    assert copied.high == pytest.approx(once.high, abs=0.01)


@pytest.mark.parametrize("hit", [False, True])
def test_none_or_all_in_groups_counts_the_groups(hit: bool):
    estimate = rate(np.full(120, hit), np.repeat(np.arange(40), 3))
    exact = binomtest(40 * hit, 40).proportion_ci(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((exact.low, exact.high))


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 60), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_one_more_scattered_event_does_not_visibly_lower_the_interval(n_groups, size, seed):
    groups = np.repeat(np.arange(n_groups), size)
    events = np.zeros(len(groups), dtype=bool)
    ends = []
    for group in np.random.default_rng(seed).permutation(n_groups)[: n_groups // 2 + 1]:
        estimate = rate(events, groups)
        ends.append((estimate.low, estimate.high))
        assert 0 <= float(estimate.low) <= estimate.value <= float(estimate.high) <= 1
        events[group * size] = True
    lows, highs = zip(*ends, strict=True)
    assert np.diff(lows).min() > -0.02
    assert np.diff(highs).min() > -0.02


def test_one_group_says_as_much_as_one_row():
    estimate = rate(np.array([True, False, True, True]), [7, 7, 7, 7])
    assert float(estimate.high) - float(estimate.low) > 0.9


@pytest.mark.parametrize(
    ("events", "groups", "confidence", "message"),
    [
        ([], [], 0.95, "no rows"),
        ([True], [1, 2], 0.95, "1 groups"),
        ([0.5], [1], 0.95, "true or false"),
        ([True], [1], 95, "between 0 and 1"),
    ],
)
def test_what_has_no_rate_raises(events, groups, confidence, message):
    with pytest.raises(ProbeError, match=message):
        rate(np.array(events), groups, confidence=confidence)


def test_mover_on_wilson_intervals_is_method_10_of_newcombe():
    """His first example, 56/70 against 48/80: 0.0524 to 0.3339."""
    sides = []
    for hits, n in ((56, 70), (48, 80)):
        wilson = binomtest(hits, n).proportion_ci(method="wilson")
        sides.append(Estimate(hits / n, wilson.low, wilson.high, n, n))
    assert mover(*sides, correlation=0.0) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_mover_knows_what_correlation_does():
    a, b = Estimate(0.5, 0.4, 0.7, 9, 9), Estimate(0.3, 0.2, 0.5, 9, 9)
    assert mover(a, b, correlation=1.0) == pytest.approx((0.2 - abs(0.1 - 0.2), 0.2 + 0.1))
    assert mover(a, b, correlation=-1.0) == pytest.approx((0.2 - 0.3, 0.2 + 0.3))
    apart = mover(a, b, correlation=0.0)
    assert apart == pytest.approx((0.2 - np.hypot(0.1, 0.2), 0.2 + np.hypot(0.2, 0.1)))


def test_few_groups_are_corrected_by_the_square_of_student_t():
    events, groups = np.arange(50) % 10 < np.arange(50) // 10 * 2, np.repeat(np.arange(5), 10)
    sizes = [effective_size(events, groups, 5, confidence) for confidence in (0.99, 0.8)]
    factors = [(t.ppf(tail, 49) / t.ppf(tail, 4)) ** 2 for tail in (0.995, 0.9)]
    assert sizes[0] / sizes[1] == pytest.approx(factors[0] / factors[1])


def test_coverage_of_the_difference_of_two_samples():
    rng = np.random.default_rng(0)
    for p_a, p_b in ((0.3, 0.1), (0.05, 0.05), (0.9, 0.02)):
        covered = 0
        for _ in range(300):
            a, b = rng.random(60) < p_a, rng.random(150) < p_b
            estimate = rate_difference(a, np.arange(60), b, np.arange(150))
            covered += float(estimate.low) <= p_a - p_b <= float(estimate.high)
        assert covered / 300 >= short_of(0.95, 300)


def test_a_difference_of_samples_turns_its_sign_when_they_change_places():
    rng = np.random.default_rng(0)
    a, ga = clustered(rng, 20, 3, 0.4, 0.3)
    b, gb = clustered(rng, 30, 3, 0.1, 0.3)
    one, other = rate_difference(a, ga, b, gb), rate_difference(b, gb, a, ga)
    assert (one.value, one.low, one.high) == pytest.approx(
        (-other.value, -float(other.high), -float(other.low))
    )
    assert (one.n, one.n_groups) == (len(a) + len(b), 50)


@pytest.mark.parametrize("size", [1, 4])
def test_coverage_of_the_paired_difference(size: int):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), size)
    for a_only, b_only in ((0.1, 0.02), (0.2, 0.2), (0.4, 0.05)):
        covered = 0
        for _ in range(300):
            cells = rng.dirichlet(np.array([a_only, b_only, 1 - a_only - b_only]) * 3, 60)
            if size == 1:
                cells = np.tile([a_only, b_only, 1 - a_only - b_only], (60, 1))
            cell = (rng.random(len(groups))[:, None] > np.cumsum(cells, axis=1)[groups]).sum(axis=1)
            both = rng.random(len(groups)) < 0.3
            a = np.where(cell == 0, True, np.where(cell == 1, False, both))
            b = np.where(cell == 1, True, np.where(cell == 0, False, both))
            estimate = paired_difference(a, b, groups)
            covered += float(estimate.low) <= a_only - b_only <= float(estimate.high)
        assert covered / 300 >= short_of(0.95, 300)


@pytest.mark.parametrize(("a_only", "b_only"), [(0.4, 0.4), (0.3, 0.05)])
def test_many_pairs_give_the_width_of_the_multinomial(a_only: float, b_only: float):
    n = 40_000
    cell = np.arange(n) / n
    a, b = cell < a_only, (cell >= a_only) & (cell < a_only + b_only)
    estimate = paired_difference(a, b, np.arange(n))
    error = np.sqrt((a_only + b_only - (a_only - b_only) ** 2) / n)
    width = float(estimate.high) - float(estimate.low)
    assert width == pytest.approx(2 * 1.96 * error, rel=0.01)


def test_pairing_sharpens_what_independent_samples_leave_open():
    rng = np.random.default_rng(0)
    base = rng.random(200) < 0.5
    changed = base | (rng.random(200) < 0.1)
    rows = np.arange(200)
    paired = paired_difference(changed, base, rows)
    unpaired = rate_difference(changed, rows, base, rows + 200)
    assert paired.value == pytest.approx(unpaired.value)
    assert float(paired.low) > 0 > float(unpaired.low)


def test_no_disagreement_at_all_is_zero_with_room_on_both_sides():
    events = np.arange(50) < 20
    estimate = paired_difference(events, events, np.arange(50))
    assert estimate.value == 0
    assert estimate.low == pytest.approx(-float(estimate.high))
    assert 0.05 < float(estimate.high) < 0.12


def test_a_complete_swap_reaches_the_end_of_the_scale():
    estimate = paired_difference(np.ones(30, bool), np.zeros(30, bool), np.arange(30))
    assert estimate.value == estimate.high == 1.0
    assert 0.8 < float(estimate.low) < 1
