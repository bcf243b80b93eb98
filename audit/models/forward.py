"""One batch through the model: listen at places, stop at the deepest, narrow the vocabulary.

Knows torch modules and hooks. Hooks and training flags are undone whatever happens.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from audit.errors import MeasurementError, UsageError
from audit.models.padding import Batch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Place:
    """A module to listen at, and the reads that hear it.

    Attributes:
        name: the hook name.
        module: a `torch.nn.Module`.
        side: which tensor of it.
        reads: indices of the reads.
    """

    name: str
    module: Any
    side: Literal["input", "output"]
    reads: tuple[int, ...]


class _NothingDeeper(BaseException):
    """Ends a forward pass. No `Exception`, so that nothing in a model can catch it."""


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Eval mode and no gradients inside; afterwards every module trains again that did."""
    import torch

    training = [module for module in model.modules() if module.training]
    if training:
        model.eval()
    try:
        # Not inference mode: what a model keeps of this pass (sharded weights, rotary tables)
        # must be of use to the training that goes on after it.
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def run_batch(
    model: Any,
    batch: Batch,
    places: Sequence[Place],
    hear: Callable[[int, Tensor], None],
) -> Tensor | None:
    """Run a batch as far as it is needed.

    Args:
        model: a transformers model in eval mode.
        batch: what to run, and what its reads want.
        places: where to listen; those that no read of the batch wants are passed over.
        hear: called once for each wanted read with `[batch, tokens, width]`.

    Returns:
        Logits `[k, vocabulary]` at the wanted positions, None where the batch wants none.

    Raises:
        MeasurementError: the forward pass did not come by a wanted place.
        UsageError: a place holds no vector per token.
    """
    waiting = {
        place.name: [read for read in place.reads if read in batch.gathers] for place in places
    }
    waiting = {name: reads for name, reads in waiting.items() if reads}
    to_the_end = len(batch.targets) > 0
    shape = tuple(batch.input_ids.shape)

    def arrived(place: Place, tensor: Tensor) -> None:
        # A module that runs twice (weights shared between layers) is heard once.
        reads = waiting.pop(place.name, ())
        for read in reads:
            hear(read, per_token(place.name, tensor, shape))
        if reads and not waiting and not to_the_end:
            raise _NothingDeeper

    logits = None
    with _listening([place for place in places if place.name in waiting], arrived):
        try:
            if to_the_end:
                logits = _logits(model, batch)
            else:
                model(**_inputs(model, batch))
        except _NothingDeeper:
            pass
    if waiting:
        raise MeasurementError(
            f"the forward pass of {type(model).__name__} did not come by {', '.join(waiting)}"
        )
    return logits


def per_token(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The tensor of a place as `[batch, tokens, width]`, heads side by side."""
    if tensor.ndim == 2 and tensor.shape[0] == shape[0] * shape[1]:
        return tensor.reshape(*shape, -1)  # some blocks fold batch and tokens into one
    if tensor.ndim < 3 or tuple(tensor.shape[:2]) != shape:
        raise UsageError(
            f"{name!r} is {list(tensor.shape)} for a batch of {list(shape)} tokens: "
            "not one vector for each token, so there is nothing to pool"
        )
    return tensor.flatten(2)


@contextmanager
def _listening(places: Sequence[Place], arrived: Callable[[Place, Tensor], None]) -> Iterator[None]:
    handles = []
    try:
        for place in places:
            if place.side == "input":
                handles.append(
                    place.module.register_forward_pre_hook(
                        _before(place, arrived), with_kwargs=True
                    )
                )
            else:
                handles.append(place.module.register_forward_hook(_after(place, arrived)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _before(place: Place, arrived: Callable[[Place, Tensor], None]) -> Callable[..., None]:
    def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        arrived(place, args[0] if args else kwargs["hidden_states"])

    return hook


def _after(place: Place, arrived: Callable[[Place, Tensor], None]) -> Callable[..., None]:
    def hook(module: Any, args: tuple[Any, ...], output: Any) -> None:
        arrived(place, output[0] if isinstance(output, tuple) else output)

    return hook


def _inputs(model: Any, batch: Batch) -> dict[str, Any]:
    """Arguments of the forward pass, of those that this model takes."""
    takes = inspect.signature(model.forward).parameters.values()
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes)
    named = {parameter.name for parameter in takes}
    inputs: dict[str, Any] = {"input_ids": batch.input_ids}
    for extra in ("use_cache", "output_hidden_states"):  # a config may ask for them; we do not
        if anything or extra in named:
            inputs[extra] = False
    if batch.attention_mask is not None and "attention_mask" in named:
        inputs["attention_mask"] = batch.attention_mask
    if batch.position_ids is not None and "position_ids" in named:
        inputs["position_ids"] = batch.position_ids
    return inputs


def _logits(model: Any, batch: Batch) -> Tensor:
    """Logits at the wanted positions, `[k, vocabulary]`; nowhere else are they computed."""
    head = model.get_output_embeddings()
    rows, positions = batch.next_rows, batch.next_positions
    narrowed = False

    def narrow(module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal narrowed
        narrowed = True
        hidden = per_token("the vocabulary head", args[0], tuple(batch.input_ids.shape))
        at = rows.to(hidden.device), positions.to(hidden.device)
        return (hidden[at][None], *args[1:])

    handle = head.register_forward_pre_hook(narrow)
    try:
        logits: Tensor = model(**_inputs(model, batch))[0]
    finally:
        handle.remove()
    # A model that multiplies by the head's weight itself never calls the head.
    return logits[0] if narrowed else logits[rows.to(logits.device), positions.to(logits.device)]
