"""What each feature does over a stream of tokens: how often it fires, and how strongly by row.

Activations come in as tokens, batch by batch, and are pooled over the tokens of each row. What
is kept is sparse, so it grows with how often features fire; `[tokens, d_sae]` never exists
beyond one batch. Knows no model, no event and no group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from probes.base import Array, Floats
from probes.sae.sae import SAE, SAEError

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix
    from torch import Tensor

RowPooling = Literal["max", "mean"]
Tokens = Iterable[tuple["Tensor", Array]]

MAX_ENTRIES = 1 << 26
"""Activations of rows that are held at once: 0.8 GB, twice that while they are put in order."""

_CELLS_AT_ONCE = 1 << 25  # of `[tokens, d_sae]`: 128 MB


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """Some features over a stream of tokens.

    Attributes:
        features: their numbers, `[m]`.
        n_tokens: tokens in the stream.
        token_rate: share of the tokens on which each is active, `[m]`.
        token_mean: mean activation over all tokens, `[m]`.
        pooled: activation by row, `[n_rows, m]`; zeros are not stored. A row without tokens
            is zero.
    """

    features: range
    n_tokens: int
    token_rate: Floats
    token_mean: Floats
    pooled: csc_matrix


def read_features(
    sae: SAE,
    tokens: Tokens,
    n_rows: int,
    features: range,
    *,
    pooling: RowPooling = "max",
    max_entries: int = MAX_ENTRIES,
) -> FeatureRows:
    """Read a range of features in one pass, or the lower part of it where memory ends.

    Where more than `max_entries` activations of rows would have to be held, the upper half of
    the features is let go, as often as it takes. One feature never needs more than `n_rows`.

    Args:
        sae: on the device of the tokens.
        tokens: pairs of activations `[n, d_in]` and the row of each token `[n]`, in
            0..n_rows-1. Tokens of a row may come in several batches.
        n_rows: rows in the stream.
        features: which; the first of them is always read.
        pooling: how the tokens of a row become one activation.
        max_entries: how many activations of rows are held.

    Raises:
        SAEError: no token, an unknown pooling, or activations of another width.
    """
    import torch

    if pooling not in ("max", "mean"):
        raise SAEError(f"features are pooled by max or mean over a row's tokens, not {pooling!r}")
    whole = len(features) == sae.d_sae
    encode: Any = sae.encode if whole else sae.reader(features)
    width = len(features)
    fires = np.zeros(width)
    total = np.zeros(width)
    counts = np.zeros(n_rows, dtype=np.int64)
    entries: list[tuple[Array, Array, Array]] = []
    held = 0
    for x, rows in tokens:
        at_once = max(1, _CELLS_AT_ONCE // sae.d_sae)
        for first in range(0, len(rows), at_once):
            acts = encode(x[first : first + at_once])[:, :width]
            numbers, lengths = _runs(rows[first : first + at_once])
            np.add.at(counts, numbers, lengths)
            parts = acts.split(lengths.tolist())
            sums = torch.stack([p.sum(dim=0) for p in parts])
            # No activation is below zero, and counting is faster run by run.
            active = torch.stack([p.count_nonzero(dim=0) for p in parts])
            fires += active.sum(dim=0).cpu().numpy()
            total += sums.double().sum(dim=0).cpu().numpy()
            by_row = torch.stack([p.amax(dim=0) for p in parts]) if pooling == "max" else sums
            at, of = torch.nonzero(by_row, as_tuple=True)
            entries.append(
                (
                    numbers[at.cpu().numpy()].astype(np.int32),
                    of.cpu().numpy().astype(np.int32),
                    by_row[at, of].float().cpu().numpy(),
                )
            )
            held += len(at)
        while held > max_entries and width > 1:
            width = (width + 1) // 2
            fires, total = fires[:width], total[:width]
            entries = [_below(entry, width) for entry in entries]
            held = sum(len(values) for _, _, values in entries)
    n_tokens = int(counts.sum())
    if n_tokens == 0:
        raise SAEError("there is no token to read features on")
    return FeatureRows(
        features[:width],
        n_tokens,
        fires / n_tokens,
        total / n_tokens,
        _pooled(entries, (n_rows, width), counts, pooling),
    )


def feature_rows(
    sae: SAE,
    tokens: Callable[[], Tokens],
    n_rows: int,
    *,
    pooling: RowPooling = "max",
    max_entries: int = MAX_ENTRIES,
) -> Iterator[FeatureRows]:
    """Read all features, in as many ranges as memory needs; nearly always one.

    Arguments and errors as in `read_features`, but that `tokens` is called once for each range.

    Yields:
        Ranges of features, together all of them, rising.
    """
    start = 0
    while start < sae.d_sae:
        part = read_features(
            sae,
            tokens(),
            n_rows,
            range(start, sae.d_sae),
            pooling=pooling,
            max_entries=max_entries,
        )
        yield part
        start = part.features.stop


def some_feature_rows(
    sae: SAE, tokens: Tokens, n_rows: int, features: Iterable[int], *, pooling: RowPooling = "max"
) -> Floats:
    """Pooled activations of a few features, `[n_rows, n_features]`, as `feature_rows` has them."""
    chosen = tuple(features)
    reader = sae.reader(chosen)
    width = len(chosen) if reader.sliced else sae.d_sae
    found = np.zeros((n_rows, len(chosen)))
    counts = np.zeros(n_rows)
    for x, rows in tokens:
        at_once = max(1, _CELLS_AT_ONCE // max(width, 1))
        for first in range(0, len(rows), at_once):
            part = rows[first : first + at_once]
            acts = reader(x[first : first + at_once]).double().cpu().numpy()
            if pooling == "max":
                np.maximum.at(found, part, acts)
            else:
                np.add.at(found, part, acts)
            counts += np.bincount(part, minlength=n_rows)
    return found if pooling == "max" else found / np.maximum(counts, 1)[:, None]


def _runs(rows: Array) -> tuple[Array, Array]:
    """Neighbours of one row: its number, and how many they are."""
    rows = np.asarray(rows)
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    return rows[starts], np.diff(np.append(starts, len(rows)))


def _below(entry: tuple[Array, Array, Array], width: int) -> tuple[Array, Array, Array]:
    rows, features, values = entry
    keep = features < width
    return rows[keep], features[keep], values[keep]


def _pooled(
    entries: list[tuple[Array, Array, Array]],
    shape: tuple[int, int],
    counts: Array,
    pooling: RowPooling,
) -> csc_matrix:
    """One entry for each row and feature; a row that came in parts is put together."""
    from scipy.sparse import csc_matrix

    rows = np.concatenate([entry[0] for entry in entries])
    features = np.concatenate([entry[1] for entry in entries])
    values = np.concatenate([entry[2] for entry in entries])
    key = features.astype(np.int64) * shape[0] + rows
    order = np.argsort(key, kind="stable")
    rows, features, values, key = rows[order], features[order], values[order], key[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.empty(0, int)
    if len(first) < len(key):
        combine = np.maximum if pooling == "max" else np.add
        values = combine.reduceat(values, first)
        rows, features = rows[first], features[first]
    if pooling == "mean":
        values = values / counts[rows].astype(np.float32)
    starts = np.searchsorted(features, np.arange(shape[1] + 1))
    return csc_matrix((values, rows, starts), shape=shape)
