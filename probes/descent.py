"""Many logistic regressions over the same rows at once: an L2 solution found among the rows.

The weights are a combination of the rows, `weights = x' shares`, so a problem is solved in the
share that each row has, and all it asks of the rows is the product with their kernel `x x'`.
Every round asks for one such product for all problems together, a matrix product, and then
minimises each objective to second order over three directions whose effect on the margins is
known by then: downhill, the last step, and the intercept. On a quadratic that is the method of
conjugate gradients.

Knows rows, labels and penalties; knows no probe, no fold and no choice of a penalty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probes.base import Array
from probes.kernels import Rows, dots

MOST_ROUNDS = 2000
_MOST_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Problems:
    """What is minimised: `sum(use * log-loss) + penalty / 2 * |weights|^2`, k times.

    Attributes:
        use: `[k, n]`, 1 where a row has a part in a problem, 0 where not.
        target: `[k, n]`, labels, 0 or 1.
        penalty: `[k, 1]`; the intercept is not penalised.
    """

    use: Array
    target: Array
    penalty: Array

    def residual(self, margin: Array) -> Array:
        """Derivative of the loss by the margin, `[k, n]`."""
        result: Array = self.use * (_sigmoid(margin) - self.target)
        return result

    def some(self, chosen: Array | slice) -> Problems:
        """The chosen problems alone."""
        return Problems(self.use[chosen], self.target[chosen], self.penalty[chosen])


@dataclass(frozen=True, eq=False)
class Solutions:
    """Shares of the rows `[k, n]`, intercepts `[k, 1]` and margins `[k, n]`."""

    shares: Array
    intercept: Array
    margin: Array

    def some(self, chosen: Array | slice) -> Solutions:
        """The chosen solutions alone."""
        return Solutions(self.shares[chosen], self.intercept[chosen], self.margin[chosen])

    def put(self, where: Array, there: Solutions) -> None:
        """Set what stands at some places."""
        self.shares[where], self.intercept[where] = there.shares, there.intercept
        self.margin[where] = there.margin


def nothing_learnt(problems: Problems) -> Solutions:
    """Where to begin: no weights, and the log-odds of the labels as intercept."""
    rows = problems.use.sum(axis=1, keepdims=True)
    share = (problems.use * problems.target).sum(axis=1, keepdims=True) / rows
    intercept = np.log(share / (1 - share))
    zeros = np.zeros_like(problems.use)
    return Solutions(zeros, intercept, zeros + intercept)


def descend(rows: Rows, problems: Problems, start: Solutions, *, tolerance: float) -> Solutions:
    """Minimise every problem, until its gradient is small.

    Problems that are done leave, so that the last one does not keep the others at work.

    Args:
        rows: that all problems share.
        problems: k of them.
        start: k points to begin at.
        tolerance: on the norm of the gradient, relative to that where every row is a toss-up.
    """
    toss_up = problems.residual(np.zeros_like(start.margin))
    rounding = 64 * np.finfo(toss_up.dtype).eps
    most = dots(toss_up, toss_up) * (rows.squares + len(toss_up.T))
    enough = tolerance**2 * _downhill(rows, problems, toss_up, 0.0)[2] + rounding**2 * most
    del toss_up
    found = Solutions(*map(np.empty_like, (start.shares, start.intercept, start.margin)))
    at, going, last = start, np.arange(len(start.margin)), None
    residual = problems.residual(at.margin)
    for _ in range(MOST_ROUNDS):
        step, image, size = _downhill(rows, problems, residual, problems.penalty * at.shares)
        on = (size > enough)[:, 0]
        if not on.all():
            found.put(going[~on], at.some(~on))
            if not on.any():
                return found
            going, at, problems = going[on], at.some(on), problems.some(on)
            enough, step, image, residual = enough[on], step[on], image[on], residual[on]
            last = None if last is None else (last[0][on], last[1][on])
        at, residual, last = _round(problems, at, residual, (step, image), last)
    found.put(going, at)
    return found


def _downhill(
    rows: Rows, problems: Problems, residual: Array, pull: Array | float
) -> tuple[Array, Array, Array]:
    """What `Rows.downhill` gives, the intercept's part of the gradient's square included."""
    step, image, square = rows.downhill(residual + pull, _sharpness(residual), problems.penalty)
    tilt = residual.sum(axis=1, keepdims=True)
    return step, image, square + tilt * tilt


def _sharpness(residual: Array) -> Array:
    """`p (1 - p)`, which is the residual's size times what it lacks of one."""
    size = np.abs(residual)
    result: Array = size * (1 - size)
    return result


def _round(
    problems: Problems,
    at: Solutions,
    residual: Array,
    downhill: tuple[Array, Array],
    last: tuple[Array, Array] | None,
) -> tuple[Solutions, Array, tuple[Array, Array]]:
    """One Newton step over the gradient, the last step and the intercept.

    Returns:
        Where it led, the residual there, and the step: its shares and its margins, `[k, n]`.
    """
    penalty, pairs = problems.penalty, [downhill] if last is None else [downhill, last]
    (k, n), q = residual.shape, len(pairs)
    shares, images = np.empty((k, q, n), residual.dtype), np.ones((k, q + 1, n), residual.dtype)
    for index, pair in enumerate(pairs):
        shares[:, index], images[:, index] = pair
    stiffness = np.zeros((k, q + 1, q + 1), residual.dtype)
    stiffness[:, :q, :q] = penalty[:, :, None] * (images[:, :q] @ shares.transpose(0, 2, 1))
    pull = np.zeros((k, q + 1), residual.dtype)
    pull[:, :q] = penalty * (images[:, :q] @ at.shares[:, :, None])[:, :, 0]
    slope = (images @ residual[:, :, None])[:, :, 0] + pull
    step = -_solved(
        (images * _sharpness(residual)[:, None]) @ images.transpose(0, 2, 1) + stiffness, slope
    )
    move = (step[:, None] @ images)[:, 0]
    stiff = (stiffness @ step[:, :, None])[:, :, 0]
    fall = dots(step, slope)
    # The objective is convex: a step is too long where its end climbs as steeply as a tenth of
    # what its beginning falls.
    size = np.ones_like(fall)
    for _ in range(_MOST_HALVINGS):
        margin = at.margin + size * move
        residual = problems.residual(margin)
        too_far = dots(residual, move) + dots(step, pull + size * stiff) > -0.1 * fall
        if not too_far.any():
            break
        size = np.where(too_far, size / 2, size)
    step *= size
    share = (step[:, None, :q] @ shares)[:, 0]
    intercept = step[:, q:]
    to = Solutions(at.shares + share, at.intercept + intercept, margin)
    return to, residual, (share, size * move - intercept)


def _solved(matrix: Array, right: Array) -> Array:
    """Solutions `[k, q]` of k small positive systems, held off the brink of singularity."""
    diagonal = np.einsum("kii->ki", matrix)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    brink = np.float32(1e-5) if matrix.dtype == np.float32 else 1e-11
    even = matrix / (scale[:, :, None] * scale[:, None, :])
    even += brink * np.eye(matrix.shape[1], dtype=matrix.dtype)
    return np.asarray(np.linalg.solve(even, (right / scale)[:, :, None])[:, :, 0] / scale)


def _sigmoid(margin: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(margin / 2)))
