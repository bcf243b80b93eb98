"""Probes that look at pairs and not at labels: PCA of pair differences, and CCS.

A pair is a positive and a negative row of one group. Which of the two is the positive one
decides nothing but the sign of the finished direction.
"""

from __future__ import annotations

import numpy as np

from probes.base import Array, Bools, Floats, Groups, ProbeError
from probes.linear import LinearProbe
from probes.training_set import training_set

CCS_RESTARTS = 10
CCS_PENALTY = 1e-2


def fit_pca_pairs(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Top principal component of the differences within pairs (LAT, Zou et al. 2023).

    The differences are not centred: without labels a pair has no order, every difference
    counts with both signs, and their mean is zero. The sign, and score 0 midway between the
    class means, come from the train labels. `folds` and `random_state` are not needed.

    Raises:
        ProbeError: on input that `training_set` refuses, or if no group holds both labels.
    """
    rows = training_set(x, y, groups)
    z, mean, scale = rows.standardised()
    positive, negative = rows.pairs()
    coef = _top_components(z[positive] - z[negative], 1)[:, 0]
    coef, intercept = _signed(z @ coef, rows.y, coef)
    return LinearProbe(coef, intercept, mean, scale, "pca_pairs")


def _top_components(differences: Floats, k: int) -> Floats:
    """Orthonormal axes `[d, <= k]` along which the rows are longest, the longest first."""
    from scipy.linalg import eigh

    if not differences.any():
        raise ProbeError("both rows of every pair have the same activations: nothing to tell apart")
    m, d = differences.shape
    gram = differences @ differences.T if d > m else differences.T @ differences
    squared, axes = eigh(gram, subset_by_index=[max(len(gram) - k, 0), len(gram) - 1])
    kept = squared > squared[-1] * 1e-12
    squared, axes = squared[kept][::-1], axes[:, kept][:, ::-1]
    return np.asarray(differences.T @ (axes / np.sqrt(squared)) if d > m else axes)


def _signed(scores: Floats, y: Bools, coef: Floats) -> tuple[Floats, float]:
    """The direction and intercept that put the positive class above zero."""
    positive, negative = float(scores[y].mean()), float(scores[~y].mean())
    sign = 1.0 if positive >= negative else -1.0
    return sign * coef, -sign * (positive + negative) / 2


def fit_ccs(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Contrast-consistent search (Burns et al. 2022) on the pairs of the groups.

    Looks for a probability p that is consistent, `p(a) = 1 - p(b)`, and confident,
    `min(p(a), p(b)) = 0`, over the pairs (a, b); the best of ten random starts by that loss.
    No label enters the loss, which is the same when a and b are exchanged. The sign, and score
    0 midway between the class means, come from the train labels. Where this differs from the
    paper: all rows are standardised together, because to normalise each side of a pair alone,
    where sides are labels, would remove what is looked for; the search is among the top
    principal components of the pair differences, one for every ten pairs, because with more
    dimensions than pairs any labelling at all is consistent; the weights are penalised; and
    the optimiser is L-BFGS. `folds` is not needed.

    Raises:
        ProbeError: on input that `training_set` refuses, or if no group holds both labels.
    """
    from scipy.optimize import minimize

    rows = training_set(x, y, groups)
    z, mean, scale = rows.standardised()
    positive, negative = rows.pairs()
    basis = _top_components(z[positive] - z[negative], max(len(positive) // 10, 2))
    first, second = z[positive] @ basis, z[negative] @ basis
    rng = np.random.default_rng(random_state)
    best_loss, best = np.inf, np.zeros(basis.shape[1])
    for _ in range(CCS_RESTARTS):
        start = np.append(rng.standard_normal(basis.shape[1]) / np.sqrt(basis.shape[1]), 0.0)
        found = minimize(_ccs_loss, start, args=(first, second), jac=True, method="L-BFGS-B")
        if found.fun < best_loss:
            best_loss, best = float(found.fun), found.x[:-1]
    coef = basis @ best
    coef, intercept = _signed(z @ coef, rows.y, coef)
    return LinearProbe(coef, intercept, mean, scale, "ccs")


def _ccs_loss(at: Floats, first: Floats, second: Floats) -> tuple[float, Floats]:
    """Consistency + confidence + penalty, and the gradient; `at` is weights, then bias."""
    weights, bias = at[:-1], at[-1]
    p = 0.5 * (1 + np.tanh((first @ weights + bias) / 2))
    q = 0.5 * (1 + np.tanh((second @ weights + bias) / 2))
    gap, least = p + q - 1, np.minimum(p, q)
    loss = float(np.mean(gap**2 + least**2) + CCS_PENALTY * weights @ weights)
    by_p = 2 * (gap + np.where(p <= q, least, 0.0)) * p * (1 - p) / len(p)
    by_q = 2 * (gap + np.where(p <= q, 0.0, least)) * q * (1 - q) / len(q)
    by_weights = by_p @ first + by_q @ second + 2 * CCS_PENALTY * weights
    return loss, np.append(by_weights, by_p.sum() + by_q.sum())
