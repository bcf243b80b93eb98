"""The model with one place rewritten while it runs: ablation, steering, substitution.

The edit is a function of the activations at the place; the weights are not touched, and the
hook is gone when the block ends, whatever happened inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from audit.errors import UsageError
from audit.models.batching import batch_tokens
from audit.models.forward import evaluating, per_token
from audit.models.hook_names import HookPoint, HookPoints
from audit.models.loaded import LoadedModel, device_of
from audit.models.quiet import quiet

if TYPE_CHECKING:
    from torch import Tensor

Edit: TypeAlias = "Callable[[Tensor], Tensor]"
"""`edit(x [batch, tokens, width]) -> [batch, tokens, width]`, in the model's dtype or float32."""


@contextmanager
def intervening(loaded: LoadedModel, hook_name: str, edit: Edit) -> Iterator[None]:
    """Inside the block every forward pass goes on with `edit(x)` at the place.

    Padding passes through the edit too; in a causal model nothing looks back at it from the
    left. Blocks may be nested.

    Raises:
        UsageError: the place does not exist, or only a bridge carries it.
    """
    point = HookPoints(loaded.model).resolve(hook_name)
    if point.backend != "module":
        raise UsageError(
            f"{hook_name!r} is no module's input or output, so it cannot be rewritten there"
        )
    handle = _rewrite(loaded.model.get_submodule(point.module_path), point, edit)
    try:
        yield
    finally:
        handle.remove()


def last_logits(
    loaded: LoadedModel, sequences: Sequence[Sequence[int]], *, max_batch_tokens: int | None = None
) -> Tensor:
    """Logits after the last token of each sequence, `[n, vocabulary]`, float32 on the host.

    An intervention that is open is at work. Sequences keep their order.

    Raises:
        UsageError: the model has no vocabulary head.
    """
    import torch

    found: list[Tensor | None] = [None] * len(sequences)
    for chosen, logits in _logits(loaded, sequences, max_batch_tokens):
        for row, index in enumerate(chosen):
            found[index] = logits[row, len(sequences[index]) - 1].float().cpu()
    return torch.stack([one for one in found if one is not None])


def cross_entropy(
    loaded: LoadedModel, sequences: Sequence[Sequence[int]], *, max_batch_tokens: int | None = None
) -> float:
    """Mean loss of the next token over all tokens that have one, in nats.

    An intervention that is open is at work.

    Raises:
        UsageError: the model has no vocabulary head.
    """
    import torch

    total, count = 0.0, 0
    for chosen, logits in _logits(loaded, sequences, max_batch_tokens):
        for row, index in enumerate(chosen):
            ids = torch.tensor(list(sequences[index]), device=logits.device)
            said = logits[row, : len(ids) - 1].float()
            loss = torch.nn.functional.cross_entropy(said, ids[1:], reduction="sum")
            total, count = total + float(loss), count + len(ids) - 1
    return total / count if count else float("nan")


def _logits(
    loaded: LoadedModel, sequences: Sequence[Sequence[int]], max_batch_tokens: int | None
) -> Iterator[tuple[list[int], Any]]:
    """Batches of similar length: which sequences, and their logits `[batch, tokens, vocab]`."""
    import torch

    loaded.must_speak()
    budget = max_batch_tokens or batch_tokens(str(device_of(loaded.model)), loaded.d_model)
    order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
    device = device_of(loaded.model)
    while order:
        longest = len(sequences[order[0]])
        chosen, order = order[: max(1, budget // longest)], order[max(1, budget // longest) :]
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, index in enumerate(chosen):
            ids[row, : len(sequences[index])] = torch.tensor(list(sequences[index]))
            mask[row, : len(sequences[index])] = 1
        with evaluating(loaded.model), quiet():
            output = loaded.model(
                input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False
            )
            yield chosen, output.logits


def _rewrite(module: Any, point: HookPoint, edit: Edit) -> Any:
    def edited(x: Tensor) -> Tensor:
        shape = x.shape
        flat = per_token(point.name, x, (shape[0], shape[1]))
        return edit(flat).to(x.dtype).reshape(shape)

    def before(
        module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if args:
            return (edited(args[0]), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": edited(kwargs["hidden_states"])}

    def after(module: Any, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, tuple):
            return (edited(output[0]), *output[1:])
        return edited(output)

    if point.side == "input":
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(after)
