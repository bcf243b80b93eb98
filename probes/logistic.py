"""L2 logistic regression with its penalty chosen by grouped cross-validation.

An L2 solution is a combination of the rows, so all the work is done in the space that the
rows span, whose dimension is at most min(n, d_model). In the principal axes of that space
the Hessian is nearly diagonal, which makes conjugate gradients short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probes.base import Array, Bools, Floats, Groups, ProbeError
from probes.crossval import grouped_folds
from probes.linear import LinearProbe
from probes.training_set import training_set

PENALTIES: tuple[float, ...] = tuple(float(value) for value in np.logspace(4, -4, 10))


def fit_logistic(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Fit L2 logistic regression on standardised activations, with a tuned penalty.

    The penalty (scikit-learn's `1 / C`) is the one of `PENALTIES` whose held-out scores over
    grouped folds separate the classes most, as d': the distance between the class means over
    the spread within them. The best value moves by 100x between models, so none is fixed.
    Log-loss would reward confidence, and always take the weakest penalty on separable
    activations; AUROC would tie there at 1. For bell-shaped scores d' orders as AUROC does, and
    it goes on where AUROC ends. The scaler is that of all rows in every fold: it has seen no
    label. The intercept is not penalised.

    Args:
        x: `[n, d_model]`.
        y: `[n]`, 0 or 1.
        groups: `[n]`.
        folds: how many folds, at most.
        random_state: seed of the folds.

    Raises:
        ProbeError: on input that `training_set` refuses, or if a class lies in one group
            only, so that no penalty can be validated.
    """
    rows = training_set(x, y, groups)
    z, mean, scale = rows.standardised()
    space = _row_space(z)
    held_out = _held_out(rows.groups, rows.y, folds, random_state)
    penalty = _best_penalty(space.coordinates, rows.y, held_out)
    weights, intercept = logistic_regression(space.coordinates, rows.y, penalty)
    return LinearProbe(space.to_features(weights), intercept, mean, scale, "logistic", penalty)


@dataclass(frozen=True, eq=False)
class _RowSpace:
    """Rows in the principal axes of the space they span: `coordinates [n, r]`."""

    coordinates: Floats
    to_features: Callable[[Floats], Floats]


def _row_space(z: Floats) -> _RowSpace:
    wide = z.shape[1] > z.shape[0]
    variance, axes = np.linalg.eigh(z @ z.T if wide else z.T @ z)
    kept = variance > max(variance[-1], 1e-300) * 1e-12
    length, axes = np.sqrt(variance[kept]), axes[:, kept]
    if wide:
        return _RowSpace(axes * length, lambda weights: z.T @ (axes @ (weights / length)))
    return _RowSpace(z @ axes, lambda weights: axes @ weights)


def _held_out(groups: Array, y: Bools, folds: int, random_state: int) -> Bools:
    """`[n, k]`: which rows fold k leaves out. Folds that cannot be trained are dropped."""
    splits = grouped_folds(groups, y, folds, random_state)
    usable = [test for train, test in splits if y[train].any() and not y[train].all()]
    held_out = np.zeros((len(y), len(usable)), dtype=bool)
    for k, test in enumerate(usable):
        held_out[test, k] = True
    seen = y[held_out.any(axis=1)]
    if seen.all() or not seen.any():
        raise ProbeError(
            "one group holds every row of a class: tuning the penalty needs at least two groups "
            "with positive rows and two with negative rows"
        )
    return held_out


def _best_penalty(t: Floats, y: Bools, held_out: Bools) -> float:
    """The penalty whose held-out scores separate the classes most; of equals, the strongest."""
    seen = (~held_out).astype(np.float64)
    scored = held_out.any(axis=1)
    separations = []
    start = None
    for penalty in PENALTIES:  # from strong to weak, each starting where the last one ended
        start = _newton(t, y, seen, penalty, start, tolerance=1e-3)
        scores = np.sum((t @ start[:-1] + start[-1]) * held_out, axis=1)
        separations.append(_separation(scores[scored & y], scores[scored & ~y]))
    return PENALTIES[int(np.argmax(separations))]


def _separation(positive: Floats, negative: Floats) -> float:
    """d': distance between two means over the pooled standard deviation."""
    squares = len(positive) * positive.var() + len(negative) * negative.var()
    spread = np.sqrt(squares / (len(positive) + len(negative)))
    return float((positive.mean() - negative.mean()) / max(spread, 1e-12))


def logistic_regression(x: Floats, y: Bools, penalty: float) -> tuple[Floats, float]:
    """Weights `[d]` and intercept that minimise `sum(log-loss) + penalty / 2 * |weights|^2`.

    The same problem as scikit-learn's `LogisticRegression(C=1 / penalty)`.
    """
    solution = _newton(x, y, np.ones((len(y), 1)), penalty, None, tolerance=1e-10)
    return solution[:-1, 0], float(solution[-1, 0])


def _newton(
    t: Floats, y: Bools, use: Floats, penalty: float, start: Floats | None, *, tolerance: float
) -> Floats:
    """Solve k problems over the same rows at once, so that every product is a matrix product.

    Args:
        t: `[n, r]` rows.
        y: `[n]` labels.
        use: `[n, k]`, weight of each row in each problem.
        penalty: shared by all.
        start: `[r + 1, k]`, intercept last, or None.
        tolerance: on the gradient, relative to that at zero.

    Returns:
        `[r + 1, k]`.
    """
    design = np.column_stack([t, np.ones(len(t))])
    squared = design * design
    ridge = np.full((design.shape[1], 1), penalty)
    ridge[-1] = 0.0
    target = y[:, None].astype(np.float64)
    solution = np.zeros((design.shape[1], use.shape[1])) if start is None else start
    at_zero = np.abs(design.T @ (use * (0.5 - target))).max(axis=0)
    margin = design @ solution
    for _ in range(100):
        probability = 0.5 * (1 + np.tanh(margin / 2))
        gradient = design.T @ (use * (probability - target)) + ridge * solution
        if (np.abs(gradient).max(axis=0) <= tolerance * at_zero).all():
            break
        curvature = use * probability * (1 - probability)
        diagonal = squared.T @ curvature + ridge + 1e-12
        step = _conjugate_gradients(design, curvature, ridge, diagonal, -gradient)
        along = design @ step
        size = _step_size(margin, along, solution, step, gradient, use, target, ridge)
        solution = solution + size * step
        margin = margin + size * along
    return solution


def _conjugate_gradients(
    design: Floats, curvature: Floats, ridge: Floats, diagonal: Floats, right: Floats
) -> Floats:
    """Solve `(design' curvature design + ridge) step = right` per column, to a tenth."""
    step = np.zeros_like(right)
    residual = right.copy()
    direction = residual / diagonal
    energy = np.sum(residual * direction, axis=0)
    enough = 1e-2 * energy
    for _ in range(200):
        image = design.T @ (curvature * (design @ direction)) + ridge * direction
        bend = np.sum(direction * image, axis=0)
        moving = (energy > enough) & (bend > 0)
        if not moving.any():
            break
        length = np.where(moving, energy / np.where(moving, bend, 1.0), 0.0)
        step += length * direction
        residual -= length * image
        preconditioned = residual / diagonal
        renewed = np.sum(residual * preconditioned, axis=0)
        direction = (
            preconditioned
            + np.where(moving, renewed / np.where(moving, energy, 1.0), 0.0) * direction
        )
        energy = np.where(moving, renewed, energy)
    return step


def _step_size(
    margin: Floats,
    along: Floats,
    solution: Floats,
    step: Floats,
    gradient: Floats,
    use: Floats,
    target: Floats,
    ridge: Floats,
) -> Floats:
    """The largest of 1, 1/2, 1/4, ... per column that lowers the objective (Armijo)."""

    def objective(size: Floats | float) -> Floats:
        at = margin + size * along
        weights = solution + size * step
        loss = np.sum(use * (np.logaddexp(0, at) - target * at), axis=0)
        total: Floats = loss + np.sum(ridge * weights * weights, axis=0) / 2
        return total

    before = objective(0.0)
    promised = np.sum(gradient * step, axis=0)
    size = np.ones(step.shape[1])
    for _ in range(40):
        too_far = objective(size) > before + 1e-4 * size * promised + 1e-12 * np.abs(before)
        if not too_far.any():
            break
        size = np.where(too_far, size / 2, size)
    return size
