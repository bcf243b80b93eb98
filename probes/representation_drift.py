"""How far the activations of two checkpoints lie apart, on the same rows.

Knows two arrays of pooled activations; knows no model and no label. A figure here says that
coordinates moved, never that a concept did: `drift` decides that from what probes read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probes.base import Array, Floats, ProbeError
from probes.linear import LinearProbe


@dataclass(frozen=True)
class RepresentationDrift:
    """What compares the activations of one place in two checkpoints.

    Attributes:
        n: rows.
        d_model: width.
        cka: linear centred kernel alignment, unbiased: 1 where one is a rotation and scaling of
            the other, near 0 where they have nothing in common.
        procrustes: share of the reference that no rotation and scaling of the new activations
            reaches, 0..1.
        procrustes_chance: the same with the new rows shuffled. A residual close to it says
            nothing, which is the rule where rows are fewer than dimensions.
        norm_ratio: median norm of the new activations over that of the reference.
    """

    n: int
    d_model: int
    cka: float
    procrustes: float
    procrustes_chance: float
    norm_ratio: float


def compare_representations(
    x_ref: Array, x_new: Array, *, random_state: int = 0
) -> RepresentationDrift:
    """All figures of two checkpoints' activations `[n, d_model]` on the same rows.

    Args:
        x_ref: `[n, d_model]` of the reference.
        x_new: `[n, d_model]` of the checkpoint, row by row the same texts and positions.
        random_state: seed of the shuffle behind `procrustes_chance`.

    Raises:
        ProbeError: on shapes that do not fit, fewer than 4 rows, values that are not finite, or
            rows that are all alike.
    """
    ref, new = same_rows(x_ref, x_new)
    if ref.shape[1] != new.shape[1]:
        raise ProbeError(
            f"the reference has d_model {ref.shape[1]} and the checkpoint {new.shape[1]}"
        )
    order = np.random.default_rng(random_state).permutation(len(new))
    return RepresentationDrift(
        n=len(ref),
        d_model=ref.shape[1],
        cka=linear_cka(ref, new),
        procrustes=procrustes_residual(ref, new),
        procrustes_chance=procrustes_residual(ref, new[order]),
        norm_ratio=norm_ratio(ref, new),
    )


def direction_cosine(a: LinearProbe, b: LinearProbe) -> float:
    """Cosine of the directions of two probes, -1..1.

    Two checkpoints share coordinates only as far as training left them in place, so a low cosine
    is drift or another concept; after `realigned` it is the latter. By chance it is about
    `1 / sqrt(d_model)`.

    Raises:
        ProbeError: if the widths differ, or a probe has no direction (all its weights are 0).
    """
    if a.d_model != b.d_model:
        raise ProbeError(f"probes of d_model {a.d_model} and {b.d_model} share no directions")
    one, other = a.direction.astype(np.float64), b.direction.astype(np.float64)
    if not one.any() or not other.any():
        raise ProbeError("a probe whose weights are all 0 has no direction to compare")
    return float(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1.0, 1.0))


def linear_cka(x_ref: Array, x_new: Array, *, unbiased: bool = True) -> float:
    """Linear centred kernel alignment of two activations of the same rows.

    Kornblith et al. (2019). The plain ratio tends to 1 as dimensions outgrow rows, whatever the
    activations are; the unbiased one takes the U-statistic of Song et al. (2012) for each of
    its three terms, and may fall a little below 0. Neither sees a change in a direction of
    little variance, and a massive activation outweighs all others in both.

    Args:
        x_ref: `[n, d_ref]`.
        x_new: `[n, d_new]`, the same rows; widths may differ.
        unbiased: whether to use the unbiased terms.

    Raises:
        ProbeError: as `compare_representations`, widths apart.
    """
    ref, new = (_unit_size(x) for x in same_rows(x_ref, x_new))
    term = _hsic_unbiased if unbiased else _hsic
    at_ref, at_new = term(ref, ref), term(new, new)
    if min(at_ref, at_new) <= 1e-12:
        raise ProbeError("the rows do not vary together: alignment is not defined")
    return float(np.clip(term(ref, new) / np.sqrt(at_ref * at_new), -1.0, 1.0))


def _hsic(a: Floats, b: Floats) -> float:
    """`|a' b|^2` for centred rows, by whichever product is the smaller."""
    n, d = len(a), max(a.shape[1], b.shape[1])
    if n < d:
        return float(np.sum((a @ a.T) * (b @ b.T)))
    return float(np.sum((a.T @ b) ** 2))


def _hsic_unbiased(a: Floats, b: Floats) -> float:
    """Song et al. (2012), equation 5, less its factor `1 / (n (n - 3))`, without a kernel.

    The kernels `a a'` and `b b'` enter with empty diagonals; their sums are written with the
    rows themselves, so that `[n, n]` is needed only where it is the smaller product.
    """
    n = len(a)
    size_a, size_b = np.sum(a * a, axis=1), np.sum(b * b, axis=1)
    rows_a, rows_b = a @ a.sum(axis=0) - size_a, b @ b.sum(axis=0) - size_b
    together = _hsic(a, b) - float(size_a @ size_b)
    apart = float(rows_a.sum() * rows_b.sum()) / ((n - 1) * (n - 2))
    return together + apart - 2 * float(rows_a @ rows_b) / (n - 2)


def procrustes_residual(x_ref: Array, x_new: Array) -> float:
    """Share of the reference's variance left by the best rotation and scaling of the new rows.

    Both are centred; the value is 0 for a rotated, mirrored, shifted or scaled copy, and at
    most 1. With rows as few as dimensions it is small for any two activations.

    Args:
        x_ref: `[n, d_ref]`.
        x_new: `[n, d_new]`, the same rows; the narrower is padded with zeros.

    Raises:
        ProbeError: as `compare_representations`, widths apart.
    """
    from scipy.linalg import orthogonal_procrustes

    ref, new = (_own_coordinates(_unit_size(x)) for x in same_rows(x_ref, x_new))
    width = max(ref.shape[1], new.shape[1])
    ref, new = (np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in (ref, new))
    _, fit = orthogonal_procrustes(new, ref)
    return float(np.clip(1.0 - fit**2, 0.0, 1.0))


def _own_coordinates(x: Floats) -> Floats:
    """The rows in a basis of the space they span: `[n, min(n, d)]`, with the same distances."""
    if x.shape[0] >= x.shape[1]:
        return x
    _, triangle = np.linalg.qr(x.T)
    coordinates: Floats = triangle.T
    return coordinates


def norm_ratio(x_ref: Array, x_new: Array) -> float:
    """Median norm of the new rows over the median norm of the reference's.

    Raises:
        ProbeError: as `compare_representations`, or if the reference's median norm is 0.
    """
    ref, new = same_rows(x_ref, x_new)
    before = float(np.median(np.linalg.norm(ref, axis=1)))
    if before == 0:
        raise ProbeError("the median norm of the reference is 0: there is no ratio to it")
    return float(np.median(np.linalg.norm(new, axis=1))) / before


def same_rows(x_ref: Array, x_new: Array) -> tuple[Floats, Floats]:
    """Both activations in float64, checked.

    Raises:
        ProbeError: unless both are `[n, d]` with the same n of at least 4, and finite.
    """
    ref, new = np.asarray(x_ref, dtype=np.float64), np.asarray(x_new, dtype=np.float64)
    if ref.ndim != 2 or new.ndim != 2 or len(ref) != len(new):
        raise ProbeError(
            f"two checkpoints are compared on the same rows [n, d_model]; got shapes "
            f"{ref.shape} and {new.shape}"
        )
    if len(ref) < 4:
        raise ProbeError(f"comparing activations needs at least 4 rows, not {len(ref)}")
    for name, x in (("reference", ref), ("checkpoint", new)):
        if bad := int(np.count_nonzero(~np.isfinite(x))):
            raise ProbeError(f"{bad} activations of the {name} are NaN or infinite")
    return ref, new


def _unit_size(x: Floats) -> Floats:
    """Centred rows with Frobenius norm 1."""
    centred = x - x.mean(axis=0)
    size = float(np.linalg.norm(centred))
    if size <= 1e-12 * float(np.linalg.norm(x)):
        raise ProbeError(f"all {len(x)} rows are alike: there is nothing to align")
    unit: Floats = centred / size
    return unit
