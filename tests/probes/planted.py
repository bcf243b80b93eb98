"""Activations with a known answer: pairs of rows that differ along one planted direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Planted:
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    groups: NDArray[np.int64]
    direction: NDArray[np.float64]


def plant(n_pairs: int, d: int, strength: float, *, seed: int = 0) -> Planted:
    """Pairs that share a case and noise, and differ by `strength` standard deviations."""
    rng = np.random.default_rng(seed)
    direction = np.random.default_rng(99).standard_normal(d)
    direction /= np.linalg.norm(direction)
    case = rng.standard_normal((n_pairs, d)) * 0.7
    noise = rng.standard_normal((2 * n_pairs, d)) * 0.7
    y = np.tile([1, 0], n_pairs)
    x = np.repeat(case, 2, axis=0) + noise + strength * (y[:, None] - 0.5) * direction
    return Planted(x.astype(np.float32), y, np.repeat(np.arange(n_pairs), 2), direction)
