"""An exact p-value for a paired difference of two rates, at levels as small as spending asks.

Each pair says one of three things: only the first event, only the second, or both alike. The
difference of the rates is that of the first two shares, and how often pairs differ at all is a
nuisance. Outcomes are ordered by their likelihood ratio and the p-value is the largest over the
nuisance, as in the unconditional test of Suissa & Shuster (1991), here for a difference that may
be as large as a gate. Knows counts of independent pairs; pairs that share a group belong to
`sequential.mean_above_p`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from probes.base import Floats, ProbeError

MOST_PAIRS = 400
"""Pairs up to which all outcomes are counted; their number grows with the square."""

_NUISANCES = 201


def paired_excess_p(more: int, less: int, n: int, gate: float) -> float:
    """P-value of "the first rate exceeds the second by no more than the gate".

    Args:
        more: pairs with the first event alone.
        less: pairs with the second alone.
        n: pairs, at most `MOST_PAIRS`.
        gate: of the difference, in 0..1.

    Raises:
        ProbeError: on counts that are none, too many pairs, or a gate out of range.
    """
    if not 0 < n <= MOST_PAIRS or min(more, less) < 0 or more + less > n:
        raise ProbeError(
            f"an exact paired test counts 1 to {MOST_PAIRS} pairs; got {more} and {less} of {n}"
        )
    if not 0 <= gate < 1:
        raise ProbeError(f"a gate of a difference lies in 0..1, not at {gate}")
    x, y, ratio, chances = _outcomes(n, float(gate))
    observed = ratio[(x == more) & (y == less)][0]
    if observed <= 0:
        return 1.0
    extreme = ratio >= observed - 1e-9
    return float(min(1.0, chances[:, extreme].sum(axis=1).max()))


@lru_cache(maxsize=8)
def _outcomes(n: int, gate: float) -> tuple[Floats, Floats, Floats, Floats]:
    """All outcomes: counts `[K]`, likelihood ratios `[K]`, chances `[nuisances, K]`."""
    from scipy.special import gammaln, xlogy

    x, y = (part.astype(np.float64) for part in np.triu_indices(n + 1))
    x, y = x, y - x  # first alone, and the rest of those that differ
    z = n - x - y
    free = xlogy(x, x / n) + xlogy(y, y / n) + xlogy(z, z / n)
    linear = x * (1 - gate) + y * (1 - 3 * gate) - 2 * z * gate
    c = (linear + np.sqrt(linear**2 + 8 * n * y * gate * (1 - gate))) / (4 * n)
    c = np.clip(c, 0.0, (1 - gate) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        held = _log_chance(x, y, z, gate, c)
    ratio = np.where(x - y > gate * n, free - held, 0.0)
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(y + 1) - gammaln(z + 1)
    # Denser towards no disagreement beyond the gate, where the largest usually lies.
    nuisances = (1 - gate) / 2 * np.linspace(0.0, 1.0, _NUISANCES) ** 2
    with np.errstate(divide="ignore"):
        chances = np.exp(ways + _log_chance(x, y, z, gate, nuisances[:, None]))
    return x, y, ratio, chances


def _log_chance(x: Floats, y: Floats, z: Floats, gate: float, c: Floats) -> Floats:
    from scipy.special import xlogy

    chance: Floats = xlogy(x, gate + c) + xlogy(y, c) + xlogy(z, np.maximum(1 - gate - 2 * c, 0.0))
    return chance
