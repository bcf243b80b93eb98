"""How well each column of a sparse matrix tells two sets of rows apart: AUROC, cut, lift.

Exact, and computed from what is stored: of the zeros of a column only their number is needed.
Knows no feature, no group and no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from probes.base import Array, Bools, Floats, Indices, ProbeError

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix


@dataclass(frozen=True, eq=False)
class Separation:
    """Each of `m` columns against a set of rows.

    Attributes:
        auroc: `[m]`, ties counting half.
        cut: `[m]`, the value that tells best: zero, or half-way between two values.
        lift: `[m]`, share of the rows of the set above the cut less that of the others.
    """

    auroc: Floats
    cut: Floats
    lift: Floats


def separation(values: csc_matrix, positive: Bools) -> Separation:
    """AUROC of every column, and the cut at which the two sets differ most.

    Of cuts that serve alike the lowest is taken, so that zero ("fires at all") wins a tie. A
    column that is higher outside the set has a lift that is not above zero.

    Args:
        values: `[n, m]`, none below zero.
        positive: `[n]`, which rows make up the set.

    Raises:
        ProbeError: all rows or none are in the set.
    """
    values = values.tocsc()
    n, m = values.shape
    positive = np.asarray(positive, dtype=bool)
    n_positive = int(positive.sum())
    n_negative = n - n_positive
    if n_positive == 0 or n_negative == 0:
        raise ProbeError(f"{n_positive} of {n} rows are in the set; both sides need one at least")
    stored = values.data > 0
    column = np.repeat(np.arange(m), np.diff(values.indptr))[stored]
    value = values.data[stored]
    hit = positive[values.indices[stored]]
    order = np.lexsort((value, column))
    column, value, hit = column[order], value[order], hit[order]

    auroc = np.full(m, 0.5)
    cut, lift = np.zeros(m), np.zeros(m)
    if len(column) == 0:
        return Separation(auroc, cut, lift)
    # Runs of equal values in a column, rising.
    new = np.append(True, (column[1:] != column[:-1]) | (value[1:] != value[:-1]))
    starts = np.flatnonzero(new)
    positives = np.add.reduceat(hit.astype(np.int64), starts)
    negatives = np.diff(np.append(starts, len(column))) - positives
    of, level = column[starts], value[starts].astype(np.float64)
    of_column = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
    length = np.diff(np.append(of_column, len(of)))

    def before(counts: Indices) -> Indices:
        """How many are in lower runs of the same column."""
        running = np.cumsum(counts) - counts
        found: Indices = running - np.repeat(running[of_column], length)
        return found

    active = of[of_column]
    stored_positives = np.add.reduceat(positives, of_column)
    stored_negatives = np.add.reduceat(negatives, of_column)
    zeros_positive, zeros_negative = n_positive - stored_positives, n_negative - stored_negatives
    lower = before(negatives) + np.repeat(zeros_negative, length)
    wins = np.add.reduceat(positives * (lower + negatives / 2), of_column)
    wins += zeros_positive * zeros_negative / 2
    auroc[active] = wins / (n_positive * n_negative)

    above_positive = np.repeat(stored_positives, length) - before(positives)
    above_negative = np.repeat(stored_negatives, length) - before(negatives)
    # In whole numbers, so that equal cuts are equal.
    difference = above_positive * n_negative - above_negative * n_positive
    best = np.maximum.reduceat(difference, of_column)
    index = np.where(difference == np.repeat(best, length), np.arange(len(of)), len(of))
    chosen = np.minimum.reduceat(index, of_column)
    lift[active] = best / (n_positive * n_negative)
    previous = np.where(chosen > of_column, level[np.maximum(chosen - 1, 0)], -level[chosen])
    cut[active] = (level[chosen] + previous) / 2
    return Separation(auroc, cut, lift)


def above(values: csc_matrix, cut: Array) -> csc_matrix:
    """One where a column `[n, m]` is strictly above its cut `[m]`, which is not below zero."""
    found = values.tocsc().astype(np.float64)
    column = np.repeat(np.arange(found.shape[1]), np.diff(found.indptr))
    found.data = (found.data > np.asarray(cut)[column]).astype(np.float64)
    found.eliminate_zeros()
    return found
