"""A forecast is believed where it beats persistence, and says so where it does not."""

import numpy as np
import pytest

from probes.base import ProbeError
from probes.changepoint import Series, series
from probes.forecast import Prediction, backtest, forecast, hazard, persistence, trend

ROWS = 200


def runs(kind: str, seed: int, n: int = 10, audits: int = 20) -> list[Series]:
    """Runs of one kind; a jump comes at a random audit."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(n):
        at, rates, rows = int(rng.integers(6, 17)), np.full(audits, 0.05), ROWS
        if kind == "ramp":
            rates, rows = np.minimum(0.05 + 0.04 * np.maximum(np.arange(audits) - 3, 0), 0.9), 2000
        if kind in ("sudden", "foretold"):
            rates[at:] = 0.7
        if kind == "foretold":
            rates[at - 1] = 0.18
        if kind == "walk":
            rates = np.sin(np.clip(0.5 + np.cumsum(rng.normal(0, 0.08, audits)), 0.05, 1.5)) ** 2
        found.append(series(100.0 * np.arange(audits), rng.binomial(rows, rates) / rows, rows))
    return found


@pytest.mark.parametrize(
    ("kind", "trend_verdict", "hazard_verdict"),
    [
        ("flat", {"better than persistence"}, {"too few to tell"}),
        ("ramp", {"better than persistence"}, {"too few to tell"}),
        ("walk", {"no better than persistence", "worse than persistence"}, {"too few to tell"}),
        (
            "sudden",
            {"no better than persistence", "worse than persistence"},
            {"no better than persistence"},
        ),
        (
            "foretold",
            {"no better than persistence", "worse than persistence"},
            {"better than persistence"},
        ),
    ],
)
def test_the_backtest_knows_what_can_be_foretold(kind, trend_verdict, hazard_verdict):
    for seed in range(3):
        done = backtest(runs(kind, seed))
        assert done.interval.verdict in trend_verdict
        assert {done.brier.verdict, done.log.verdict} == hazard_verdict
        assert (done.n_gaps, done.n_runs) == (160, 10)
        if kind in ("sudden", "foretold"):
            assert 10 <= done.n_jumps <= 13  # a forerunner may itself pass for one


@pytest.mark.parametrize("kind", ["flat", "ramp", "walk"])
def test_intervals_hold_the_next_rate(kind: str):
    coverage = np.mean([backtest(runs(kind, seed)).coverage for seed in range(5)])
    assert coverage == pytest.approx(0.95, abs=0.045)


def test_a_line_is_carried_on_and_a_level_is_not():
    at = np.arange(12.0)
    line = series(at, np.sin(0.2 + 0.05 * at) ** 2, 2000)
    assert trend(line, 12).rate == pytest.approx(np.sin(0.8) ** 2, abs=0.01)
    assert trend(line, 14).rate > trend(line, 12).rate
    assert persistence(line).rate == pytest.approx(line.rates[-1], abs=1e-3)
    level = series(at, np.full(12, 0.3), ROWS)
    ahead = trend(level, 12)
    assert ahead.rate == pytest.approx(0.3, abs=0.002)
    assert trend(level, 40) == ahead
    assert 0 <= ahead.low < 0.3 < ahead.high <= 1


def test_uneven_audits_do_not_bend_a_line():
    at = np.array([0.0, 1, 2, 4, 7, 8, 12, 13, 15])
    line = series(at, np.sin(0.2 + 0.04 * at) ** 2, 5000)
    assert trend(line, 18).rate == pytest.approx(np.sin(0.2 + 0.04 * 18) ** 2, abs=0.02)


def test_the_hazard_is_the_beta_binomial_of_the_gaps_like_this_one():
    flat = series(np.arange(12), np.full(12, 0.05), ROWS)
    chance, base = hazard(flat, 12)
    assert base == pytest.approx(0.5 / (10 + 10))
    assert chance == pytest.approx(5 * base / (10 + 5))
    once, _ = hazard(flat, 13)
    assert once == pytest.approx(1 - (1 - chance) ** 2)


def test_a_forerunner_that_past_runs_had_raises_the_warning():
    past = runs("foretold", 0)
    quiet = series(np.arange(9), np.full(9, 0.05), ROWS)
    stirs = series(np.arange(9), np.append(np.full(8, 0.05), 0.18), ROWS)
    assert not forecast(quiet, 9, past=past).warning
    told = forecast(stirs, 9, past=past)
    assert told.warning
    assert told.hazard > 0.3 > 5 * told.base_hazard
    assert not forecast(stirs, 9).warning  # nothing has taught it what comes next


def test_where_no_jump_fits_there_is_none():
    assert hazard(series([0, 1, 2, 3], [0.1, 0.1, 0.1, 0.95], ROWS), 4) == (0.0, 0.0)


def test_a_forecast_names_the_change_points_so_far():
    rates = np.repeat([0.05, 0.6], 8)
    told = forecast(series(10.0 * np.arange(16), rates, ROWS), 160)
    assert told.change_points == (80.0,)
    assert told.step == 160


def test_with_little_seen_anything_may_come():
    one = series([0], [0.2], ROWS)
    assert trend(one, 1) == Prediction(0.2, 0.0, 1.0)
    assert hazard(one, 1) == (0.05, 0.05)
    assert backtest(runs("foretold", 0, n=3)).brier.verdict == "too few to tell"
    assert backtest(runs("ramp", 0, n=1, audits=10)).interval.low is None


def test_a_single_long_run_is_judged_over_its_gaps():
    done = backtest(runs("flat", 0, n=1, audits=60))
    assert done.interval.verdict == "better than persistence"
    assert done.n_runs == 1


def test_a_backtest_does_not_look_ahead():
    """What comes after an audit leaves its forecast as it is."""
    whole = runs("foretold", 1, n=1)[0]
    changed = series(whole.steps, np.append(whole.rates[:10], np.full(10, 0.9)), ROWS)
    for now in range(4, 11):
        assert forecast(whole.part(0, now), 1e4) == forecast(changed.part(0, now), 1e4)
    short = backtest([whole.part(0, 10)])
    again = backtest([changed.part(0, 10)])
    assert short == again


@pytest.mark.parametrize(
    ("step", "jump", "message"),
    [(3, 0.2, "comes after step 3"), (9, 1.5, "a jump is a rise")],
)
def test_what_is_no_question_raises(step, jump, message):
    with pytest.raises(ProbeError, match=message):
        forecast(series(np.arange(4), np.full(4, 0.1), ROWS), step, jump=jump)


def test_nothing_to_forecast_raises():
    with pytest.raises(ProbeError, match="nothing to forecast"):
        backtest([series(np.arange(4), np.full(4, 0.1), ROWS)])
