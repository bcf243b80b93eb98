"""Cluster bootstrap: draw groups with replacement, never rows.

A draw is a multiplicity per group, so a resample is a weighting of the rows and none is ever
copied. Knows statistics and groups; knows no probe.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from probes.base import Bools, Floats, Groups, Indices, group_codes
from probes.estimate import Estimate, tail

_CELLS_AT_ONCE = 1_000_000  # float64 cells of one block of resamples: 8 MB


def draw_multiplicities(n_groups: int, n_resamples: int, rng: np.random.Generator) -> Floats:
    """How often each group is drawn in each resample: `[n_resamples, n_groups]`."""
    drawn = rng.integers(n_groups, size=(n_resamples, n_groups))
    offset = drawn + np.arange(n_resamples)[:, None] * n_groups
    counts = np.bincount(offset.ravel(), minlength=n_resamples * n_groups)
    return counts.reshape(n_resamples, n_groups).astype(np.float64)


def resamples(n_rows: int, n_groups: int, n_resamples: int, random_state: int) -> Iterator[Floats]:
    """Multiplicities in blocks that stay small beside the rows they will weigh."""
    rng = np.random.default_rng(random_state)
    for some in blocks(n_resamples, max(n_rows, n_groups)):
        yield draw_multiplicities(n_groups, some, rng)


def blocks(n_resamples: int, cells: int) -> list[int]:
    """How many resamples of so many cells to draw at once, in as many blocks as it takes.

    No block is much smaller than the others: a product with one row would be summed otherwise.
    """
    n_blocks = min(n_resamples, -(-n_resamples * cells // _CELLS_AT_ONCE))
    return [(n_resamples + block) // n_blocks for block in range(n_blocks)]


def bootstrap(
    statistic: Callable[[Indices], float],
    groups: Groups,
    *,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Estimate:
    """Percentile interval of any statistic under resampling of groups.

    Args:
        statistic: given row indices (a row may come more than once), a number; NaN where the
            resample does not define one, and then that resample is left out.
        groups: `[n]`.
        n_resamples: how many.
        confidence: of the two-sided interval.
        random_state: seed.

    Returns:
        The statistic of all rows. Without an interval where there is one group only, or more
        than half of the resamples define nothing.
    """
    n = len(np.asarray(groups))
    codes, n_groups = group_codes(groups, n)
    rows = np.argsort(codes, kind="stable")
    value = float(statistic(np.arange(n)))
    results = []
    if n_groups > 1:
        for block in resamples(n, n_groups, n_resamples, random_state):
            for counts in block[:, codes[rows]].astype(np.intp):
                results.append(statistic(np.repeat(rows, counts)))
    defined = np.asarray([result for result in results if not math.isnan(result)])
    if len(defined) <= n_resamples / 2:
        return Estimate(value, None, None, n, n_groups, confidence, "undefined")
    low, high = np.quantile(defined, [tail(confidence), 1 - tail(confidence)])
    return Estimate(value, float(low), float(high), n, n_groups, confidence, "cluster bootstrap")


def weighted_aurocs(scores: Floats, positive: Bools, codes: Indices, weights: Floats) -> Floats:
    """AUROC of each resample: `[n_resamples]`, NaN where a class was not drawn.

    One sort serves all resamples: the weight of the negatives below each positive is a lookup
    in a running sum; half of those that tie count as below.

    Args:
        scores: `[n]`.
        positive: `[n]`.
        codes: `[n]`, group of each row.
        weights: `[n_resamples, n_groups]`.
    """
    order = np.argsort(scores[~positive], kind="stable")
    negatives = scores[~positive][order]
    below = np.searchsorted(negatives, scores[positive], side="left")
    up_to = np.searchsorted(negatives, scores[positive], side="right")
    running = np.zeros((len(weights), len(negatives) + 1))
    np.cumsum(weights[:, codes[~positive][order]], axis=1, out=running[:, 1:])
    beaten = running[:, below]
    beaten += running[:, up_to]
    positive_weight = weights[:, codes[positive]]
    wins = np.einsum("bi,bi->b", positive_weight, beaten) / 2
    with np.errstate(invalid="ignore"):
        result: Floats = wins / (positive_weight.sum(axis=1) * running[:, -1])
    return result
