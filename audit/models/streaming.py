"""Activations token by token, as they come out of the model: read once, never piled up.

What pools keeps one vector per row (`capture.py`); what counts, trains or searches over
tokens reads here. The unmodified model runs as deep as the deepest place that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from audit.errors import MeasurementError
from audit.models.batching import batch_tokens, is_out_of_memory, longest_first
from audit.models.capture import places_of
from audit.models.forward import evaluating, run_batch
from audit.models.hook_names import HookPoints
from audit.models.loaded import LoadedModel, device_of
from audit.models.padding import Batch, make_batch
from audit.models.quiet import quiet
from audit.models.sequences import Selection, TokenSequence

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class TokenActivations:
    """Activations of some tokens at some places, side by side.

    Attributes:
        x: for each hook name `[n, width]`, float32, on the model's device.
        sequence: `[n]`, index of each token's sequence, on the host.
        position: `[n]`, the token's position in it, on the host.
    """

    x: dict[str, Tensor]
    sequence: Tensor
    position: Tensor

    def __len__(self) -> int:
        return len(self.sequence)


def stream(
    loaded: LoadedModel,
    sequences: Sequence[Sequence[int]],
    hook_names: Sequence[str],
    *,
    positions: Sequence[Sequence[int]] | None = None,
    max_batch_tokens: int | None = None,
    order: Literal["length", "given"] = "length",
    progress: Callable[[int], None] | None = None,
) -> Iterator[TokenActivations]:
    """Run sequences and give the activations of their tokens, batch by batch.

    Args:
        loaded: the model; between batches it is as it was.
        sequences: token ids. Equal ones run as often as they are given.
        hook_names: places, in TransformerLens' words.
        positions: for each sequence which tokens are wanted, all where None. A sequence of
            which none is wanted does not run.
        max_batch_tokens: most tokens in a batch, padding included.
        order: "length" runs the longest first, with the least padding; "given" keeps the
            order of the sequences.
        progress: told the tokens run so far.

    Raises:
        UsageError: a place does not exist.
        MeasurementError: a single sequence does not fit into memory.
    """
    points = [HookPoints(loaded.model).resolve(name) for name in hook_names]
    reads = tuple(range(len(points)))
    wanted = [range(len(ids)) for ids in sequences] if positions is None else positions
    asked = [
        TokenSequence(tuple(ids), (Selection(tuple(at), reads),) if len(at) else ())
        for ids, at in zip(sequences, wanted, strict=True)
    ]
    run = [index for index, one in enumerate(asked) if one.selections]
    if order == "length":
        run = longest_first([len(one.ids) for one in asked], run)
    backends = [
        places_of(loaded.model, points, backend)
        for backend in sorted({point.backend for point in points}, reverse=True)
    ]
    device = device_of(loaded.model)
    budget = max_batch_tokens or batch_tokens(str(device), loaded.d_model)
    done = 0
    while run:
        take = how_many([len(asked[index].ids) for index in run], budget)
        batch = make_batch(asked, run[:take], frozenset(reads), "right", device)
        heard: dict[str, Tensor] = {}

        def hear(
            read: int, x: Tensor, batch: Batch = batch, heard: dict[str, Tensor] = heard
        ) -> None:
            rows, positions, mask = batch.gathers[read].on(x.device)
            heard[points[read].name] = x[rows, positions][mask].float().to(device)

        try:
            with evaluating(loaded.model), quiet():
                for model, places in backends:
                    run_batch(model, batch, places, hear)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if take == 1:
                raise MeasurementError(
                    f"out of memory on a single prompt of {len(asked[run[0]].ids)} tokens; use a "
                    "device with more memory, a smaller dtype, or shorter prompts"
                ) from None
            budget = max(len(asked[run[0]].ids), budget // 2)
            continue
        sequence, position = _tokens(asked, run[:take])
        done += sum(len(asked[index].ids) for index in run[:take])
        run = run[take:]
        if progress is not None:
            progress(done)
        # A copy, for what inference mode made can take no part in a gradient.
        yield TokenActivations({name: x.clone() for name, x in heard.items()}, sequence, position)


def how_many(lengths: Sequence[int], budget: int) -> int:
    """How many of the next sequences fit into a batch, at least one."""
    longest = 0
    for count, length in enumerate(lengths):
        longest = max(longest, length)
        if count and longest * (count + 1) > budget:
            return count
    return len(lengths)


def _tokens(asked: Sequence[TokenSequence], chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
    import torch

    at = [asked[index].selections[0].positions for index in chosen]
    sequence = torch.repeat_interleave(
        torch.tensor(list(chosen)), torch.tensor([len(positions) for positions in at])
    )
    return sequence, torch.tensor([position for positions in at for position in positions])
