"""Where features fire: their activations token by token over a corpus, read in one pass.

Only the wanted features are read and only what is not zero is kept, so what is held grows with
how often they fire. What is made of it (examples, rules, controls) is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit.features.corpus import Corpus
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor

_CELLS_AT_ONCE = 1 << 25  # of `[tokens, d_sae]` where all features are read to get at a few


@dataclass(frozen=True)
class PeakContext:
    """A sequence up to a little behind the place where a feature is most active.

    Attributes:
        ids: token ids from the start of the row, special ones among them, to the window's end.
        peak: index of the peak in `ids`.
        value: activation there.
        row: id of the row.
        start: index in `ids` where the window that people are shown begins.
    """

    ids: tuple[int, ...]
    peak: int
    value: float
    row: str
    start: int = 0


@dataclass(frozen=True, eq=False)
class FeatureTokens:
    """Activations of some features on every token of a corpus that counts.

    Tokens are numbered in the order of the corpus: row by row, position by position.

    Attributes:
        corpus: what was read.
        features: which features.
        fired: for each of them the tokens where it is active, ascending.
        values: for each of them its activations there, above zero.
    """

    corpus: Corpus
    features: tuple[int, ...]
    fired: tuple[NDArray[np.intp], ...]
    values: tuple[NDArray[np.float32], ...]

    @cached_property
    def row(self) -> NDArray[np.intp]:
        """Index of each token's row, `[n_tokens]`."""
        return np.repeat(np.arange(len(self.corpus)), [len(at) for at in self.corpus.positions])

    @cached_property
    def position(self) -> NDArray[np.intp]:
        """Position of each token in its row, `[n_tokens]`."""
        return np.array([p for at in self.corpus.positions for p in at], dtype=np.intp)

    @cached_property
    def ids(self) -> NDArray[np.intp]:
        """Token id of each token, `[n_tokens]`."""
        rows = zip(self.corpus.ids, self.corpus.positions, strict=True)
        return np.array([ids[p] for ids, at in rows for p in at], dtype=np.intp)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Number of each token's group, `[n_tokens]`."""
        _, codes = np.unique(self.corpus.groups, return_inverse=True)
        return codes.astype(np.intp)[self.row]

    def of(self, feature: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Tokens where a feature is active, and its activations there."""
        index = self.features.index(feature)
        return self.fired[index], self.values[index]

    def dense(self, feature: int) -> NDArray[np.float32]:
        """A feature's activation on every token, `[n_tokens]`."""
        at, values = self.of(feature)
        full = np.zeros(self.corpus.n_tokens, dtype=np.float32)
        full[at] = values
        return full

    def row_maximum(self, feature: int) -> NDArray[np.float32]:
        """A feature's largest activation in each row, `[n_rows]`; 0 where it is silent."""
        at, values = self.of(feature)
        most = np.zeros(len(self.corpus), dtype=np.float32)
        np.maximum.at(most, self.row[at], values)
        return most

    def maximum(self, feature: int) -> float:
        """A feature's largest activation of all; 0 where it never fires."""
        values = self.of(feature)[1]
        return float(values.max()) if len(values) else 0.0

    def context(self, feature: int, token: int, *, window: int = 16) -> PeakContext:
        """The context of a token: `window` tokens before it and half as many behind."""
        at, values = self.of(feature)
        index = int(np.searchsorted(at, token))
        value = float(values[index]) if index < len(at) and at[index] == token else 0.0
        row, peak = int(self.row[token]), int(self.position[token])
        ids = self.corpus.ids[row][: peak + window // 2 + 1]
        return PeakContext(ids, peak, value, self.corpus.rows[row], max(0, peak - window))


def feature_tokens(
    loaded: LoadedModel,
    sae: SAE,
    features: Sequence[int],
    corpus: Corpus,
    *,
    hook_name: str,
    progress: Callable[[int], None] | None = None,
) -> FeatureTokens:
    """Read some features over a corpus, the model run once and as deep as the place.

    Args:
        loaded: the model.
        sae: on the model's device.
        features: which; only their columns of the encoder are read where they can be.
        corpus: which tokens.
        hook_name: where the SAE reads.
        progress: told the tokens run so far.

    Raises:
        UsageError: the place does not exist.
        SAEError: a feature does not exist, or the place has another width.
        MeasurementError: a single row does not fit into memory.
    """
    reader = sae.reader(features)
    width = len(reader.features) if reader.sliced else sae.d_sae
    found: list[list[tuple[NDArray[Any], NDArray[Any]]]] = [[] for _ in reader.features]
    number = _numbers(corpus)
    for batch in stream(
        loaded, corpus.ids, [hook_name], positions=corpus.positions, progress=progress
    ):
        tokens = number(batch.sequence, batch.position)
        x, at_once = batch.x[hook_name], max(1, _CELLS_AT_ONCE // width)
        for first in range(0, len(batch), at_once):
            acts = reader(x[first : first + at_once]).cpu().numpy()
            for index, column in enumerate(acts.T):
                (active,) = np.nonzero(column > 0)
                found[index].append((tokens[first + active], column[active]))
    sorted_ = [_joined(parts) for parts in found]
    return FeatureTokens(
        corpus,
        reader.features,
        tuple(at for at, _ in sorted_),
        tuple(values for _, values in sorted_),
    )


def _numbers(corpus: Corpus) -> Callable[[Tensor, Tensor], NDArray[np.intp]]:
    """Token numbers of (row, position) pairs."""
    longest = max(map(len, corpus.ids), default=0)
    keys = np.concatenate(
        [row * longest + np.array(at, dtype=np.intp) for row, at in enumerate(corpus.positions)]
        or [np.empty(0, dtype=np.intp)]
    )
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]

    def number(sequence: Tensor, position: Tensor) -> NDArray[np.intp]:
        wanted = sequence.numpy() * longest + position.numpy()
        found: NDArray[np.intp] = order[np.searchsorted(in_order, wanted)]
        return found

    return number


def _joined(
    parts: Sequence[tuple[NDArray[Any], NDArray[Any]]],
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    if not parts:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
    at = np.concatenate([tokens for tokens, _ in parts]).astype(np.intp)
    values = np.concatenate([some for _, some in parts]).astype(np.float32)
    order = np.argsort(at, kind="stable")
    return at[order], values[order]
