"""Onsets are found where they were planted, and on flat series as seldom as promised."""

import numpy as np
import pytest

from probes.base import ProbeError
from probes.changepoint import Onset, change_points, lead_time, onset, series

ROWS = 200


def observed(rng: np.random.Generator, rates: np.ndarray, shared: float = 0.0) -> np.ndarray:
    """Rates as an audit sees them; `shared` is the correlation of rows within an audit."""
    if shared:
        rates = rng.beta(rates * (1 / shared - 1), (1 - rates) * (1 / shared - 1))
    return rng.binomial(ROWS, rates) / ROWS


def planted(n: int, first: int, low: float, high: float, ramp: bool = False) -> np.ndarray:
    """True rates `[n]` of a rise whose first risen audit is `first`."""
    a, b = np.arcsin(np.sqrt([low, high]))
    at = np.arange(n)
    share = np.maximum(at - first + 1, 0) / (n - first) if ramp else at >= first
    return np.sin(a + (b - a) * share) ** 2


def above(nominal: float, runs: int) -> float:
    return nominal + 4 * np.sqrt(nominal * (1 - nominal) / runs)


@pytest.mark.parametrize(("n", "rate"), [(6, 0.05), (12, 0.01), (30, 0.3)])
@pytest.mark.parametrize("shared", [0.0, 0.05])
def test_flat_series_have_an_onset_as_seldom_as_promised(n: int, rate: float, shared: float):
    rng, runs = np.random.default_rng(0), 300
    drawn = [
        series(np.arange(n), observed(rng, np.full(n, rate), shared), ROWS) for _ in range(runs)
    ]
    assert np.mean([onset(each).found for each in drawn]) <= above(0.05, runs)
    if rate > 0.01:
        assert np.mean([bool(change_points(each)) for each in drawn]) <= above(0.05, runs)


def test_rows_that_every_audit_shares_make_no_onset():
    rng = np.random.default_rng(0)
    for _ in range(50):
        fired = rng.random(ROWS) < 0.2
        swapped = rng.random((20, ROWS)) < 0.01
        rates = np.where(swapped, rng.random((20, ROWS)) < 0.2, fired).mean(axis=1)
        assert not onset(series(np.arange(20), rates, ROWS)).found


@pytest.mark.parametrize(
    ("n", "first", "low", "high", "ramp", "shared"),
    [
        (6, 4, 0.01, 0.6, False, 0.0),
        (12, 6, 0.02, 0.3, False, 0.02),
        (12, 11, 0.02, 0.4, False, 0.0),
        (12, 5, 0.02, 0.5, True, 0.0),
        (30, 12, 0.05, 0.12, False, 0.0),
        (30, 12, 0.05, 0.3, True, 0.0),
    ],
)
def test_a_planted_rise_is_found_and_its_interval_covers_it(n, first, low, high, ramp, shared):
    rng, runs = np.random.default_rng(0), 100
    rates = planted(n, first, low, high, ramp)
    found = [
        onset(series(10.0 * np.arange(n), observed(rng, rates, shared), ROWS)) for _ in range(runs)
    ]
    assert all(each.found for each in found)
    covered = np.mean([each.low < 10 * first <= each.high for each in found])
    assert covered >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / runs)
    assert np.mean([each.kind == ("ramp" if ramp else "step") for each in found]) > 0.85
    assert np.median([each.step for each in found]) == pytest.approx(10 * first, abs=10)
    assert np.median([each.before for each in found]) == pytest.approx(low, abs=0.02)
    assert np.median([each.after for each in found]) == pytest.approx(high, abs=0.05)
    assert np.median([each.high - each.low for each in found]) < 10 * n / 3


def test_a_clean_step_is_pinned_between_two_audits():
    one = onset(series([0, 5, 20, 30, 70, 90], [0, 0, 0, 0.9, 0.9, 0.9], ROWS))
    assert (one.kind, one.step, one.low, one.high) == ("step", 30, 20, 30)
    assert one.before == pytest.approx(0, abs=0.01)
    assert one.after == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    "rates", [[0.9, 0.9, 0.9, 0.1, 0.1, 0.1], [0, 0, 0, 0, 0, 0.005], [0.2] * 6, [0, 0, 1.0]]
)
def test_a_fall_one_row_or_too_few_audits_are_no_rise(rates):
    one = onset(series(np.arange(len(rates)), rates, ROWS))
    assert not one.found
    assert one.step is one.low is one.high is one.kind is None
    assert one.p > 0.05


def test_a_rise_below_the_least_is_none_and_keeps_its_p():
    one = series(np.arange(20), planted(20, 8, 0.1, 0.25), 2000)
    small, large = onset(one, least_rise=0.2), onset(one, least_rise=0.1)
    assert large.found
    assert not small.found
    assert small.p == large.p < 0.05


def test_a_wandering_rate_is_what_the_promise_does_not_cover():
    """The known failing, kept in sight, and what the least rise does about it."""
    rng, runs = np.random.default_rng(8), 200
    angles = 0.5 + np.cumsum(rng.normal(0, 0.02, (runs, 30)), axis=1)
    walks = [series(np.arange(30), observed(rng, np.sin(a) ** 2), ROWS) for a in angles]
    assert np.mean([onset(walk).found for walk in walks]) > 0.2
    assert np.mean([onset(walk, least_rise=0.2).found for walk in walks]) < 0.06


def test_the_best_step_is_that_of_a_search_by_hand():
    rng = np.random.default_rng(4)
    for _ in range(20):
        one = series(np.arange(15), observed(rng, planted(15, 7, 0.1, 0.25)), ROWS)
        found = onset(one)
        if found.kind == "step":
            y = one.angles
            left = [np.var(y[:k]) * k + np.var(y[k:]) * (15 - k) for k in range(1, 15)]
            assert found.step == 1 + int(np.argmin(left))


def test_same_series_same_bytes():
    rng = np.random.default_rng(5)
    one = series(np.arange(20), observed(rng, planted(20, 9, 0.05, 0.2, ramp=True)), ROWS)
    assert onset(one) == onset(one)
    assert onset(one, random_state=1).step == onset(one).step


def test_change_points_up_and_down():
    rng = np.random.default_rng(6)
    truth = np.repeat([0.05, 0.5, 0.2], 10)
    hits = 0
    for _ in range(50):
        hits += change_points(series(np.arange(30), observed(rng, truth), ROWS)) == (10, 20)
    assert hits > 40


def test_the_lead_lies_between_the_extremes_and_needs_two_onsets():
    monitor = Onset(True, 0.0, "step", 30, 20, 40, confidence=0.975)
    behaviour = Onset(True, 0.0, "ramp", 70, 60, 90, confidence=0.975)
    lead = lead_time(monitor, behaviour)
    assert (lead.value, lead.low, lead.high) == (40, 20, 70)
    assert lead.confidence == pytest.approx(0.95)
    assert lead_time(behaviour, monitor).value == -40
    assert lead_time(Onset(False, 0.6), behaviour) is None
    assert lead_time(monitor, Onset(False, 0.6)) is None


def test_the_lead_covers_the_planted_one():
    rng, covered = np.random.default_rng(7), 0
    for _ in range(60):
        rises = (planted(20, 7, 0.05, 0.2), planted(20, 10, 0.02, 0.3, ramp=True))
        found = [
            onset(series(np.arange(20), observed(rng, rates), ROWS), confidence=0.975)
            for rates in rises
        ]
        lead = lead_time(*found)
        covered += lead.low < 3 < lead.high
    assert covered / 60 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.parametrize(
    ("steps", "rates", "sizes", "message"),
    [
        ([0, 1], [0.5], 10, "a rate per step"),
        ([1, 1], [0.5, 0.5], 10, "increase"),
        ([0, 1], [0.5, np.nan], 10, "0..1"),
        ([0, 1], [0.5, 0.5], [1, 2, 3], "2 sizes"),
        ([0, 1], [0.5, 0.5], 0, "rows behind"),
    ],
)
def test_what_is_no_series_raises(steps, rates, sizes, message):
    with pytest.raises(ProbeError, match=message):
        series(steps, rates, sizes)
