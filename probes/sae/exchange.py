"""Does something go with an event more than chance allows, where rows share groups?

Only whole groups are taken to be independent. A group that saw the event on all of its rows or
on none is one unit, and under the null hypothesis such groups could exchange the event; a group
that saw it on some is a pair (rows with, rows without), and under the null its two sides could
change places. Both sides of a pair, and all groups that exchange, are means over equally many
rows, since a mean of many rows is spread otherwise than a single row. Conditional on that, the
p-values are exact however rows of one group hang together.

Knows events, groups and numbers; knows no feature and no model.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from probes.base import Array, Bools, Floats, Groups, Indices, group_codes
from probes.sae.separation import above

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix, csr_matrix

_FEW = 0.1  # share of the groups of either kind that may be too small to be compared
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Units:
    """What is compared in place of rows.

    Attributes:
        whole: `[n_whole, n_rows]`, averages the rows of each group that knows one side only.
        event: `[n_whole]`, whether that is the side with the event.
        with_event: `[n_pairs, n_rows]`, averages rows with the event of each group of both.
        without: `[n_pairs, n_rows]`, averages as many rows without it.
        left_out: groups too small to be compared with others.
    """

    whole: csr_matrix
    event: Bools
    with_event: csr_matrix
    without: csr_matrix
    left_out: int

    @property
    def n_pairs(self) -> int:
        """Groups with the event on some rows."""
        return int(self.with_event.shape[0])

    @property
    def both_sides(self) -> bool:
        """Whether there is anything to compare."""
        return self.n_pairs > 0 or (bool(self.event.any()) and not bool(self.event.all()))

    @property
    def smallest_p(self) -> float:
        """The least p-value that anything could have here: one arrangement out of all."""
        n, k = len(self.event), int(self.event.sum())
        log = self._log_factorials
        return math.exp(max(log[k] + log[n - k] - log[n] - self.n_pairs * math.log(2), -690.0))

    @cached_property
    def labels(self) -> Bools:
        """For each row of `values`, whether it is of the event, `[n_whole + 2 * n_pairs]`."""
        ones = np.ones(self.n_pairs, dtype=bool)
        return np.concatenate([self.event, ones, ~ones])

    def values(self, rows: csc_matrix) -> csc_matrix:
        """Values of rows `[n_rows, m]` as values of units `[n_whole + 2 * n_pairs, m]`."""
        from scipy.sparse import vstack

        return (vstack([self.whole, self.with_event, self.without]).tocsr() @ rows).tocsc()

    def p_values(self, values: csc_matrix, cut: Array) -> Floats:
        """Chance of as many units of the event above the cut, under the null, `[m]`.

        The number of groups of one side is hypergeometric; of the pairs where one side alone
        is above the cut, each is so with the event by the toss of a coin.

        Args:
            values: as `values` gives them.
            cut: `[m]`, chosen without these rows. Above is strictly above.
        """
        n, n_event, n_pairs = len(self.event), int(self.event.sum()), self.n_pairs
        fires = above(values, cut).tocsr()
        active = _sums(fires[:n])
        hits = _sums(fires[:n][np.flatnonzero(self.event)])
        ours, others = fires[n : n + n_pairs], fires[n + n_pairs :]
        both = _sums(ours.multiply(others))
        ours_alone, others_alone = _sums(ours) - both, _sums(others) - both
        facts = np.stack([active, ours_alone + others_alone, hits + ours_alone], axis=1)
        distinct, which = np.unique(facts, axis=0, return_inverse=True)
        found = np.empty(len(distinct))
        at_once = max(1, _CELLS_AT_ONCE // (n_event + 1))
        for start in range(0, len(distinct), at_once):
            part = distinct[start : start + at_once]
            found[start : start + at_once] = self._tail(part, n, n_event)
        result: Floats = found[which.reshape(-1)]
        return result

    def _tail(self, facts: Indices, n: int, k: int) -> Floats:
        """P(H + B >= t), H hypergeometric of `active` out of n, B binomial of `discordant`."""
        from scipy.special import bdtrc

        active, discordant, t = (facts[:, i, None] for i in range(3))
        h = np.arange(k + 1)[None, :]
        possible = (h <= active) & (active - h <= n - k)
        log = self._log_factorials
        a = np.where(possible, active, 0)
        i = np.where(possible, h, 0)
        rest = np.where(possible, n - k - active + h, n - k)
        chance = np.exp(
            (log[a] - log[i] - log[a - i])
            + (log[n - a] - log[k - i] - log[rest])
            - (log[n] - log[k] - log[n - k])
        )
        needed = t - h - 1  # the coins must show more than this
        tail = bdtrc(np.clip(needed, 0, np.maximum(discordant, 0)), discordant, 0.5)
        tail = np.where(needed < 0, 1.0, np.where(needed >= discordant, 0.0, tail))
        p: Floats = np.where(possible, chance * tail, 0.0).sum(axis=1)
        return np.clip(p, 0.0, 1.0)

    @cached_property
    def _log_factorials(self) -> Floats:
        from scipy.special import gammaln

        logs: Floats = gammaln(np.arange(len(self.event) + 2) + 1.0)
        return logs


def units(event: Array, groups: Groups, rows: Sequence[str], chosen: Array, *, seed: int) -> Units:
    """The units of some of the rows.

    Of groups with more rows than are compared, those are taken that come first by hash. Groups
    of one side are compared at the greatest number of rows that nine in ten of either side
    have; smaller ones are left out.

    Args:
        event: `[n_rows]` bool.
        groups: `[n_rows]`.
        rows: `[n_rows]`, ids, for the order of the rows of a group.
        chosen: `[n_rows]` bool, which rows; whole groups.
        seed: of the hash.
    """
    event, chosen = np.asarray(event, dtype=bool), np.asarray(chosen, dtype=bool)
    codes, _ = group_codes(groups, len(event))
    members = [np.flatnonzero(chosen & (codes == code)) for code in np.unique(codes[chosen])]
    ordered = [_by_hash(of_group, rows, seed) for of_group in members]
    of_one = [r for r in ordered if event[r].all() or not event[r].any()]
    of_both = [r for r in ordered if event[r].any() and not event[r].all()]
    sides = np.array([event[r[0]] for r in of_one], dtype=bool)
    size = _common_size(np.array([len(r) for r in of_one]), sides)
    kept = [index for index, r in enumerate(of_one) if len(r) >= size]
    pairs = [(r[event[r]], r[~event[r]]) for r in of_both]
    equal = [(a[: len(b)], b[: len(a)]) for a, b in pairs]
    n = len(event)
    return Units(
        whole=_averages([of_one[index][:size] for index in kept], n),
        event=sides[kept],
        with_event=_averages([a for a, _ in equal], n),
        without=_averages([b for _, b in equal], n),
        left_out=len(of_one) - len(kept),
    )


def halves(event: Array, groups: Groups, *, seed: int) -> tuple[Bools, Bools]:
    """Part rows into a half to choose on and a half to test on, `[n]` each; no group straddles.

    Groups with the event on all rows, on none and on some are each parted in two by the hash
    of their names; of an odd number the test gets one more.

    Args:
        event: `[n]` bool.
        groups: `[n]`.
        seed: of the hash.
    """
    happened = np.asarray(event, dtype=bool)
    names = np.asarray(groups)
    codes, n_groups = group_codes(names, len(happened))
    hits = np.bincount(codes, happened, n_groups)
    sizes = np.bincount(codes, minlength=n_groups)
    kind = np.where(hits == 0, 0, np.where(hits == sizes, 1, 2))
    known = np.unique(names)
    testing = np.zeros(n_groups, dtype=bool)
    for one in range(3):
        of_kind = [int(code) for code in np.flatnonzero(kind == one)]
        of_kind.sort(key=lambda code: _hash(str(known[code]), seed))
        testing[of_kind[::2]] = True
    test: Bools = testing[codes]
    return ~test, test


def _hash(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"discovery:{seed}:{name}".encode()).digest()


def _by_hash(of_group: Indices, rows: Sequence[str], seed: int) -> Indices:
    if len(of_group) < 2:
        return of_group
    return np.array(sorted(of_group, key=lambda row: (_hash(rows[row], seed), row)), dtype=np.intp)


def _common_size(sizes: Indices, sides: Bools) -> int:
    """Rows of a group that are compared."""
    least = [
        int(np.quantile(sizes[side], _FEW, method="lower"))
        for side in (sides, ~sides)
        if side.any()
    ]
    return min(least, default=1)


def _averages(of_units: Sequence[Indices], n_rows: int) -> csr_matrix:
    """`[n_units, n_rows]`, each row of it the mean over the rows of a unit."""
    from scipy.sparse import csr_matrix

    lengths = np.array([len(rows) for rows in of_units], dtype=np.intp)
    columns = np.concatenate([np.empty(0, dtype=np.intp), *of_units])
    weights = np.repeat(1.0 / np.maximum(lengths, 1), lengths).astype(np.float32)
    starts = np.append(0, np.cumsum(lengths))
    return csr_matrix((weights, columns, starts), shape=(len(of_units), n_rows))


def _sums(matrix: csr_matrix) -> Indices:
    """Of each column, as whole numbers."""
    total: Indices = np.rint(np.asarray(matrix.sum(axis=0)).reshape(-1)).astype(np.intp)
    return total
