"""Which features go with an event: chosen on one half of the groups, tested on the other.

On the first half each feature gets the cut at which it best tells rows with the event from the
others, and the share of a group's rows above it that best tells groups; on the second half the
groups that reach that share are counted and held against chance. All features are in the
correction for many tests, the silent ones too. Knows pooled activations, events and groups; no
model and no suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from probes.base import Array, Bools, Floats, Groups, Indices
from probes.estimate import Estimate
from probes.multiplicity import benjamini_hochberg
from probes.proportions import rate
from probes.quality import auroc_estimate, balanced_accuracy_estimate
from probes.sae.exchange import Units, halves, units
from probes.sae.separation import above, separation

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix


@dataclass(frozen=True, eq=False)
class Design:
    """How rows are compared; known before any feature is.

    Attributes:
        event: `[n_rows]`, where it happened.
        groups: `[n_rows]`.
        selecting: `[n_rows]`, the half to choose on.
        testing: `[n_rows]`, the half to test on.
        select: the units of the first half.
        test: the units of the second.
    """

    event: Bools
    groups: Array
    selecting: Bools
    testing: Bools
    select: Units
    test: Units

    @property
    def possible(self) -> bool:
        """Whether both halves know rows with the event and without it."""
        return self.select.both_sides and self.test.both_sides


@dataclass(frozen=True, eq=False)
class Associations:
    """What each of `m` features has to do with the event.

    Attributes:
        cut: `[m]`, it fires on a row strictly above this; zero where firing at all tells best.
        share: `[m]`, it fires on a group, or one side of it, where more than this share of the
            rows do.
        lift: `[m]`, on the selection half.
        auroc: `[m]`, on the selection half.
        p_value: `[m]`, on the test half, one-sided: it goes with the event.
        alive: `[m]`, whether it is active at all.
    """

    cut: Floats
    share: Floats
    lift: Floats
    auroc: Floats
    p_value: Floats
    alive: Bools

    def q_values(self) -> Floats:
        """Benjamini-Hochberg over all features."""
        return benjamini_hochberg(self.p_value)

    def ranked(self, fdr: float) -> Indices:
        """The features with a q-value of `fdr` or less: by lift, then AUROC, best first."""
        significant = np.flatnonzero(self.q_values() <= fdr)
        order = np.lexsort((significant, -self.auroc[significant], -self.lift[significant]))
        ranked: Indices = significant[order]
        return ranked


@dataclass(frozen=True)
class Measured:
    """One feature on the test half. `lift`, and rates, count firings above its cut."""

    rate_with: Estimate
    rate_without: Estimate
    lift: Estimate
    auroc: Estimate
    effect: float
    mean_with: float
    mean_without: float


def design(event: Array, groups: Groups, rows: Sequence[str], *, seed: int = 0) -> Design:
    """Part rows in halves and lay out what is compared in each.

    Args:
        event: `[n_rows]` bool.
        groups: `[n_rows]`.
        rows: `[n_rows]`, ids.
        seed: of the halves.

    Raises:
        ProbeError: no rows, or not one group each.
    """
    happened = np.asarray(event, dtype=bool)
    selecting, testing = halves(happened, groups, seed=seed)
    return Design(
        happened,
        np.asarray(groups),
        selecting,
        testing,
        units(happened, groups, rows, selecting, seed=seed),
        units(happened, groups, rows, testing, seed=seed),
    )


def associate(pooled: csc_matrix, plan: Design) -> Associations:
    """Every feature against the event.

    A feature that does not go with the event on the selection half has p = 1: what was chosen
    there owes nothing to the test half, so p stays valid.

    Args:
        pooled: activations of rows `[n_rows, m]`, none below zero.
        plan: with both sides in both halves.

    Raises:
        ProbeError: a half knows one side only.
    """
    pooled = pooled.tocsc()
    rows = np.flatnonzero(plan.selecting)
    chosen = separation(pooled[rows], plan.event[rows])
    fires = above(pooled, chosen.cut)
    of_groups = separation(plan.select.values(fires), plan.select.labels)
    p = plan.test.p_values(plan.test.values(fires), of_groups.cut)
    return Associations(
        cut=chosen.cut,
        share=of_groups.cut,
        lift=chosen.lift,
        auroc=chosen.auroc,
        p_value=np.where((chosen.lift > 0) & (of_groups.lift > 0), p, 1.0),
        alive=np.diff(pooled.indptr) > 0,
    )


def joined(parts: Sequence[Associations]) -> Associations:
    """Features that were read in several ranges, as one family."""
    return Associations(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("cut", "share", "lift", "auroc", "p_value", "alive")
        )
    )


def measured(
    acts: Array, cut: float, plan: Design, *, confidence: float = 0.95, seed: int = 0
) -> Measured:
    """Rates, lift, AUROC and effect of one feature on the rows of the test half.

    Args:
        acts: activations of all rows, `[n_rows]`.
        cut: it fires strictly above this.
        plan: which rows are the test half.
        confidence: of every interval.
        seed: of the resampling for the AUROC.
    """
    x = np.asarray(acts, dtype=np.float64)[plan.testing]
    y, groups = plan.event[plan.testing], plan.groups[plan.testing]
    spread = float(x.std())
    mean_with, mean_without = float(x[y].mean()), float(x[~y].mean())
    return Measured(
        rate_with=rate(x[y] > cut, groups[y], confidence=confidence),
        rate_without=rate(x[~y] > cut, groups[~y], confidence=confidence),
        lift=lift_estimate(x, y, groups, cut, confidence=confidence),
        auroc=auroc_estimate(x, y, groups, confidence=confidence, random_state=seed),
        effect=(mean_with - mean_without) / spread if spread > 0 else 0.0,
        mean_with=mean_with,
        mean_without=mean_without,
    )


def lift_estimate(
    acts: Array, event: Array, groups: Groups, cut: float, *, confidence: float = 0.95
) -> Estimate:
    """Rate with the event less rate without it, whether or not groups know both.

    It is twice the balanced accuracy less one, and so is its interval.

    Args:
        acts: `[n]`.
        event: `[n]` bool.
        groups: `[n]`.
        cut: a row fires strictly above this.
        confidence: of the two-sided interval.

    Raises:
        ProbeError: one side only.
    """
    half = balanced_accuracy_estimate(acts, event, groups, cut, confidence=confidence)
    return Estimate(
        2 * half.value - 1,
        None if half.low is None else 2 * half.low - 1,
        None if half.high is None else 2 * half.high - 1,
        half.n,
        half.n_groups,
        confidence,
        half.method,
    )
