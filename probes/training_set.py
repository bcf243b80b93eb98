"""The rows that a fitter learns from, checked once and seen in the ways fitters need.

Knows arrays and labels; knows no fitter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probes.base import Array, Bools, Floats, Groups, Indices, ProbeError, group_codes


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Activations `x [n, d]` in float64, labels `y [n]` as booleans, group codes `[n]`."""

    x: Floats
    y: Bools
    groups: Indices
    n_groups: int

    def standardised(self) -> tuple[Floats, Floats, Floats]:
        """`(z [n, d], mean [d], scale [d])`; a feature that never varies keeps scale 1."""
        mean = self.x.mean(axis=0)
        z = self.x - mean
        scale = np.sqrt(np.mean(z * z, axis=0))
        scale[scale <= 1e-12 * np.maximum(np.abs(mean), 1e-300)] = 1.0
        z /= scale
        return z, mean, scale

    def pairs(self) -> tuple[Indices, Indices]:
        """Indices of the positive and of the negative row of every pair.

        A pair is a positive and a negative row of one group, matched in the order of the
        rows; rows of a group that find no partner are left out.

        Raises:
            ProbeError: if no group holds both labels.
        """
        positive, negative = (self._ranked_within_group(self.y == label) for label in (True, False))
        shared, at_positive, at_negative = np.intersect1d(
            positive[0], negative[0], assume_unique=True, return_indices=True
        )
        if len(shared) == 0:
            raise ProbeError(
                f"none of the {self.n_groups} groups holds both labels: a method on pairs needs "
                "groups with a positive and a negative row (the same case, told both ways)"
            )
        return positive[1][at_positive], negative[1][at_negative]

    def _ranked_within_group(self, chosen: Bools) -> tuple[Indices, Indices]:
        """A key per chosen row that says (group, how many of its group came before)."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(self.groups[rows], kind="stable")]
        codes = self.groups[rows]
        first = np.searchsorted(codes, codes, side="left")
        return codes * len(self.y) + (np.arange(len(rows)) - first), rows


def training_set(x: Array, y: Array, groups: Groups) -> TrainingSet:
    """Check what a fitter was given.

    Args:
        x: `[n, d]` activations.
        y: `[n]` labels, 0 or 1.
        groups: `[n]`, rows that share a question, a scenario or a template share a group.

    Raises:
        ProbeError: on shapes that do not fit, labels other than 0 and 1, one class only, or
            values that are not finite (with their count).
    """
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2:
        raise ProbeError(f"activations are [n, d_model]; got shape {values.shape}")
    n = len(values)
    codes, n_groups = group_codes(groups, n)
    bad = ~np.isfinite(values)
    if bad.any():
        raise ProbeError(
            f"{int(bad.sum())} activations are NaN or infinite, "
            f"in {int(bad.any(axis=1).sum())} of {n} rows"
        )
    return TrainingSet(values, binary_labels(y, n), codes, n_groups)


def binary_labels(y: Array, n: int) -> Bools:
    """Labels `[n]` as booleans.

    Raises:
        ProbeError: if a label is neither 0 nor 1, if there is not one per row, or if only
            one class is there.
    """
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise ProbeError(f"{n} rows need {n} labels, one each; got shape {labels.shape}")
    known = (labels == 0) | (labels == 1)
    if not known.all():
        other = sorted({str(value) for value in labels[~known]})
        raise ProbeError(f"labels are 0 or 1; found {', '.join(other[:5])}")
    positive = int(np.count_nonzero(labels))
    if positive in (0, n):
        raise ProbeError(f"only one class: all {n} rows have label {int(positive > 0)}")
    return labels.astype(bool)
