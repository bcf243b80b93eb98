"""Which features became more active from one checkpoint to another, on the same rows.

Groups are compared with themselves: under the null hypothesis a group is as likely to rise as
to fall, however its rows hang together. Knows pooled activations and groups; no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from probes.base import Bools, Floats, Groups, Indices, group_codes
from probes.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix

_NOISE = 1e-5  # of the feature's largest activation: what arithmetic in other batches may change


@dataclass(frozen=True, eq=False)
class Increases:
    """How much more active each of `m` features is.

    Attributes:
        increase: `[m]`, difference of means in standard deviations over rows.
        p_value: `[m]`, one-sided sign test over groups.
        alive: `[m]`, whether it is active before or after.
    """

    increase: Floats
    p_value: Floats
    alive: Bools

    def q_values(self) -> Floats:
        """Benjamini-Hochberg over all features."""
        return benjamini_hochberg(self.p_value)

    def ranked(self, fdr: float) -> Indices:
        """The features with a q-value of `fdr` or less by increase, the largest first."""
        significant = np.flatnonzero(self.q_values() <= fdr)
        order = np.lexsort((significant, -self.increase[significant]))
        ranked: Indices = significant[order]
        return ranked


def increases(before: csc_matrix, after: csc_matrix, groups: Groups) -> Increases:
    """Every feature after against before, on the same rows.

    The sign test asks of how many groups the mean rose, among those where it changed; the size
    of the rise ranks and does not test. A feature whose mean over all rows did not rise has
    p = 1.

    Args:
        before: activations of rows `[n_rows, m]`, none below zero.
        after: the same rows.
        groups: `[n_rows]`.

    Raises:
        ProbeError: no rows, or not one group each.
    """
    from scipy.sparse import csr_matrix
    from scipy.special import bdtrc

    n, m = before.shape
    codes, n_groups = group_codes(groups, n)
    sizes = np.bincount(codes, minlength=n_groups)
    average = csr_matrix((1.0 / sizes[codes], (codes, np.arange(n))), shape=(n_groups, n))
    largest = np.maximum(_largest(before), _largest(after))
    change = (average @ (after.astype(np.float64) - before.astype(np.float64))).tocsc()
    column = np.repeat(np.arange(m), np.diff(change.indptr))
    moved = np.abs(change.data) > _NOISE * largest[column]
    rose = np.bincount(column[moved & (change.data > 0)], minlength=m)
    changed = np.bincount(column[moved], minlength=m)
    tail = bdtrc(np.clip(rose - 1, 0, np.maximum(changed - 1, 0)), np.maximum(changed, 1), 0.5)
    p = np.where(rose > 0, tail, 1.0)
    mean_before, variance_before = _moments(before)
    mean_after, variance_after = _moments(after)
    spread = np.sqrt((variance_before + variance_after) / 2)
    difference = mean_after - mean_before
    # Where neither side varies, the spread is that between the two.
    spread = np.where(spread > 0, spread, np.abs(difference) / 2)
    increase = np.divide(difference, spread, out=np.zeros(m), where=spread > 0)
    return Increases(increase, np.where(difference > 0, p, 1.0), largest > 0)


def joined(parts: list[Increases]) -> Increases:
    """Features that were read in several ranges, as one family."""
    return Increases(
        np.concatenate([part.increase for part in parts]),
        np.concatenate([part.p_value for part in parts]),
        np.concatenate([part.alive for part in parts]),
    )


def smallest_p(groups: Groups) -> float:
    """The least p-value that any feature can have: all groups rise."""
    return max(0.5 ** len(np.unique(np.asarray(groups))), 1e-300)


def _largest(rows: csc_matrix) -> Floats:
    found: Floats = np.asarray(rows.max(axis=0).todense(), dtype=np.float64).reshape(-1)
    return found


def _moments(rows: csc_matrix) -> tuple[Floats, Floats]:
    """Mean and variance of each column."""
    exact = rows.astype(np.float64)
    mean: Floats = np.asarray(exact.mean(axis=0)).reshape(-1)
    square = np.asarray(exact.multiply(exact).mean(axis=0)).reshape(-1)
    variance: Floats = np.maximum(square - mean**2, 0.0)
    # What rounding leaves of the variance of a constant is none.
    return mean, np.where(variance > 1e-12 * square, variance, 0.0)
