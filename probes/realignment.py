"""Carry a checkpoint's activations into the reference's coordinates, without labels.

A ridge map learnt on control rows that both checkpoints read, so that a probe fitted on the
reference can be read on the checkpoint. Knows activations and groups; knows no label, so it
cannot learn the concept. What moved on the control rows is taken for drift: they must be rows
on which the concept has no reason to change.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from probes.base import Array, Floats, Groups, Indices, ProbeError, group_codes
from probes.linear import LinearProbe
from probes.representation_drift import same_rows

RIDGES = 10.0 ** np.arange(-6.0, 4.5, 0.5)  # in units of the mean eigenvalue of the new rows


@dataclass(frozen=True, eq=False)
class Realignment:
    """The map `x -> (x - mean_new) @ weight + mean_ref`, and how far to trust it.

    Attributes:
        weight: `[d_model, d_model]` float32, from the checkpoint's coordinates to the reference's.
        mean_new: `[d_model]`, of the checkpoint's control rows.
        mean_ref: `[d_model]`, of the reference's control rows.
        ridge: penalty that cross-validation chose, in units of the mean eigenvalue; the largest
            means that the map is a multiple of the identity.
        r2: share of the reference's variance on rows of unseen groups, each dimension in its own
            standard deviation; below 0 where the mean alone does better.
        r2_shifted: the same for the map that only moves the mean, to compare with.
        n: control rows.
        n_groups: groups that they share.
        held_out: `[n, d_model]` float32, each control row carried over by a map learnt without
            its group.
    """

    weight: Array = field(repr=False)
    mean_new: Array = field(repr=False)
    mean_ref: Array = field(repr=False)
    ridge: float
    r2: float
    r2_shifted: float
    n: int
    n_groups: int
    held_out: Array = field(repr=False)

    def transform(self, x: Array) -> Array:
        """Activations `[..., d_model]` of the checkpoint as the reference would have them.

        Raises:
            ProbeError: if the last axis is not `d_model` wide.
        """
        values = np.asarray(x, dtype=np.float32)
        if values.ndim == 0 or values.shape[-1] != len(self.mean_new):
            raise ProbeError(
                f"the map reads d_model {len(self.mean_new)}, the activations have shape "
                f"{values.shape}"
            )
        mapped: Array = (values - self.mean_new) @ self.weight + self.mean_ref
        return mapped


def fit_realignment(
    x_ref: Array,
    x_new: Array,
    groups: Groups,
    *,
    folds: int = 5,
    random_state: int = 0,
) -> Realignment:
    """Learn the map from the checkpoint's to the reference's activations on control rows.

    Ridge regression between standardised activations that shrinks towards the multiple of the
    identity that fits best, not towards nothing: directions in which control rows say little are
    left where they are, so a concept that they lack is not read as lost. For a rotated copy that
    multiple is near 0 and the regression is the ordinary one. The penalty is chosen on folds that
    cut no group, and `r2` of a fold uses the penalty that the other folds chose. A rotation of
    everything takes more control rows than dimensions to undo; with fewer, `r2` says how much.

    Args:
        x_ref: `[n, d_model]`, control rows in the reference.
        x_new: `[n, d_model]`, the same rows in the checkpoint.
        groups: `[n]`.
        folds: how many folds, at most.
        random_state: seed of the folds.

    Raises:
        ProbeError: on shapes that do not fit, values that are not finite, fewer than 4 rows or 2
            groups, or a checkpoint whose rows are all alike.
    """
    ref, new = same_rows(x_ref, x_new)
    if ref.shape != new.shape:
        raise ProbeError(
            f"the reference has d_model {ref.shape[1]} and the checkpoint {new.shape[1]}: a "
            "frozen probe cannot be read across widths"
        )
    codes, n_groups = group_codes(groups, len(ref))
    parts = _folds(codes, n_groups, folds, random_state)
    unit = _spread(ref, "reference")
    error = np.empty((len(RIDGES), len(parts)))  # sums of squares, per penalty and fold
    shifted, total = np.empty(len(parts)), np.empty(len(parts))
    systems = []
    for k, (train, test) in enumerate(parts):
        system = _System(ref[train], new[train])
        seen = system.read(new[test])
        for i, ridge in enumerate(RIDGES):
            error[i, k] = np.sum(((ref[test] - system.mapped(seen, ridge)) / unit) ** 2)
        centred = ref[test] - system.mean_ref
        total[k] = np.sum((centred / unit) ** 2)
        shifted[k] = np.sum(((centred - new[test] + system.mean_new) / unit) ** 2)
        systems.append((system, seen))
    held_out = np.empty(ref.shape)
    unseen = 0.0
    for k, (system, seen) in enumerate(systems):
        best = int(np.argmin(np.delete(error, k, axis=1).sum(axis=1)))
        unseen += error[best, k]
        held_out[parts[k][1]] = system.mapped(seen, RIDGES[best])
    ridge = float(RIDGES[int(np.argmin(error.sum(axis=1)))])
    whole = _System(ref, new)
    return Realignment(
        weight=whole.weight(ridge).astype(np.float32),
        mean_new=whole.mean_new.astype(np.float32),
        mean_ref=whole.mean_ref.astype(np.float32),
        ridge=ridge,
        r2=float(1 - unseen / total.sum()),
        r2_shifted=float(1 - shifted.sum() / total.sum()),
        n=len(ref),
        n_groups=n_groups,
        held_out=held_out.astype(np.float32),
    )


def realigned(probe: LinearProbe, realignment: Realignment) -> LinearProbe:
    """The probe that reads the checkpoint's activations as `probe` reads them once mapped.

    Its decision function is `probe.decision_function(realignment.transform(x))`, up to rounding
    of float32. A penalty flattens its scores, so it takes its threshold from control rows of the
    checkpoint rather than from the frozen probe.

    Raises:
        ProbeError: if probe and map have different widths.
    """
    if probe.d_model != len(realignment.mean_new):
        raise ProbeError(
            f"the probe reads d_model {probe.d_model}, the map {len(realignment.mean_new)}"
        )
    slope = probe.coef_.astype(np.float64) / probe.scale_
    moved = realignment.mean_ref.astype(np.float64) - probe.mean_
    return LinearProbe(
        coef_=realignment.weight.astype(np.float64) @ slope,
        intercept_=probe.intercept_ + float(moved @ slope),
        mean_=realignment.mean_new,
        scale_=np.ones(probe.d_model),
        kind=f"{probe.kind}, realigned",
        penalty=probe.penalty,
    )


def score_r2(probe: LinearProbe, realignment: Realignment, x_ref: Array) -> float:
    """How well a probe's scores on the reference are recovered on rows of unseen groups.

    The validity figure of a realigned probe: the map may fail wherever the probe does not look.

    Args:
        probe: fitted on the reference.
        realignment: learnt on these rows.
        x_ref: `[n, d_model]`, the control rows in the reference that it was learnt on.

    Returns:
        `1 - sum of squared errors / sum of squares about the mean`, at most 1.

    Raises:
        ProbeError: if the rows are not as many as the map was learnt on, or all score alike.
    """
    if len(x_ref) != realignment.n:
        raise ProbeError(f"the map was learnt on {realignment.n} rows; got {len(x_ref)}")
    there = np.asarray(probe.decision_function(np.asarray(x_ref)), dtype=np.float64)
    here = np.asarray(probe.decision_function(realignment.held_out), dtype=np.float64)
    spread = float(np.sum((there - there.mean()) ** 2))
    if spread == 0:
        raise ProbeError("all control rows score alike: there is nothing to recover")
    return float(1 - np.sum((there - here) ** 2) / spread)


class _System:
    """Ridge regression of one train part, solved for every penalty by one eigenbasis.

    Each side in its own standard deviations, so that one massive dimension sets neither the
    penalty nor the multiple, and a dimension that only grew is scaled back for nothing.
    """

    def __init__(self, ref: Floats, new: Floats) -> None:
        self.mean_ref, self.mean_new = ref.mean(axis=0), new.mean(axis=0)
        self.scale_ref, self.scale_new = _spread(ref, "reference"), _spread(new, "checkpoint")
        self.x = (new - self.mean_new) / self.scale_new
        y = (ref - self.mean_ref) / self.scale_ref
        self.multiple = float(np.sum(self.x * y)) / float(np.sum(self.x * self.x))
        rest = y - self.multiple * self.x
        self.dual = len(self.x) < self.x.shape[1]  # among rows or among dimensions, the fewer
        gram = self.x @ self.x.T if self.dual else self.x.T @ self.x
        values, self.basis = np.linalg.eigh(gram)
        self.values = np.maximum(values, 0.0)
        self.right = self.basis.T @ (rest if self.dual else self.x.T @ rest)

    def read(self, new: Floats) -> tuple[Floats, Floats]:
        """Rows of the checkpoint, standardised `[m, d]` and in the eigenbasis `[m, rank]`."""
        at = (new - self.mean_new) / self.scale_new
        return at, (at @ self.x.T if self.dual else at) @ self.basis

    def mapped(self, seen: tuple[Floats, Floats], ridge: float) -> Floats:
        """Rows that were `read`, in the reference's coordinates: `[m, d]`."""
        at, inner = seen
        z = self.multiple * at + (inner / self._penalised(ridge)) @ self.right
        carried: Floats = z * self.scale_ref + self.mean_ref
        return carried

    def weight(self, ridge: float) -> Floats:
        """`[d, d]` between activations in their own units."""
        basis = self.x.T @ self.basis if self.dual else self.basis
        inner: Floats = (basis / self._penalised(ridge)) @ self.right
        inner[np.diag_indices_from(inner)] += self.multiple
        inner *= self.scale_ref / self.scale_new[:, None]
        return inner

    def _penalised(self, ridge: float) -> Floats:
        penalised: Floats = self.values + ridge * float(self.values.mean())
        return penalised


def _spread(x: Floats, name: str) -> Floats:
    """Standard deviation of each dimension; one that never varies gets the median of the rest."""
    spread: Floats = x.std(axis=0)
    flat = spread <= 1e-12 * np.maximum(np.abs(x).max(axis=0), 1e-300)
    if flat.all():
        raise ProbeError(f"the {name}'s control rows are all alike: there is no map")
    spread[flat] = np.median(spread[~flat])
    return spread


def _folds(
    codes: Indices, n_groups: int, folds: int, random_state: int
) -> list[tuple[Indices, Indices]]:
    """`(train, test)` row indices: groups dealt out at random, in equal numbers."""
    if folds < 2 or n_groups < 2:
        raise ProbeError(
            f"held-out figures need 2 folds and 2 groups of control rows, or more; "
            f"there are {folds} and {n_groups}"
        )
    order = np.random.default_rng(random_state).permutation(n_groups)
    fold_of = (order % min(folds, n_groups))[codes]
    return [
        (np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k))
        for k in range(min(folds, n_groups))
    ]
