"""What the next audit may show, how likely it shows a jump, and whether to believe either.

Knows series of rates; knows no model. Two forecasts are made and each is scored against
persistence, which says that things stay as they are: the trend against the last rate, the
hazard of a jump against the share of gaps that jumped so far. To be no better is an outcome,
and for jumps without a forerunner the only one to expect: nothing here sees what has not begun.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from probes.base import Floats, Indices, ProbeError
from probes.changepoint import FEWEST, Series, change_points
from probes.estimate import tail

Verdict = Literal[
    "better than persistence",
    "no better than persistence",
    "worse than persistence",
    "too few to tell",
]
PRIOR = (0.5, 9.5)
"""Beta prior of a jump in a gap: one in twenty, worth ten gaps."""
SHRINKAGE = 5.0
"""Gaps that a cell must have seen before its own share counts as much as the overall one."""
MATERIAL = 0.05
"""Share of persistence's score by which a forecast must better it, besides doing so reliably."""
_FOLLOW, _BEND = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0), (0.0, 0.1, 0.3, 0.6)
FEWEST_RUNS, FEWEST_GAPS, FEWEST_JUMPS = 5, 12, 3


@dataclass(frozen=True)
class Prediction:
    """A rate to come, with the interval that should hold it.

    Args:
        rate: expected.
        low: lower end.
        high: upper end.
    """

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What is expected of the next audit.

    Args:
        step: training step it is for.
        trend: the rate, if it goes on as of late.
        persistence: the rate, if it stays.
        change_points: steps at which the rate stepped so far.
        hazard: chance of a jump before the next audit.
        base_hazard: the same, blind to how the rate moved last.
        warning: whether the hazard is at or above its limit.
        confidence: of the intervals.
    """

    step: float
    trend: Prediction
    persistence: Prediction
    change_points: tuple[float, ...]
    hazard: float
    base_hazard: float
    warning: bool
    confidence: float


@dataclass(frozen=True)
class Score:
    """Mean score of a forecast beside persistence; lower is better.

    Args:
        forecast: its score.
        persistence: that of persistence.
        gain: persistence less forecast, mean over units.
        low: lower end of the 95 % interval of the gain, None with too few units.
        high: upper end.
        verdict: in words.
    """

    forecast: float
    persistence: float
    gain: float
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Backtest:
    """How forecasts did on runs whose end is known.

    Args:
        interval: interval score of the trend (Gneiting & Raftery 2007), in units of the rate.
        coverage: share of rates inside the trend's interval.
        persistence_coverage: share inside that of persistence.
        brier: Brier score of the hazard.
        log: its logarithmic score, nats.
        n_gaps: gaps forecast.
        n_jumps: jumps among them.
        n_runs: runs.
        confidence: of the intervals that were scored.
    """

    interval: Score
    coverage: float
    persistence_coverage: float
    brier: Score
    log: Score
    n_gaps: int
    n_jumps: int
    n_runs: int
    confidence: float


def forecast(
    of: Series,
    step: float,
    *,
    past: Sequence[Series] = (),
    jump: float = 0.2,
    limit: float = 0.2,
    confidence: float = 0.95,
) -> Forecast:
    """What to expect at a step to come.

    Args:
        of: the run so far.
        step: training step of the next audit.
        past: finished runs, from which the hazard learns what precedes a jump.
        jump: a rise in rate from one audit to the next that counts as one.
        limit: hazard from which on to warn.
        confidence: of the intervals.

    Raises:
        ProbeError: if the step is not after the last one, or a number is out of range.
    """
    if not step > of.steps[-1]:
        raise ProbeError(f"the next audit comes after step {of.steps[-1]:g}, not at {step:g}")
    chance, base = hazard(of, step, past=past, jump=jump)
    return Forecast(
        step=float(step),
        trend=trend(of, step, confidence=confidence),
        persistence=persistence(of, confidence=confidence),
        change_points=tuple(float(of.steps[index]) for index in change_points(of)),
        hazard=chance,
        base_hazard=base,
        warning=chance >= limit,
        confidence=confidence,
    )


def persistence(of: Series, *, confidence: float = 0.95) -> Prediction:
    """The last rate, give or take what it moved from audit to audit so far."""
    from scipy.special import stdtrit

    y, point = of.angles, 1 - tail(confidence)
    if len(y) < 2:
        return Prediction(float(of.rates[-1]), 0.0, 1.0)
    spread = math.sqrt(max(float(np.mean(np.diff(y) ** 2)), 2 * of.floor))
    return _prediction(float(y[-1]), spread * float(stdtrit(len(y) - 1, point)))


def trend(of: Series, step: float, *, confidence: float = 0.95) -> Prediction:
    """The rate at a step to come, if it goes on as it did.

    Exponential smoothing of level and slope (Holt 1957) on the angular scale. How fast each
    follows is chosen, from a grid, by the errors it would have made so far one audit ahead;
    standing still on the mean and persistence itself are in the grid, so what has no trend is
    given none. The interval comes from these errors, with at least binomial noise, at one
    degree of freedom less for having chosen.

    Args:
        of: the run so far.
        step: training step.
        confidence: of the interval.
    """
    from scipy.special import stdtrit

    if len(of) < FEWEST:
        return persistence(of, confidence=confidence)
    n, y = len(of), of.angles
    follow, bend = (axis.ravel() for axis in np.meshgrid(_FOLLOW, _BEND, indexing="ij"))
    level, slope = np.full(len(follow), y[0]), np.zeros(len(follow))
    errors = np.empty((n - 1, len(follow)))
    for now in range(1, n):
        gap = float(of.steps[now] - of.steps[now - 1])
        expected = level + slope * gap
        errors[now - 1] = y[now] - expected
        gain = np.maximum(follow, 1 / (now + 1))  # at first a running mean: no start to forget
        level = expected + gain * errors[now - 1]
        slope = slope + gain * bend * errors[now - 1] / gap
    least = of.floor * (1 + np.maximum(follow / (2 - follow), 1 / n))
    spread = np.maximum(np.sum(errors**2, axis=0) / (n - 2), least)
    best = int(np.argmin(spread))
    centre = float(level[best] + slope[best] * (step - of.steps[-1]))
    half = math.sqrt(spread[best]) * float(stdtrit(n - 2, 1 - tail(confidence)))
    return _prediction(centre, half)


def hazard(
    of: Series, step: float, *, past: Sequence[Series] = (), jump: float = 0.2
) -> tuple[float, float]:
    """Chance of a jump before a step to come, and the same blind to the last movement.

    Jumps are counted over gaps between audits, of this run and of past ones, by what the rate did
    in the gap before: little, a rise beyond binomial noise (one-sided 5 %), or a jump. The base
    is their
    Beta-binomial mean under `PRIOR`; each kind is shrunk to the base by `SHRINKAGE` gaps. From a
    rate so high that no jump fits below 1 it is 0. A gap longer than usual has more than one
    chance.

    Args:
        of: the run so far.
        step: training step of the next audit.
        past: finished runs.
        jump: a rise in rate that counts as a jump.

    Raises:
        ProbeError: if the jump is not between 0 and 1.
    """
    counts = _gap_counts(of, jump) + sum((_gap_counts(one, jump) for one in past), np.zeros((3, 2)))
    return _hazard(of, step, counts, jump)


def backtest(
    runs: Sequence[Series], *, jump: float = 0.2, confidence: float = 0.95, warmup: int = FEWEST
) -> Backtest:
    """Forecast every audit of every run from those before it, and score against persistence.

    The hazard may learn from the other runs whole and from its own up to the audit, as when a
    new run is watched. Gains are compared over runs (over gaps with a single run): their mean
    must be distinguishable from none and at least 5 % of persistence's score. With fewer than
    5 runs (12 gaps), or for the hazard fewer than 3 jumps, nothing is claimed.

    Args:
        runs: finished runs, independent of each other.
        jump: a rise in rate that counts as a jump.
        confidence: of the intervals that are scored.
        warmup: audits before the first forecast.

    Raises:
        ProbeError: if no run is longer than the warm-up.
    """
    all_counts = [_gap_counts(run, jump) for run in runs]
    total = sum(all_counts, np.zeros((3, 2)))
    rows: list[list[float]] = []
    for number, (run, own) in enumerate(zip(runs, all_counts, strict=True)):
        for now in range(max(1, warmup), len(run)):
            so_far, step, rate = run.part(0, now), float(run.steps[now]), float(run.rates[now])
            counts = total - own + _gap_counts(so_far, jump)
            chance, base = _hazard(so_far, step, counts, jump)
            jumped = float(rate - so_far.rates[-1] >= jump)
            ahead = trend(so_far, step, confidence=confidence)
            stays = persistence(so_far, confidence=confidence)
            rows.append(
                [
                    number,
                    jumped,
                    _interval_score(ahead, rate, confidence),
                    _interval_score(stays, rate, confidence),
                    float(ahead.low <= rate <= ahead.high),
                    float(stays.low <= rate <= stays.high),
                    (chance - jumped) ** 2,
                    (base - jumped) ** 2,
                    _log_score(chance, jumped),
                    _log_score(base, jumped),
                ]
            )
    if not rows:
        raise ProbeError(f"no run has more than {warmup} audits; there is nothing to forecast")
    table = np.array(rows)
    n_jumps = int(table[:, 1].sum())
    enough = n_jumps >= FEWEST_JUMPS
    return Backtest(
        interval=_score(table[:, 2], table[:, 3], table[:, 0]),
        coverage=float(table[:, 4].mean()),
        persistence_coverage=float(table[:, 5].mean()),
        brier=_score(table[:, 6], table[:, 7], table[:, 0], enough=enough),
        log=_score(table[:, 8], table[:, 9], table[:, 0], enough=enough),
        n_gaps=len(table),
        n_jumps=n_jumps,
        n_runs=len(np.unique(table[:, 0])),
        confidence=confidence,
    )


def _prediction(centre: float, half: float) -> Prediction:
    """Back from angles to rates; below zero and beyond a right angle there is no rate."""
    ends = np.clip([centre, centre - half, centre + half], 0, math.pi / 2)
    rate, low, high = (float(value) for value in np.sin(ends) ** 2)
    return Prediction(rate, low, high)


def _moves(of: Series, jump: float) -> Indices:
    """What the rate did in each gap `[T - 1]`: 0 little, 1 rise beyond noise, 2 jump."""
    rises = np.diff(of.angles) > 1.645 * math.sqrt(2 * of.floor)
    return np.where(np.diff(of.rates) >= jump, 2, rises.astype(np.intp))


def _gap_counts(of: Series, jump: float) -> Floats:
    """Gaps `[move before, no or yes]` without and with a jump, where one was possible."""
    if not 0 < jump < 1:
        raise ProbeError(f"a jump is a rise in rate between 0 and 1, not {jump:g}")
    moves, possible = _moves(of, jump), of.rates[1:-1] <= 1 - jump
    counts = np.zeros((3, 2))
    np.add.at(counts, (moves[:-1][possible], (moves[1:][possible] == 2).astype(np.intp)), 1)
    return counts


def _hazard(of: Series, step: float, counts: Floats, jump: float) -> tuple[float, float]:
    if of.rates[-1] > 1 - jump:
        return 0.0, 0.0
    base = (counts[:, 1].sum() + PRIOR[0]) / (counts.sum() + sum(PRIOR))
    if len(of) < 2:
        return float(base), float(base)
    like = counts[_moves(of, jump)[-1]]
    chance = (like[1] + SHRINKAGE * base) / (like.sum() + SHRINKAGE)
    gaps = (step - float(of.steps[-1])) / float(np.median(np.diff(of.steps)))
    return float(1 - (1 - chance) ** gaps), float(1 - (1 - base) ** gaps)


def _interval_score(of: Prediction, rate: float, confidence: float) -> float:
    missed = max(of.low - rate, rate - of.high, 0.0)
    return of.high - of.low + missed / tail(confidence)


def _log_score(chance: float, jumped: float) -> float:
    """Surprise, nats; a jump from where none was possible cannot be, and none there is none."""
    said = chance if jumped else 1 - chance
    return -math.log(max(said, 1e-12))


def _score(ours: Floats, theirs: Floats, run: Floats, *, enough: bool = True) -> Score:
    """Compare two scores over runs, or over gaps of a single one, by Student's t."""
    from scipy.special import stdtrit

    gains = theirs - ours
    runs = np.unique(run)
    if len(runs) > 1:
        units = np.array([gains[run == one].mean() for one in runs])
        enough = enough and len(units) >= FEWEST_RUNS
    else:
        units = gains
        enough = enough and len(units) >= FEWEST_GAPS
    gain = float(units.mean())
    means = float(ours.mean()), float(theirs.mean())
    if not enough:
        return Score(*means, gain, None, None, "too few to tell")
    half = float(stdtrit(len(units) - 1, 0.975) * units.std(ddof=1) / math.sqrt(len(units)))
    low, high = gain - half, gain + half
    verdict: Verdict = "no better than persistence"
    if low > 0 and gain >= MATERIAL * means[1]:
        verdict = "better than persistence"
    elif high < 0 and gain <= -MATERIAL * means[1]:
        verdict = "worse than persistence"
    return Score(*means, gain, low, high, verdict)
