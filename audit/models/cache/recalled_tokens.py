"""The cache before `stream`: activations token by token, of few rows and places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.models.batching import batch_tokens, longest_first
from audit.models.cache.keys import answer_key, sequence_id, token_kind
from audit.models.cache.segments import Table, table_of
from audit.models.cache.store import ModelCache
from audit.models.loaded import LoadedModel
from audit.models.streaming import TokenActivations, how_many, stream

MOST_BYTES = 2**26  # gathered before they are written

_Kept = dict[str, dict[bytes, NDArray[np.float32]]]


def recalled_stream(
    loaded: LoadedModel,
    sequences: Sequence[tuple[int, ...]],
    hook_names: Sequence[str],
    *,
    positions: Sequence[Sequence[int]] | None = None,
) -> Iterator[TokenActivations]:
    """What `stream` gives, its tokens in the same order.

    Where the cache lacks any of it all of it runs. Everything is in memory at once: this is for
    the rows that people look at, and for samples.

    Raises:
        UsageError: as `stream`.
        MeasurementError: as `stream`.
    """
    if loaded.cache is None:
        yield from _streamed(loaded, sequences, hook_names, positions)
        return
    wanted = [range(len(ids)) for ids in sequences] if positions is None else positions
    keys = [answer_key(sequence_id(ids), at) for ids, at in zip(sequences, wanted, strict=True)]
    run = [index for index, at in enumerate(wanted) if len(at)]
    kept = _find(loaded.cache, list(dict.fromkeys(keys[index] for index in run)), hook_names)
    if all(keys[index] in kept[name] for name in kept for index in run):
        order = longest_first([len(ids) for ids in sequences], run)
        budget = batch_tokens(loaded.device, loaded.d_model)
        while order:
            # In the batches of `stream`: what is computed with them has the same last bits then.
            take = how_many([len(sequences[index]) for index in order], budget)
            yield _batch(order[:take], keys, wanted, kept, loaded)
            order = order[take:]
        return
    del kept
    yield from _keeping(loaded.cache, keys, _streamed(loaded, sequences, hook_names, positions))


def _streamed(
    loaded: LoadedModel,
    sequences: Sequence[tuple[int, ...]],
    hook_names: Sequence[str],
    positions: Sequence[Sequence[int]] | None,
) -> Iterator[TokenActivations]:
    if loaded.crew is None:
        yield from stream(loaded, sequences, hook_names, positions=positions)
        return
    for _, batches in loaded.crew.each(streamed, [(sequences, hook_names, positions)]):
        yield from batches


def streamed(
    loaded: LoadedModel,
    sequences: Sequence[tuple[int, ...]],
    hook_names: Sequence[str],
    positions: Sequence[Sequence[int]] | None,
) -> list[TokenActivations]:
    """What `stream` gives, all at once, on the host."""
    batches = stream(loaded, sequences, hook_names, positions=positions)
    return [replace(one, x={name: x.cpu() for name, x in one.x.items()}) for one in batches]


def _find(cache: ModelCache, keys: list[bytes], hook_names: Sequence[str]) -> _Kept:
    """What is known of these rows, by hook name."""
    kinds = {token_kind(name): name for name in hook_names}
    kept: _Kept = {name: {} for name in hook_names}

    def took(kind: str, at: list[int], table: Table) -> None:
        for index, end, count in zip(at, table.counts.cumsum(), table.counts, strict=True):
            kept[kinds[kind]][keys[index]] = table.values[end - count : end]

    cache.find(dict.fromkeys(kinds, keys), took)
    return kept


def _batch(
    chosen: Sequence[int],
    keys: Sequence[bytes],
    wanted: Sequence[Sequence[int]],
    kept: _Kept,
    loaded: LoadedModel,
) -> TokenActivations:
    import torch

    counts = torch.tensor([len(wanted[index]) for index in chosen])
    return TokenActivations(
        {
            name: torch.from_numpy(np.concatenate([of[keys[index]] for index in chosen])).to(
                loaded.home
            )
            for name, of in kept.items()
        },
        torch.repeat_interleave(torch.tensor(list(chosen)), counts),
        torch.tensor([position for index in chosen for position in wanted[index]]),
    )


def _keeping(
    cache: ModelCache, keys: Sequence[bytes], batches: Iterator[TokenActivations]
) -> Iterator[TokenActivations]:
    """The batches as they come, each kept on its way."""
    gathered: list[tuple[list[bytes], NDArray[np.int64], dict[str, NDArray[Any]]]] = []
    size = 0
    for batch in batches:
        # Tokens of a row stand side by side, so a row begins where the index changes.
        owner = batch.sequence.numpy()
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        counts = np.diff(starts, append=len(owner))
        x = {name: values.cpu().numpy() for name, values in batch.x.items()}
        gathered.append(([keys[index] for index in owner[starts]], counts, x))
        size += sum(values.nbytes for values in x.values())
        yield batch
        if size >= MOST_BYTES:
            _add(cache, gathered)
            gathered, size = [], 0
    _add(cache, gathered)


def _add(
    cache: ModelCache,
    gathered: Sequence[tuple[list[bytes], NDArray[np.int64], Mapping[str, NDArray[Any]]]],
) -> None:
    if not gathered:
        return
    keys = [key for some, _, _ in gathered for key in some]
    counts = np.concatenate([some for _, some, _ in gathered])
    cache.add(
        {
            token_kind(name): table_of(
                keys, np.concatenate([x[name] for _, _, x in gathered]), counts
            )
            for name in gathered[0][2]
        }
    )
