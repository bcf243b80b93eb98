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


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread: how many there are changes the last bits of its sums."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


class Rows(Protocol):
    """What a solver among the rows asks of them."""

    @property
    def squares(self) -> float:
        """Sum of the squares of all that the rows hold."""
        ...

    def downhill(self, gradient: Array, bend: Array, penalty: Array) -> tuple[Array, Array, Array]:
        """A direction in shares `[k, n]`, its margins `[k, n]`, the gradient's square `[k, 1]`.

        Args:
            gradient: in shares, `[k, n]`.
            bend: `[k, 1]`, mean second derivative of the loss by a margin.
            penalty: `[k, 1]`.
        """
        ...

    def margins(self, shares: Array) -> Array:
        """`[k, n]` of shares `[k, n]`, without the intercept."""
        ...


@dataclass(frozen=True, eq=False)
class InAxes:
    """Few rows or few dimensions: `x x' = axes diag(variance) axes'`, which shows the way.

    In its principal axes the curvature is nearly diagonal, and downhill is where a quadratic of
    that curvature ends.
    """

    axes: Array
    variance: Array

    @property
    def squares(self) -> float:
        """As `Rows` says."""
        return float(self.variance.sum())

    def downhill(self, gradient: Array, bend: Array, penalty: Array) -> tuple[Array, Array, Array]:
        """As `Rows` says."""
        along = gradient @ self.axes
        step = along / (bend * self.variance + penalty)
        image = (step * self.variance) @ self.axes.T
        return step @ self.axes.T, image, dots(along * along, self.variance[None])

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

    def downhill(self, gradient: Array, bend: Array, penalty: Array) -> tuple[Array, Array, Array]:
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
