"""Two halves of the groups: one chooses what to look at, the other says what it is worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def selection_half(
    groups: NDArray[np.str_], event: NDArray[np.bool_] | None, *, seed: int = 0
) -> NDArray[np.bool_]:
    """Which rows choose, `[n]`; the others test.

    Groups stay whole. Groups with the event in them are halved by themselves, so that both
    halves have some where there are two.

    Args:
        groups: `[n]`.
        event: `[n]`, None where nothing is known.
        seed: of the draw.
    """
    names, codes = np.unique(groups, return_inverse=True)
    with_event = np.zeros(len(names), dtype=bool)
    if event is not None:
        with_event[codes[event]] = True
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(names), dtype=bool)
    for some in (np.flatnonzero(with_event), np.flatnonzero(~with_event)):
        chosen[rng.permutation(some)[: len(some) // 2]] = True
    found: NDArray[np.bool_] = chosen[codes]
    return found
