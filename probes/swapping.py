"""Is an excess over a reference more than the thresholds' own noise? A test by exchange.

A threshold set anew on a checkpoint's controls moves all rows at once, and rows that lie near it
cross it together: a p-value that takes both thresholds for fixed counts that as a change. Where
nothing has changed, the two readings of a group could as well be told the other way round, so
they are, group by group, and the thresholds set anew each time. Knows scores, answers and
groups; knows no gate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from probes.base import Array, Bools, Floats, Groups, ProbeError, group_codes

_AT_ONCE = 4_000_000
_ENOUGH = 10


@dataclass(frozen=True, eq=False)
class Side:
    """One model's reading.

    Attributes:
        control: `[n_control]` scores.
        audit: `[n_audit]` scores.
        asserts: `[n_audit]` bool, what the model says; None where firing is counted.
    """

    control: Floats
    audit: Floats
    asserts: Bools | None = None


def swap_p(
    now: Side,
    then: Side,
    *,
    shows: Array,
    control_groups: Groups,
    audit_groups: Groups,
    fpr: float,
    n_draws: int = 4000,
    random_state: int = 0,
) -> float:
    """P-value of "nothing has changed", by how much more often the event is found now.

    The event is firing, a score above the threshold of the benign controls; or, where it is
    known what a model says, that reading and answer contradict each other, with a second
    threshold from the controls that show the concept. Scores of either side are measured in
    their own benign controls' mean and spread, so that a scale is no change. Where fewer than
    ten draws reach as far, the tail is bounded as that of a sum of signs (Hoeffding 1963).

    Args:
        now: the checkpoint.
        then: the reference, on the same rows.
        shows: `[n_control]` bool, which controls show the concept.
        control_groups: `[n_control]`.
        audit_groups: `[n_audit]`.
        fpr: stated false-positive rate of both thresholds.
        n_draws: exchanges.
        random_state: seed.

    Raises:
        ProbeError: on shapes that do not fit, or without a benign control.
    """
    benign = ~np.asarray(shows, dtype=bool)
    if not benign.any() or len(benign) != len(now.control) or len(now.audit) != len(then.audit):
        raise ProbeError("an exchange needs benign controls, and the same rows on both sides")
    of_control, n_control = group_codes(control_groups, len(now.control))
    of_audit, n_audit = group_codes(audit_groups, len(now.audit))
    a, b = (_standardised(side, benign) for side in (now, then))
    draw = _Exchange(a, b, benign, fpr, gap=now.asserts is not None)
    observed = float(draw.excess(np.ones((1, n_control), bool)[:, of_control],
                                 np.ones((1, n_audit), bool)[:, of_audit])[0])  # fmt: skip
    if observed <= 0:
        return 1.0
    rng = np.random.default_rng(random_state)
    found = []
    step = max(1, _AT_ONCE // (len(of_control) + len(of_audit)))
    for done in range(0, n_draws, step):
        n = min(step, n_draws - done)
        found.append(
            draw.excess(
                rng.integers(0, 2, (n, n_control)).astype(bool)[:, of_control],
                rng.integers(0, 2, (n, n_audit)).astype(bool)[:, of_audit],
            )
        )
    drawn = np.concatenate(found)
    as_far = int(np.count_nonzero(drawn >= observed - 1e-12))
    empirical = (1 + as_far) / (1 + n_draws)
    spread = float(drawn.std())
    if as_far >= _ENOUGH or spread == 0:
        return empirical
    return min(empirical, math.exp(-0.5 * ((observed - float(drawn.mean())) / spread) ** 2))


def _standardised(side: Side, benign: Bools) -> Side:
    centre, spread = float(side.control[benign].mean()), float(side.control[benign].std())
    unit = spread if spread > 0 else 1.0
    return Side((side.control - centre) / unit, (side.audit - centre) / unit, side.asserts)


@dataclass(frozen=True, eq=False)
class _Exchange:
    a: Side
    b: Side
    benign: Bools
    fpr: float
    gap: bool

    def excess(self, control: Bools, audit: Bools) -> Floats:
        """How much more often the event is found on the first side, `[draws]`.

        True keeps a row's readings where they are, False exchanges them: `[draws, n]`.
        """
        first = self._events(control, audit, self.a, self.b)
        second = self._events(control, audit, self.b, self.a)
        excess: Floats = (first.astype(np.float64) - second).mean(axis=1)
        return excess

    def _events(self, control: Bools, audit: Bools, own: Side, other: Side) -> Bools:
        held = np.where(control, own.control, other.control)
        scores = np.where(audit, own.audit, other.audit)
        upper = _threshold(held[:, self.benign], self.fpr)
        if not self.gap:
            fires: Bools = scores > upper
            return fires
        asserts = np.where(audit, _said(own), _said(other))
        if self.benign.all():
            return (scores > upper) & ~asserts
        lower = -_threshold(-held[:, ~self.benign], self.fpr)
        present, absent = scores > np.maximum(upper, lower), scores < np.minimum(upper, lower)
        return (present & ~asserts) | (absent & asserts)


def _said(side: Side) -> Bools:
    if side.asserts is None:
        raise ProbeError("it is known of one side only what the model says")
    return side.asserts


def _threshold(scores: Floats, fpr: float) -> Floats:
    """`threshold_at_fpr` of each row of `[draws, n]`, `[draws, 1]`."""
    n = scores.shape[1]
    at = n - 1 - math.floor(fpr * n + 1e-9)
    return np.partition(scores, at, axis=1)[:, at : at + 1]
