"""Which characters each token of a row stands for, in eight bytes a token.

As tuples they would be most of what an audit keeps of a row, a hundred bytes a token.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import overload

_PAIR = struct.Struct("=ii")


@dataclass(frozen=True, slots=True)
class Offsets(Sequence[tuple[int, int]]):
    """Characters `[start, end)` of each token; make one with `packed`."""

    _bytes: bytes

    def __len__(self) -> int:
        return len(self._bytes) // _PAIR.size

    @overload
    def __getitem__(self, at: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, at: slice) -> Offsets: ...
    def __getitem__(self, at: int | slice) -> tuple[int, int] | Offsets:
        if isinstance(at, slice):
            return packed(self[index] for index in range(*at.indices(len(self))))
        index = range(len(self))[at]
        start, end = _PAIR.unpack_from(self._bytes, index * _PAIR.size)
        return start, end


def packed(pairs: Iterable[tuple[int, int]]) -> Offsets:
    """The offsets of a row's tokens."""
    flat = list(chain.from_iterable(pairs))
    return Offsets(struct.pack(f"={len(flat)}i", *flat))
