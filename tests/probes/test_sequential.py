"""A benign run of any length alarms at most as often as promised, whatever the audits share."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, ttest_1samp

from probes.base import ProbeError
from probes.sequential import (
    AlarmRule,
    AlarmState,
    Reading,
    advance,
    any_of,
    mean_above_p,
    rate_above_p,
)

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


def rare(rng: np.random.Generator, shape: tuple[int, int], extreme: float) -> np.ndarray:
    """One in fifty at an extreme, the rest on the other side of zero."""
    return np.where(rng.random(shape) < 0.02, extreme, -extreme * rng.uniform(0.02, 0.22, shape))


SIGNS = np.array([-1.0, 0.0, 1.0])
NULLS = {  # values [R, G] whose mean over groups is at the gate, and that gate
    "paired rows": (lambda rng, shape: rng.choice(SIGNS, shape, p=[0.2, 0.6, 0.2]), 0.0),
    "left-skewed": (lambda rng, shape: rare(rng, shape, -1.0), 0.0976),
    "right-skewed": (lambda rng, shape: rare(rng, shape, 1.0), -0.0976),
    "uneven groups": (
        lambda rng, shape: np.where(
            rng.random(shape) < np.linspace(0.05, 0.95, shape[1]), 1.0, -1.0
        ),
        0.0,
    ),
    "half a share": (lambda rng, shape: rng.binomial(2, 0.2, shape) / 2 - 0.1, 0.1),
    "below the gate": (lambda rng, shape: rng.uniform(-1, 1, shape), 0.05),
}


@pytest.mark.parametrize("null", NULLS)
def test_p_of_a_mean_is_valid_at_every_level(null: str):
    draw, gate = NULLS[null]
    values = draw(np.random.default_rng(4), (20_000, 40))
    p = mean_above_p(values, gate)
    student = ttest_1samp(values, gate, axis=1, alternative="greater").pvalue
    for level in (1e-2, 1e-3, 1e-4):
        chance = binom.ppf(0.9999, len(p), level)
        assert (p <= level).sum() <= chance
        if null == "left-skewed":  # positive control: the runs whose rare row was not drawn
            assert (student <= level).sum() > 10 * chance


def test_p_of_a_mean_is_not_blunt():
    """Against a t-test where that is right; the price is that of being right everywhere."""
    rng = np.random.default_rng(5)
    values = rng.choice(SIGNS, (2000, 100), p=[0.05, 0.65, 0.3])
    student = ttest_1samp(values, 0.0, axis=1, alternative="greater").pvalue
    for level, least in ((1e-2, 0.85), (1e-4, 0.4)):
        assert least < (mean_above_p(values, 0.0) <= level).mean() <= (student <= level).mean()


def test_p_of_a_mean_is_near_that_of_the_rate_on_its_scale():
    shares = np.random.default_rng(7).binomial(4, 0.3, (50, 20))
    rates = rate_above_p(shares, np.full(20, 4), 0.2)
    means = mean_above_p(shares / 2 - 1, 2 * 0.2 - 1)
    assert np.abs(np.log(means / rates)).max() < np.log(4)  # the bets are placed differently


@pytest.mark.parametrize(
    ("values", "gate"),
    [([2.0], 0.0), ([float("nan")], 0.0), ([], 0.0), (0.5, 0.0), ([0.5], 1.0), ([0.5], -1.0)],
)
def test_means_that_are_none_raise(values: list, gate: float):
    with pytest.raises(ProbeError, match=r"mean|values"):
        mean_above_p(values, gate)


def test_one_by_one_through_json_is_all_at_once():
    """And what other series read meanwhile, in whatever order, has no part in it."""
    rng = np.random.default_rng(8)
    rule = AlarmRule(alpha=0.3, patience=2, horizon=5, series=3, second_alpha=None)
    alarmed = 0
    for _ in range(40):
        p = rng.random((3, 20)) ** 3
        for order in ([0, 1, 2], [2, 0, 1]):
            held = {one: AlarmState(rule).to_json() for one in order}
            for step in range(20):
                for one in order:
                    state = advance(AlarmState.from_json(held[one]), Reading(step, p[one, step]))
                    held[one] = state.to_json()
            for one in order:
                at_once = through_advance(p[one], rule)
                assert AlarmState.from_json(held[one], rule) == at_once
                assert at_once.alarm == alarms(p[one : one + 1], rule)[0]
                alarmed += at_once.alarm
    assert 24 < alarmed < 216


@pytest.mark.parametrize("patience", [1, 3])
def test_a_run_without_evidence_never_alarms(patience: int):
    state = through_advance(np.ones(300), AlarmRule(alpha=0.99, patience=patience), second=0.0)
    assert not state.alarm
    assert state.phase == "quiet"


def test_any_of_is_bonferroni():
    assert any_of([0.5, 0.01, 0.9]) == pytest.approx(0.03)
    assert any_of([0.9, 0.9]) == 1.0
    with pytest.raises(ProbeError):
        any_of([])


def test_counts_that_are_none_raise():
    for fired, sizes, gate in (([2], [1], 0.1), ([1, 1], [1], 0.1), ([1], [1], 0.0), ([], [], 0.1)):
        with pytest.raises(ProbeError):
            rate_above_p(fired, sizes, gate)
