"""What a capture is asked for, and what it answers. Values only; no model is known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.sae.sae import FeatureReader


@dataclass(frozen=True, slots=True)
class Read:
    """What is kept: a place, and how its selected tokens become one vector.

    Attributes:
        hook_name: where, in TransformerLens' words.
        pooling: a name that `probes.pooling.pooling` finds.
        window: tokens in a window of `max_rolling_mean`.
        reader: turns activations of tokens `[..., width]` into features `[..., n_features]`
            before they are pooled; None keeps the activations themselves.
    """

    hook_name: str
    pooling: str
    window: int = 16
    reader: FeatureReader | None = None

    def width(self, d_model: int) -> int:
        """Numbers that one pooled vector holds, where the place is as wide as the model."""
        return d_model if self.reader is None else len(self.reader.features)


@dataclass(frozen=True, slots=True)
class Selection:
    """Some tokens of one sequence, and the reads that want them.

    Attributes:
        positions: token positions, rising.
        reads: indices into the list of reads.
    """

    positions: tuple[int, ...]
    reads: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One distinct token sequence, run once whoever wants it.

    Attributes:
        ids: the tokens.
        selections: what to pool.
        next_tokens: pairs `(p, t)` whose `log P(t | ids[:p + 1])` is wanted.
    """

    ids: tuple[int, ...]
    selections: tuple[Selection, ...] = ()
    next_tokens: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        # A position beyond the end would read padding, and nobody would notice.
        last = max((selection.positions[-1] for selection in self.selections), default=0)
        assert max(last, *(p for p, _ in self.next_tokens), 0) < len(self.ids)


@dataclass(frozen=True, eq=False)
class Captured:
    """What a capture found.

    Attributes:
        vectors: for each read `[n, width]` float32, one row per selection that wants it.
        rows: for each read, the row of `(sequence, selection)`.
        log_probs: for each sequence, in the order of its `next_tokens`.
        non_finite: for each read, how many vectors hold NaN or infinity.
    """

    vectors: tuple[NDArray[np.float32], ...]
    rows: tuple[Mapping[tuple[int, int], int], ...]
    log_probs: tuple[tuple[float, ...], ...]
    non_finite: tuple[int, ...]

    def pooled(self, sequence: int, selection: int, read: int) -> NDArray[np.float32]:
        """The vector of one selection, `[width]`."""
        vector: NDArray[np.float32] = self.vectors[read][self.rows[read][sequence, selection]]
        return vector

    def matrix(self, read: int, keys: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """The vectors of many selections `(sequence, selection)`, `[n, width]`, a copy."""
        rows = self.rows[read]
        matrix: NDArray[np.float32] = self.vectors[read][[rows[key] for key in keys]]
        return matrix


def finite_rows(x: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows of `[n, width]` hold neither NaN nor infinity, `[n]`, with no copy of them."""
    # NaN outlasts every comparison, so the largest or the smallest of a row tells of it, too.
    with np.errstate(invalid="ignore"):
        largest, smallest = x.max(axis=1, initial=0), x.min(axis=1, initial=0)
    finite: NDArray[np.bool_] = np.isfinite(largest) & np.isfinite(smallest)
    return finite


def captured_bytes(sequences: Sequence[TokenSequence], reads: Sequence[Read], d_model: int) -> int:
    """Memory that the vectors of a capture take, in bytes, places being as wide as the model."""
    return sum(
        reads[read].width(d_model) * 4
        for sequence in sequences
        for selection in sequence.selections
        for read in selection.reads
        if read < len(reads)
    )
