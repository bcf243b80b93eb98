"""Where the vector of each selection lies, in eight bytes a selection.

A dict from pairs to rows would take two hundred, a fifth of a small model's vector.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

import numpy as np


class RowIndex(Mapping[tuple[int, int], int]):
    """The row of each `(sequence, selection)` that was entered, in the order of entering."""

    def __init__(self, sizes: Iterable[int]) -> None:
        """Nothing is entered yet; `sizes` says how many selections each sequence has."""
        self._first = array("i", accumulate(sizes, initial=0))
        self._row = array("i", [-1]) * self._first[-1]
        self._entered = 0

    def enter(self, key: tuple[int, int]) -> None:
        """Give a selection the next row, unless it has one."""
        place = self._place(key)
        if self._row[place] < 0:
            self._row[place] = self._entered
            self._entered += 1

    def __getitem__(self, key: tuple[int, int]) -> int:
        row = self._row[self._place(key)]
        if row < 0:
            raise KeyError(key)
        return row

    def __iter__(self) -> Iterator[tuple[int, int]]:
        first, row = np.array(self._first), np.array(self._row)
        places = np.argsort(row, kind="stable")[len(row) - self._entered :]
        sequences = np.searchsorted(first, places, side="right") - 1
        return zip(sequences.tolist(), (places - first[sequences]).tolist(), strict=True)

    def __len__(self) -> int:
        return self._entered

    def _place(self, key: tuple[int, int]) -> int:
        sequence, selection = key
        if 0 <= sequence < len(self._first) - 1 and selection >= 0:
            place = self._first[sequence] + selection
            if place < self._first[sequence + 1]:
                return place
        raise KeyError(key)
