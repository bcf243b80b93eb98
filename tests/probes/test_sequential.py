"""A benign run of any length alarms at most as often as promised, whatever the audits share."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from probes.base import ProbeError
from probes.sequential import AlarmRule, AlarmState, Reading, advance, any_of, rate_above_p

GATE, ROWS, AUDITS, RUNS = 0.05, 200, 200, 4000


def alarms(p: np.ndarray, rule: AlarmRule) -> np.ndarray:
    """Which runs `[R]` of p-values `[R, T]` alarm: the rule without a second signal, at once."""
    exceeds = p <= [rule.level(t + 1) for t in range(p.shape[1])]
    windows = np.lib.stride_tricks.sliding_window_view(exceeds, rule.patience, axis=1)
    return windows.all(axis=2).any(axis=1)


def through_advance(p: np.ndarray, rule: AlarmRule, second: float | None = None) -> AlarmState:
    state = AlarmState(rule)
    for step, value in enumerate(p):
        state = advance(state, Reading(step, float(value), second))
    return state


def benign(rng: np.random.Generator, fresh: float, rate: float = GATE) -> np.ndarray:
    """P-values `[R, T]` at the gate; each audit a row is drawn anew with probability `fresh`."""
    table = binom.sf(np.arange(ROWS + 1) - 1, ROWS, GATE)
    hits = rng.random((RUNS, ROWS)) < rate
    p = np.empty((RUNS, AUDITS))
    for t in range(AUDITS):
        if 0 < fresh < 1:
            anew = rng.random((RUNS, ROWS), dtype=np.float32)
            hits = np.where(anew < fresh, anew < fresh * rate, hits)
        elif fresh:
            p[:, t] = table[rng.binomial(ROWS, rate, RUNS)]
            continue
        p[:, t] = table[hits.sum(axis=1)]
    return p


def most(alpha: float, runs: int) -> float:
    return alpha + 4 * np.sqrt(alpha * (1 - alpha) / runs)


@pytest.mark.parametrize("patience", [1, 2, 3])
@pytest.mark.parametrize("fresh", [0.0, 0.02, 0.2, 1.0])
def test_benign_runs_of_200_audits_alarm_no_more_than_promised(fresh: float, patience: int):
    p = benign(np.random.default_rng(0), fresh)
    rule = AlarmRule(alpha=0.05, patience=patience, second_alpha=None)
    assert alarms(p, rule).mean() <= most(0.05, RUNS)
    uncorrected = np.lib.stride_tricks.sliding_window_view(p <= 0.05, patience, axis=1)
    if fresh == 1 and patience < 3:  # positive control: without spending nearly every run alarms
        assert uncorrected.all(axis=2).any(axis=1).mean() > 0.15


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_the_bound_is_reached_by_the_worst_dependence(patience: int):
    """Audits so arranged that no two blocks ever exceed together: nothing is given away."""
    rule = AlarmRule(alpha=0.2, patience=patience, horizon=10, second_alpha=None)
    levels = np.array([rule.level(t + 1) for t in range(AUDITS)])
    ends = np.cumsum(levels[::patience]).repeat(patience)[:AUDITS]
    u = (np.arange(20_000) + 0.5) / 20_000
    below = (u[:, None] <= ends) & (u[:, None] > ends - levels)
    p = np.where(below, levels, 1.0)
    spent = levels[::patience].sum()
    assert alarms(p, rule).mean() == pytest.approx(spent, abs=2e-3)
    assert 0.15 < spent < 0.2


def test_levels_add_up_to_alpha_however_long():
    for rule in (AlarmRule(), AlarmRule(patience=3, warmup=7), AlarmRule(horizon=1, series=4)):
        audits = np.arange(rule.warmup + rule.patience, 300_000, rule.patience)
        spent = sum(rule.level(int(t)) for t in audits)
        assert 0.99 * rule.alpha / rule.series < spent <= rule.alpha / rule.series


def test_what_spending_costs_in_power():
    """Rows needed grow by the logarithm of the audits: about twice those of a single test."""
    rule = AlarmRule(alpha=0.01, patience=2)
    one = 1 - binom.cdf(binom.ppf(1 - 0.01, 200, 0.05), 200, 0.15)
    late = binom.sf(binom.ppf(1 - rule.level(200), 200, 0.05), 200, 0.15)
    assert one > 0.95
    assert 0.6 < late < one
    assert binom.sf(binom.ppf(1 - rule.level(200), 400, 0.05), 400, 0.15) > 0.95


def test_advance_is_the_rule_on_random_runs():
    rng = np.random.default_rng(1)
    rule = AlarmRule(alpha=0.5, patience=2, horizon=3, second_alpha=None)
    p = rng.random((300, 12)) ** 2
    expected = alarms(p, rule)
    assert 0.1 < expected.mean() < 0.9
    assert [through_advance(run, rule).alarm for run in p] == expected.tolist()


def test_an_alarm_needs_patience_and_a_second_signal():
    rule = AlarmRule(patience=2, warmup=1)
    phases = []
    state = AlarmState(rule)
    for reading in (
        Reading(0, 0.0, 0.0),  # warming up counts for nothing
        Reading(10, 0.0),
        Reading(20, 0.9),
        Reading(30, 0.0, 0.01),  # confirmed, but by itself
        Reading(40, 0.5),
        Reading(50, 0.0),
        Reading(60, 0.0, 0.2),
        Reading(70, 0.0, 0.05),
        Reading(80, 1.0, 1.0),
    ):
        state = advance(state, reading)
        phases.append(state.phase)
        if reading.step == 60:
            assert state.first_exceeded == 50
    assert phases == [
        "warming up",
        "waiting for patience",
        "quiet",
        "waiting for patience",
        "quiet",
        "waiting for patience",
        "waiting for a second signal",
        "alarm",
        "alarm",
    ]
    assert state.alarm_step == 70


def test_a_second_signal_only_takes_alarms_away():
    rng = np.random.default_rng(6)
    asked = AlarmRule(alpha=0.5, horizon=3, second_alpha=0.3)
    taken = 0
    for _ in range(300):
        with_it, without = AlarmState(asked), AlarmState(replace(asked, second_alpha=None))
        for step, (p, second) in enumerate(rng.random((10, 2))):
            reading = Reading(step, float(p) ** 3, float(second))
            with_it, without = advance(with_it, reading), advance(without, reading)
            assert without.alarm or not with_it.alarm
        taken += without.alarm and not with_it.alarm
    assert taken > 10


def test_a_second_signal_from_before_the_exceedances_does_not_count():
    state = through_advance(np.array([0.9]), AlarmRule(patience=2), second=0.0)
    for step in (1, 2):
        state = advance(state, Reading(step, 0.0))
    assert state.phase == "waiting for a second signal"


def test_a_resumed_run_decides_as_an_uninterrupted_one():
    rng = np.random.default_rng(2)
    rule = AlarmRule(alpha=0.3, patience=2, horizon=5)
    for _ in range(40):
        readings = [
            Reading(step, float(p) ** 4, float(s) if s < 0.7 else None)
            for step, (p, s) in enumerate(rng.random((15, 2)))
        ]
        whole = resumed = AlarmState(rule)
        for reading in readings:
            whole = advance(whole, reading)
            resumed = AlarmState.from_json(advance(resumed, reading).to_json(), rule)
            assert resumed == whole
    with pytest.raises(ProbeError, match="keep the rule"):
        AlarmState.from_json(whole.to_json(), replace(rule, alpha=0.9))
    held = json.loads(whole.to_json())
    for broken in ("", "[]", json.dumps({**held, "rule": {}, "more": 1}), json.dumps({"rule": 3})):
        with pytest.raises(ProbeError, match="no alarm state"):
            AlarmState.from_json(broken)


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        (Reading(7, float("nan")), "p is a p-value"),
        (Reading(7, 0.5, float("nan")), "second is a p-value"),
        (Reading(7, 1.5), "p is a p-value"),
        (Reading(5, 0.5), "comes after step 5"),
    ],
)
def test_what_is_no_reading_raises(reading: Reading, message: str):
    with pytest.raises(ProbeError, match=message):
        advance(AlarmState(AlarmRule(), audits=1, last_step=5), reading)


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"patience": 0}, {"warmup": -1}, {"second_alpha": 1.0}]
)
def test_what_is_no_rule_raises(wrong: dict):
    with pytest.raises(ProbeError, match=next(iter(wrong))):
        AlarmRule(**wrong)


def test_p_of_single_rows_is_the_exact_binomial_tail():
    fired = np.arange(30) < np.arange(31)[:, None]
    expected = binom.sf(np.arange(31) - 1, 30, 0.1)
    assert rate_above_p(fired, np.ones(30), 0.1) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shared", [0.02, 0.9])
def test_p_of_groups_is_valid_and_not_blunt(shared: float):
    rng = np.random.default_rng(3)
    sizes, spread = np.tile([4, 8], 30), 1 / shared - 1

    def drawn(rate: float, runs: int) -> np.ndarray:
        of_group = rng.beta(rate * spread, (1 - rate) * spread, (runs, 60))
        return rate_above_p(rng.binomial(sizes, of_group), sizes, 0.1)

    p = drawn(0.1, 20_000)
    for level in (0.1, 0.01, 0.001):
        assert (p <= level).mean() <= most(level, len(p))
    assert np.median(drawn(0.4, 200)) < 1e-4


def test_any_of_is_bonferroni():
    assert any_of([0.5, 0.01, 0.9]) == pytest.approx(0.03)
    assert any_of([0.9, 0.9]) == 1.0
    with pytest.raises(ProbeError):
        any_of([])


def test_counts_that_are_none_raise():
    for fired, sizes, gate in (([2], [1], 0.1), ([1, 1], [1], 0.1), ([1], [1], 0.0), ([], [], 0.1)):
        with pytest.raises(ProbeError):
            rate_above_p(fired, sizes, gate)
