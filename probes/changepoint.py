"""When a rate began to rise, with an interval, or that it did not.

Knows steps and rates; knows no model and no probe. Rates are taken to the angular scale, where
the noise of a binomial rate is `1 / (4 n)` whatever the rate, near zero too, where logits of
counts are mostly artefact; there a step or a ramp is fitted by least squares. The noise is what
the fit leaves over, and never less than binomial: more is overdispersion, less is the luck of
few audits, or of audits that read the same rows.

What it does not know: noise that wanders. A rate that drifts at random from audit to audit, with
no cause and no onset, is given one in 17 to 45 of 100 runs (where it ends higher, it did rise);
ask for a least rise where drift is to be let pass. Rare events that come in bursts (1 %, shared
unevenly by 30 audits) are given one in 11 of 100 runs instead of 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from probes.base import Array, Floats, Indices, ProbeError
from probes.estimate import tail

Kind = Literal["step", "ramp"]
FEWEST = 4
"""Audits below which no change can be told from noise."""


@dataclass(frozen=True)
class Series:
    """Rates of one concept over a run; make it with `series`.

    Args:
        steps: `[T]` training steps, increasing.
        rates: `[T]` in 0..1.
        sizes: `[T]` independent rows (or groups) behind each rate.
    """

    steps: Floats
    rates: Floats
    sizes: Floats

    @property
    def angles(self) -> Floats:
        """`[T]` Anscombe's angular transform, radians: the noise no longer depends on the rate."""
        share = (self.rates * self.sizes + 3 / 8) / (self.sizes + 3 / 4)
        angles: Floats = np.arcsin(np.sqrt(share))
        return angles

    @property
    def floor(self) -> float:
        """Binomial variance of an angle."""
        return float(np.mean(1 / (4 * self.sizes + 2)))

    def __len__(self) -> int:
        return len(self.steps)

    def part(self, start: int, stop: int) -> Series:
        """Audits from start up to stop, as a slice."""
        here = slice(start, stop)
        return Series(self.steps[here], self.rates[here], self.sizes[here])


def series(steps: Array, rates: Array, sizes: Array | float) -> Series:
    """A checked series.

    Args:
        steps: `[T]` training steps, increasing.
        rates: `[T]` in 0..1.
        sizes: `[T]`, or one number for all.

    Raises:
        ProbeError: if they do not fit, are not finite, or steps do not increase.
    """
    at, share = np.asarray(steps, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    if at.ndim != 1 or share.shape != at.shape or not len(at):
        raise ProbeError(f"a series has a rate per step; got {share.shape} for {at.shape}")
    try:
        rows = np.broadcast_to(np.asarray(sizes, dtype=np.float64), at.shape)
    except ValueError as error:
        raise ProbeError(f"{len(at)} rates need {len(at)} sizes") from error
    if not np.isfinite(at).all() or not (np.diff(at) > 0).all():
        raise ProbeError("steps of a series are finite and increase")
    if not ((share >= 0) & (share <= 1)).all() or not (rows > 0).all():
        raise ProbeError("rates of a series are in 0..1, with rows behind each")
    return Series(at, share, np.array(rows))


@dataclass(frozen=True)
class Onset:
    """When a rise began, or that none was found.

    Args:
        found: whether there is one.
        p: chance of a fit this good on a flat series.
        kind: a step, or a ramp that goes on rising; None where there is no change.
        step: training step of the first audit that has risen.
        low: last audit that certainly had not: the change came after it.
        high: first audit that certainly had.
        before: rate before the rise.
        after: rate at the last audit, as fitted.
        confidence: of the interval from low to high.
        audits: how many were looked at.
    """

    found: bool
    p: float
    kind: Kind | None = None
    step: float | None = None
    low: float | None = None
    high: float | None = None
    before: float | None = None
    after: float | None = None
    confidence: float = 0.95
    audits: int = 0


def onset(
    of: Series,
    *,
    alpha: float = 0.05,
    confidence: float = 0.95,
    least_rise: float = 0.0,
    n_draws: int = 2000,
    random_state: int = 0,
) -> Onset:
    """Onset of a rise: one step or one ramp against no change.

    The test statistic is the largest gain of any step or ramp over its leftover variance; its
    distribution on flat series is simulated, and since it does not depend on the variance no
    nuisance is left. The interval is the set of onsets whose leftover is not worse than the
    best by more than chance makes the true one (a likelihood-ratio set; the chance is simulated
    at the fit). It pays for not knowing whether step or ramp.

    Args:
        of: the series.
        alpha: how often a flat series may be given an onset.
        confidence: of the interval.
        least_rise: fitted rise in rate below which there is none worth an onset; what guards
            against rates that wander.
        n_draws: simulated series.
        random_state: seed.

    Raises:
        ProbeError: if confidence or alpha are not between 0 and 1.
    """
    tail(confidence)
    if not 0 < alpha < 1:
        raise ProbeError(f"alpha is between 0 and 1, not {alpha:g}")
    n = len(of)
    if n < FEWEST:
        return Onset(False, 1.0, confidence=confidence, audits=n)
    basis, first, ramp = _shapes(of.steps)
    y = of.angles
    gains = _gains(y, basis, of.floor)
    best = int(np.argmax(gains))
    p = _flat_p(of.steps, float(gains[best]), n_draws, random_state, both_ways=False)
    fit = y.mean() + float(basis[best] @ y) * basis[best]
    before, after = (float(end) for end in np.sin(np.clip(fit[[0, -1]], 0, np.pi / 2)) ** 2)
    if p > alpha or after - before < least_rise:
        return Onset(False, p, confidence=confidence, audits=n)
    noise = _leftover(y, basis[best : best + 1], of.floor)[0] / (n - 2)
    limit = _limit(fit, noise, basis, first, int(first[best]), confidence, n_draws, random_state)
    excess = _excess(y[None], basis, first, floor=of.floor)[0]
    inside = np.flatnonzero(excess <= limit) + 1
    inside = np.union1d(inside, first[best : best + 1])
    return Onset(
        found=True,
        p=p,
        kind="ramp" if ramp[best] else "step",
        step=float(of.steps[first[best]]),
        low=float(of.steps[inside[0] - 1]),
        high=float(of.steps[inside[-1]]),
        before=before,
        after=after,
        confidence=confidence,
        audits=n,
    )


def change_points(
    of: Series, *, alpha: float = 0.05, n_draws: int = 1000, random_state: int = 0
) -> tuple[int, ...]:
    """Audits at which the rate stepped up or down, as indices into the series, in order.

    Binary segmentation (Scott & Knott 1974): the best step is tested as `onset` does, in either
    direction, then each side is searched by itself at half the alpha.

    Args:
        of: the series.
        alpha: how often a flat series may be given any change.
        n_draws: simulated series per test.
        random_state: seed.
    """
    if len(of) < FEWEST:
        return ()
    basis, first, ramp = _shapes(of.steps)
    gains = np.where(ramp, 0.0, _gains(of.angles, basis, of.floor, both_ways=True))
    best = int(np.argmax(gains))
    if _flat_p(of.steps, float(gains[best]), n_draws, random_state, both_ways=True) > alpha:
        return ()
    at = int(first[best])
    kwargs = {"n_draws": n_draws, "random_state": random_state}
    left = change_points(of.part(0, at), alpha=alpha / 2, **kwargs)
    right = change_points(of.part(at, len(of)), alpha=alpha / 2, **kwargs)
    return (*left, at, *(at + index for index in right))


@dataclass(frozen=True)
class Lead:
    """Training steps by which one onset comes before another; negative where it lags.

    Args:
        value: from onset to onset.
        low: least.
        high: most.
        confidence: of low to high.
    """

    value: float
    low: float
    high: float
    confidence: float


def lead_time(monitor: Onset, behaviour: Onset) -> Lead | None:
    """By how many steps the monitor's onset comes before that of the behaviour.

    The two are seen on the same checkpoints, often on the same rows, so nothing is assumed of
    how their errors hang together: both intervals hold at once with the chance that Bonferroni
    leaves, and then the lead lies between their extremes. For 95 % ask each onset for 97.5 %.

    Returns:
        None where either has no onset: then there is no lead to speak of.
    """
    a, b = monitor, behaviour
    if a.step is None or a.low is None or a.high is None:
        return None
    if b.step is None or b.low is None or b.high is None:
        return None
    confidence = max(0.0, a.confidence + b.confidence - 1)
    return Lead(b.step - a.step, b.low - a.high, b.high - a.low, confidence)


def _shapes(steps: Floats) -> tuple[Floats, Indices, Array]:
    """Steps and ramps as unit vectors `[K, T]` about zero, the first risen audit, is it a ramp."""
    n = len(steps)
    firsts = np.arange(1, n)
    stairs = (np.arange(n) >= firsts[:, None]).astype(np.float64)
    ramps = np.maximum(steps - steps[firsts - 1][:, None], 0.0)[:-1]  # the last is a step
    basis = np.concatenate([stairs, ramps])
    basis -= basis.mean(axis=1, keepdims=True)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    return basis, np.concatenate([firsts, firsts[:-1]]), np.arange(len(basis)) >= n - 1


def _leftover(y: Floats, basis: Floats, floor: float) -> Floats:
    """Sum of squares `[..., K]` that each shape leaves, at least what binomial noise would."""
    centred = y - y.mean(axis=-1, keepdims=True)
    total = np.sum(centred**2, axis=-1)[..., None]
    left: Floats = np.maximum(total - (centred @ basis.T) ** 2, (y.shape[-1] - 2) * floor)
    return left


def _gains(y: Floats, basis: Floats, floor: float, *, both_ways: bool = False) -> Floats:
    """F-like gain `[..., K]` of each shape, none for a fall unless both ways count."""
    heights = y @ basis.T
    if not both_ways:
        heights = np.maximum(heights, 0.0)
    left = np.maximum(_leftover(y, basis, floor), 1e-24)
    gains: Floats = heights**2 / (left / (y.shape[-1] - 2))
    return gains


def _flat_p(steps: Floats, gain: float, n_draws: int, seed: int, *, both_ways: bool) -> float:
    flat = _flat_gains(tuple(steps.tolist()), n_draws, seed, both_ways)
    return float((1 + np.count_nonzero(flat >= gain)) / (1 + n_draws))


@lru_cache(maxsize=256)
def _flat_gains(steps: tuple[float, ...], n_draws: int, seed: int, both_ways: bool) -> Floats:
    """Largest gains `[n_draws]` on flat series; the scale of the noise cancels."""
    basis, _, ramp = _shapes(np.array(steps))
    noise = np.random.default_rng(seed).standard_normal((n_draws, len(steps)))
    shapes = basis[~ramp] if both_ways else basis
    largest: Floats = _gains(noise, shapes, 0.0, both_ways=both_ways).max(axis=1)
    return largest


def _excess(y: Floats, basis: Floats, first: Indices, floor: float) -> Floats:
    """How much worse `[B, T - 1]` than the best the best rise from each audit on is, in F units."""
    n = y.shape[-1]
    centred = y - y.mean(axis=-1, keepdims=True)
    heights = np.maximum(centred @ basis.T, 0.0)
    left = np.sum(centred**2, axis=-1)[:, None] - heights**2
    by_onset = np.full((len(y), n - 1), np.inf)
    for shape, index in enumerate(first):
        by_onset[:, index - 1] = np.minimum(by_onset[:, index - 1], left[:, shape])
    least = by_onset.min(axis=1, keepdims=True)
    excess: Floats = (by_onset - least) / np.maximum(least / (n - 2), max(floor, 1e-24))
    return excess


def _limit(
    fit: Floats,
    noise: float,
    basis: Floats,
    first: Indices,
    true: int,
    confidence: float,
    n_draws: int,
    seed: int,
) -> float:
    """What the excess of the true onset stays below, with the confidence, around a fit."""
    rng = np.random.default_rng(seed)
    drawn = fit + np.sqrt(noise) * rng.standard_normal((n_draws, len(fit)))
    excess = _excess(drawn, basis, first, floor=0.0)[:, true - 1]
    return float(np.quantile(excess, confidence))
