"""Rows as a solver sees them: products with their kernel `x x'`, and a way downhill.

Knows arrays; knows no label and no loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from probes.base import Array, Floats

_MOST_AXES = 256
_LARGEST_KERNEL = 8192
_MOST_TO_SOLVE = 8_000_000  # multiplications, above which rounds that cost less win


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread: how many there are changes the last bits of its sums."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


Downhill = tuple[Array, Array, Array]


class Rows(Protocol):
    """What a solver among the rows asks of them."""

    @property
    def squares(self) -> float:
        """Sum of the squares of all that the rows hold."""
        ...

    def downhill(self, gradient: Array, sharpness: Array, penalty: Array) -> Downhill:
        """A direction in shares `[k, n]`, its margins `[k, n]`, the gradient's square `[k, 1]`.

        Args:
            gradient: in shares, `[k, n]`.
            sharpness: `[k, n]`, second derivative of the loss by each margin.
            penalty: `[k, 1]`.
        """
        ...

    def margins(self, shares: Array) -> Array:
        """`[k, n]` of shares `[k, n]`, without the intercept."""
        ...


@dataclass(frozen=True, eq=False)
class InAxes:
    """Few rows or few dimensions: `x x' = axes diag(variance) axes'`, which shows the way.

    Downhill is where a quadratic ends: that of the curvature itself where it is small enough to be
    solved for, and else of one that treats all rows alike, which is diagonal in these axes.
    """

    axes: Array
    variance: Array

    @property
    def squares(self) -> float:
        """As `Rows` says."""
        return float(self.variance.sum())

    def downhill(self, gradient: Array, sharpness: Array, penalty: Array) -> Downhill:
        """As `Rows` says."""
        along = gradient @ self.axes
        if gradient.size * len(self.variance) ** 2 <= _MOST_TO_SOLVE:
            step = self._solved(along, sharpness, penalty)
        else:
            bend = sharpness.sum(axis=1, keepdims=True) / len(sharpness.T)
            step = along / (bend * self.variance + penalty)
        image = (step * self.variance) @ self.axes.T
        return step @ self.axes.T, image, dots(along * along, self.variance[None])

    def _solved(self, along: Array, sharpness: Array, penalty: Array) -> Array:
        """Newton's step, in shares along the axes, with the intercept going where it is best."""
        length = np.sqrt(self.variance)
        spread = self.axes * length
        total = sharpness.sum(axis=1)[:, None, None]
        middle = (sharpness @ spread)[:, :, None]
        curved = (spread.T * sharpness[:, None, :]) @ spread
        curved -= middle @ middle.transpose(0, 2, 1) / np.maximum(total, np.finfo(total.dtype).tiny)
        curved = curved.astype(np.float64)
        np.einsum("kii->ki", curved)[:] += penalty
        step = np.linalg.solve(curved, (along * length)[:, :, None])[:, :, 0]
        return np.asarray(step / length, dtype=along.dtype)

    def margins(self, shares: Array) -> Array:
        """As `Rows` says."""
        result: Array = ((shares @ self.axes) * self.variance) @ self.axes.T
        return result

    def single(self) -> InAxes:
        """The same in single precision."""
        return InAxes(self.axes.astype(np.float32), self.variance.astype(np.float32))


@dataclass(frozen=True, eq=False)
class AsTheyAre:
    """Rows `x [n, d]` whose axes would cost more than they save, with their kernel if made."""

    x: Array
    kernel: Array | None

    @property
    def squares(self) -> float:
        """As `Rows` says."""
        return float(np.vdot(self.x, self.x))

    def downhill(self, gradient: Array, sharpness: Array, penalty: Array) -> Downhill:
        """As `Rows` says: the gradient itself."""
        image = self.margins(gradient)
        return gradient, image, dots(gradient, image)

    def margins(self, shares: Array) -> Array:
        """As `Rows` says."""
        result: Array = (
            (shares @ self.x) @ self.x.T if self.kernel is None else shares @ self.kernel
        )
        return result


def rows_of(x: Floats) -> tuple[Rows, Rows]:
    """Rows `x [n, d]` in single precision, to be asked often, and in double, less often."""
    n, d = x.shape
    if min(n, d) <= _MOST_AXES:
        axes = _principal_axes(x)
        return axes.single(), axes
    single = x.astype(np.float32)
    few = min(2 * d, _LARGEST_KERNEL)
    return (
        AsTheyAre(single, single @ single.T if n <= few else None),
        AsTheyAre(x, x @ x.T if n <= few / 4 else None),
    )


def _principal_axes(x: Floats) -> InAxes:
    wide = x.shape[1] > x.shape[0]
    variance, axes = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    kept = variance > max(variance[-1], 1e-300) * 1e-12
    variance, axes = variance[kept], axes[:, kept]
    return InAxes(axes if wide else x @ (axes / np.sqrt(variance)), variance)


def dots(a: Array, b: Array) -> Array:
    """Inner products `[k, 1]` of the rows of two `[k, n]`."""
    return np.asarray(np.einsum("kn,kn->k", a, b)[:, None])
