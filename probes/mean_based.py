"""Probes from class means: difference of means, mass-mean, linear discriminant analysis.

They differ in the metric, which is none or the covariance within classes, and in where zero is.
The covariance is shrunk as far as Ledoit & Wolf (2004) ask for, which is much where rows are
fewer than dimensions and vanishes where they are many.
"""

from __future__ import annotations

import numpy as np

from probes.base import Array, Floats, Groups
from probes.linear import LinearProbe
from probes.training_set import training_set


def fit_difference_of_means(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Project on the mean of the positives less the mean of the negatives.

    No scaling: the direction is the one that a steering vector would use. Score 0 lies midway
    between the class means. `folds` and `random_state` are not needed.

    Raises:
        ProbeError: on input that `training_set` refuses.
    """
    rows = training_set(x, y, groups)
    positive, negative = rows.x[rows.y].mean(axis=0), rows.x[~rows.y].mean(axis=0)
    coef, ones = positive - negative, np.ones(rows.x.shape[1])
    return LinearProbe(coef, 0.0, (positive + negative) / 2, ones, "difference_of_means")


def fit_mass_mean(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Difference of means, whitened by the covariance of the activations about their class.

    The i.i.d. form of the mass-mean probe (Marks & Tegmark 2023). Its formula is Fisher's, so
    its direction is that of `fit_lda`; the two differ in where zero is, which here is midway
    between the class means. `folds` and `random_state` are not needed.

    Raises:
        ProbeError: on input that `training_set` refuses.
    """
    return _whitened_means(x, y, groups, "mass_mean", prior=False)


def fit_lda(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Linear discriminant analysis (Fisher 1936) with a shrunk covariance.

    Score 0 is where the classes are equally likely at the rates of the training rows. `folds`
    and `random_state` are not needed.

    Raises:
        ProbeError: on input that `training_set` refuses.
    """
    return _whitened_means(x, y, groups, "lda", prior=True)


def _whitened_means(x: Array, y: Array, groups: Groups, kind: str, *, prior: bool) -> LinearProbe:
    # The covariance is shrunk on standardised features: in the activations' own units a
    # single massive one would set the target for all.
    rows = training_set(x, y, groups)
    z, mean, scale = rows.standardised()
    positive, negative = z[rows.y].mean(axis=0), z[~rows.y].mean(axis=0)
    coef = whitened(z - np.where(rows.y[:, None], positive, negative), positive - negative)
    rate = rows.y.mean()
    log_odds = float(np.log(rate / (1 - rate))) if prior else 0.0
    return LinearProbe(coef, log_odds - float(coef @ (positive + negative)) / 2, mean, scale, kind)


def whitened(centred: Floats, vector: Floats) -> Floats:
    """Solve `covariance @ solution = vector` with the Ledoit-Wolf covariance of rows.

    Args:
        centred: `[n, d]` rows with mean zero.
        vector: `[d]`.

    Returns:
        `[d]`. With fewer rows than dimensions the system is solved among the rows (Woodbury),
        so that no `[d, d]` matrix is made.
    """
    n, d = centred.shape
    gram = centred @ centred.T if d > n else centred.T @ centred
    scale = float(np.trace(gram)) / (n * d)
    if scale == 0:  # the rows of a class are all alike: every metric is as good
        return vector
    shrinkage = ledoit_wolf_shrinkage(centred, gram)
    ridge, weight = shrinkage * scale, (1 - shrinkage) / n
    ridge = max(ridge, 1e-10 * scale)
    if d <= n:
        return np.linalg.solve(weight * gram + ridge * np.eye(d), vector)
    inner = np.linalg.solve(weight * gram + ridge * np.eye(n), centred @ vector)
    solution: Floats = (vector - weight * (centred.T @ inner)) / ridge
    return solution


def ledoit_wolf_shrinkage(centred: Floats, gram: Floats) -> float:
    """How far to shrink a covariance towards a multiple of the identity, 0..1.

    Args:
        centred: `[n, d]` rows with mean zero.
        gram: `centred' centred` or `centred centred'`: their Frobenius norms agree.

    Formula: Ledoit & Wolf (2004), "A well-conditioned estimator for large-dimensional
    covariance matrices".
    """
    n, d = centred.shape
    scale = float(np.trace(gram)) / (n * d)
    squared_norm = float(np.sum(gram * gram)) / n**2
    dispersion = squared_norm - d * scale**2
    if dispersion <= 0:
        return 1.0
    fourth = float(np.sum(np.sum(centred * centred, axis=1) ** 2)) / n
    return float(np.clip((fourth - squared_norm) / n / dispersion, 0.0, 1.0))
