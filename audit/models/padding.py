"""Some token sequences as one padded batch, with the tokens that each read wants of it.

Knows tensors and padding. Which model runs it, and what becomes of it, is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.models.sequences import TokenSequence

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PaddingSide = Literal["right", "left"]


@dataclass(frozen=True, eq=False)
class Gather:
    """The tokens that one read wants of a batch, side by side.

    Attributes:
        rows: `[m, 1]` row in the batch.
        positions: `[m, tokens]` position in the row, padding included.
        mask: `[m, tokens]` bool, False where a selection is shorter than the longest.
        keys: `(sequence, selection)` of each.
        whole: every token of every row is wanted, so that nothing need be picked.
    """

    rows: Tensor
    positions: Tensor
    mask: Tensor
    keys: tuple[tuple[int, int], ...]
    whole: bool = False

    def picked(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The wanted of `[batch, tokens, width]`, `[m, tokens, width]`, and their mask there."""
        rows, positions, mask = self.on(x.device)
        return (x if self.whole else x[rows, positions]), mask

    def on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Rows, positions and mask on a device: a model may be spread over several."""
        return self.rows.to(device), self.positions.to(device), self.mask.to(device)


@dataclass(frozen=True, eq=False)
class Batch:
    """Padded sequences.

    Attributes:
        input_ids: `[batch, tokens]`.
        attention_mask: `[batch, tokens]`, None where nothing is padded.
        position_ids: `[batch, tokens]`, None where they are 0, 1, 2, ...
        gathers: for each read that wants something.
        next_rows: `[k]` row of each distinct position whose next token is wanted.
        next_positions: `[k]` that position.
        targets: for each wanted log-probability `(sequence, index into k, token)`.
    """

    input_ids: Tensor
    attention_mask: Tensor | None
    position_ids: Tensor | None
    gathers: dict[int, Gather]
    next_rows: Tensor
    next_positions: Tensor
    targets: tuple[tuple[int, int, int], ...]


def make_batch(
    sequences: Sequence[TokenSequence],
    indices: Sequence[int],
    reads: frozenset[int],
    side: PaddingSide,
    device: torch.device,
    *,
    predict: bool = False,
) -> Batch:
    """The sequences at `indices` as one batch on the device.

    It holds what `reads` want of them, and with `predict` which next tokens are wanted.
    """
    import torch

    lengths = np.array([len(sequences[index].ids) for index in indices])
    width = int(lengths.max())
    shifts = width - lengths if side == "left" else np.zeros_like(lengths)
    at = np.arange(width)
    mask = (at >= shifts[:, None]) & (at < (shifts + lengths)[:, None])
    ids = np.zeros(mask.shape, dtype=np.int64)
    ids[mask] = np.concatenate([sequences[index].ids for index in indices])
    positions = np.maximum(at - shifts[:, None], 0)
    padded = not mask.all()
    rows, places, targets = _next_tokens(sequences, indices if predict else (), shifts)

    def moved(array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(device, non_blocking=True)

    return Batch(
        input_ids=moved(ids),
        attention_mask=moved(mask.astype(np.int64)) if padded else None,
        position_ids=moved(positions) if padded and side == "left" else None,
        gathers=_gathers(sequences, indices, reads, shifts, moved),
        next_rows=moved(rows),
        next_positions=moved(places),
        targets=targets,
    )


def _gathers(
    sequences: Sequence[TokenSequence],
    indices: Sequence[int],
    reads: frozenset[int],
    shifts: NDArray[Any],
    moved: Callable[[NDArray[Any]], Tensor],
) -> dict[int, Gather]:
    """What each read wants; reads that want the same tokens share the tensors."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    for row, index in enumerate(indices):
        for number, selection in enumerate(sequences[index].selections):
            for read in selection.reads:
                if read in reads:
                    wanted.setdefault(read, []).append((row, number))
    made: dict[tuple[tuple[int, int], ...], Gather] = {}
    result = {}
    for read, items in wanted.items():
        key = tuple(items)
        if key not in made:
            made[key] = _gather(sequences, indices, items, shifts, moved)
        result[read] = made[key]
    return result


def _gather(
    sequences: Sequence[TokenSequence],
    indices: Sequence[int],
    items: Sequence[tuple[int, int]],
    shifts: NDArray[Any],
    moved: Callable[[NDArray[Any]], Tensor],
) -> Gather:
    chosen = [sequences[indices[row]].selections[number].positions for row, number in items]
    lengths = np.array([len(positions) for positions in chosen])
    mask = np.arange(lengths.max()) < lengths[:, None]
    positions = np.zeros(mask.shape, dtype=np.int64)
    positions[mask] = np.concatenate(chosen)
    rows = np.array([row for row, _ in items], dtype=np.int64)
    return Gather(
        rows=moved(rows[:, None]),
        positions=moved(positions + shifts[rows][:, None]),
        mask=moved(mask),
        keys=tuple((indices[row], number) for row, number in items),
        whole=_is_whole(chosen, rows, shifts, [len(sequences[index].ids) for index in indices]),
    )


def _is_whole(
    chosen: Sequence[Sequence[int]],
    rows: NDArray[Any],
    shifts: NDArray[Any],
    lengths: Sequence[int],
) -> bool:
    """Whether the selections are all tokens of all rows, in their order, padded on the right."""
    return (
        not shifts.any()
        and rows.tolist() == list(range(len(lengths)))
        and all(len(at) == length for at, length in zip(chosen, lengths, strict=True))
    )


def _next_tokens(
    sequences: Sequence[TokenSequence], indices: Sequence[int], shifts: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], tuple[tuple[int, int, int], ...]]:
    """The distinct positions to predict from, and which token is wanted at which."""
    numbers: dict[tuple[int, int], int] = {}
    targets = []
    for row, index in enumerate(indices):
        for position, token in sequences[index].next_tokens:
            number = numbers.setdefault((row, position + int(shifts[row])), len(numbers))
            targets.append((index, number, token))
    places = np.array(list(numbers), dtype=np.int64).reshape(-1, 2)
    return places[:, 0].copy(), places[:, 1].copy(), tuple(targets)
