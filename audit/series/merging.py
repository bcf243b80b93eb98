"""A LoRA adapter put on its base: W + scaling * B A, on a copy of the base's modules.

Knows the names that PEFT gives to an adapter's tensors and the layers it can change. The copy
shares every weight that the adapter leaves alone, so many adapters of one base cost its memory
once. Weights that the base ties are one only while the adapter changes neither of them, as in
training. Knows neither files nor series.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.errors import MeasurementError
from audit.series.adapters import ADAPTER_CONFIG, Adapter

if TYPE_CHECKING:
    from torch import Tensor

# Older files hold the adapter's own name behind the letter.
_UPDATE = re.compile(r"(.+)\.lora_(embedding_)?([AB])(\.(?!bias$)[^.]+)??(\.weight)?")
_WHOLE = re.compile(r"(.+?)(\.base_layer)?\.weight")
_PREFIX = "base_model.model."


def must_be_plain(adapter: Adapter) -> None:
    """Refuse what is not a plain LoRA update.

    Raises:
        MeasurementError: it is of another method, or has options that change the formula.
    """
    if adapter.method != "LORA":
        found = f"is of the method {adapter.method}"
    elif adapter.beyond:
        found = f"sets {', '.join(adapter.beyond)}"
    else:
        return
    raise MeasurementError(
        f"{adapter.folder} {found}, and only a plain LoRA adapter is merged here; merge it with "
        "PEFT's merge_and_unload, save that with save_pretrained and audit the saved folder"
    )


def merge(base: Any, adapter: Adapter, tensors: Mapping[str, Tensor]) -> Any:
    """A model with the adapter in its weights; `base` is left as it is.

    Computed in float32 and rounded once to the number type of the base.

    Args:
        base: a transformers model.
        adapter: what its config asks for.
        tensors: of the adapter's file, by their names there.

    Raises:
        MeasurementError: the adapter is not plain LoRA, or it does not fit the base; every
            tensor must have a place, and every `lora_A` its `lora_B`.
    """
    must_be_plain(adapter)
    model = _sharing_copy(base)
    updates, whole = _sorted_out(model, adapter, tensors)
    if whole:
        _replace_whole(model, adapter, whole)
    for path, (a, b) in updates.items():
        module = model.get_submodule(path)
        module.weight = _parameter(_updated(module, path, adapter, a, b), module.weight)
    if _tied(base) and not _tied(model):
        model.config.get_text_config().tie_word_embeddings = False
        model.config.tie_word_embeddings = False  # or whoever ties anew undoes the merge
    return model


def _tied(model: Any) -> bool:
    head = model.get_output_embeddings()
    return head is not None and head.weight is model.get_input_embeddings().weight


def _sharing_copy(model: Any) -> Any:
    """Modules and config of its own, the tensors of `model`."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in model.parameters()}
    shared |= {id(tensor): tensor for tensor in model.buffers()}
    return copy.deepcopy(model, shared)


def _sorted_out(
    model: Any, adapter: Adapter, tensors: Mapping[str, Tensor]
) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Tensor]]:
    """The pairs A, B by the module they change, and the embeddings that are stored whole."""
    modules = dict(model.named_modules())
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    halves: dict[str, dict[str, tuple[str, Tensor]]] = {}
    whole = {}
    for key, tensor in tensors.items():
        if found := _UPDATE.fullmatch(key):
            path = _path(model, modules, found[1])
            if path is None:
                kind, inner = type(model).__name__, found[1].removeprefix(_PREFIX)
                raise _refusal(adapter, f"holds {key}, and {kind} has no module {inner}")
            kind = f"{found[2] or ''}{found[3]}"
            if kind in halves.setdefault(path, {}):
                other = halves[path][kind][0]
                raise _refusal(adapter, f"holds {other} and {key}, two updates of one module")
            halves[path][kind] = key, tensor
        elif (
            (found := _WHOLE.fullmatch(key))
            and (path := _path(model, modules, found[1]))
            and any(modules[path] is end for end in ends)
        ):
            whole[path] = tensor
        else:
            raise _refusal(adapter, f"holds the tensor {key}, which no LoRA update has")
    if not halves:
        raise _refusal(adapter, "holds no lora_A and lora_B")
    lacking = [
        path
        for path, module in modules.items()
        if path not in halves and hasattr(module, "weight") and adapter.targeted(path)
    ]
    if lacking:
        number = f"{len(lacking)} of the {len(lacking) + len(halves)} modules"
        raise _refusal(
            adapter, f"has no update for {number} that its config targets, the first {lacking[0]}"
        )
    return {path: _pair(adapter, pair) for path, pair in halves.items()}, whole


def _pair(adapter: Adapter, halves: dict[str, tuple[str, Tensor]]) -> tuple[Tensor, Tensor]:
    for first, second in (("A", "B"), ("embedding_A", "embedding_B")):
        if halves.keys() == {first, second}:
            return halves[first][1], halves[second][1]
    key = next(key for key, _ in halves.values())
    swapped = {"A": "B", "B": "A"}
    lacking = re.sub(r"(lora_(?:embedding_)?)([AB])", lambda m: m[1] + swapped[m[2]], key)
    raise _refusal(adapter, f"holds {key} without {lacking}")


def _path(model: Any, modules: dict[str, Any], written: str) -> str | None:
    """Where in the model a module of the adapter is; with or without a head above both."""
    inner, head = written.removeprefix(_PREFIX), f"{model.base_model_prefix}."
    ways = (inner, head + inner, inner.removeprefix(head))
    return next((path for path in ways if path in modules), None)


def _replace_whole(model: Any, adapter: Adapter, whole: dict[str, Tensor]) -> None:
    """Take over embeddings that training stored whole, perhaps with more tokens than the base."""
    ends = {
        path: module
        for path, module in model.named_modules()
        if module is model.get_input_embeddings() or module is model.get_output_embeddings()
    }
    rows = {path: len(tensor) for path, tensor in whole.items()}
    before = len(next(iter(ends.values())).weight)
    tied = {path: {p for p in ends if ends[p].weight is ends[path].weight} for path in ends}
    if set(rows.values()) != {before}:
        covered = set().union(*(tied[path] for path in whole))
        if len(set(rows.values())) > 1 or covered != set(ends):
            said = ", ".join(f"{path} with {n} rows" for path, n in sorted(rows.items()))
            raise _refusal(adapter, f"holds {said}, which leaves others of {before} rows behind")
        # The resizing works in place, so first on parameters of its own.
        for path, end in ends.items():
            own = _parameter(end.weight, end.weight)
            for other in tied[path]:
                ends[other].weight = own
        model.resize_token_embeddings(next(iter(rows.values())), mean_resizing=False)
    for path, tensor in whole.items():
        weight = model.get_submodule(path).weight
        if tensor.shape != weight.shape:
            raise _refusal(adapter, _shape_said(path, tensor, tuple(weight.shape)))
        parameter = _parameter(tensor, weight)
        for other in tied[path]:
            if other not in whole or whole[other].equal(tensor):
                model.get_submodule(other).weight = parameter


def _updated(module: Any, path: str, adapter: Adapter, a: Tensor, b: Tensor) -> Tensor:
    """W + scaling * B A in float32, in the layout of the module."""
    import torch
    from transformers.pytorch_utils import Conv1D

    weight = module.weight
    # A Conv1D and an embedding hold [in, out], a linear layer [out, in].
    turned = isinstance(module, Conv1D | torch.nn.Embedding)
    if not turned and not isinstance(module, torch.nn.Linear):
        kind = type(module).__name__
        raise _refusal(adapter, f"changes {path}, a {kind}, where Linear or Embedding was expected")
    if not weight.is_floating_point() or weight.element_size() < 2:
        kind = str(weight.dtype).removeprefix("torch.")
        raise _refusal(adapter, f"changes {path}, whose weights in the base are {kind}, quantised")
    stated = adapter.of_module(path)
    if stated is None:
        file = adapter.folder / ADAPTER_CONFIG
        raise MeasurementError(f"{file} states no r and lora_alpha for {path}, so no scaling")
    rank, scaling = stated
    n_in, n_out = weight.shape if turned else weight.shape[::-1]
    for half, found, expected in (("lora_A", a, (rank, n_in)), ("lora_B", b, (n_out, rank))):
        if tuple(found.shape) != expected:
            raise _refusal(adapter, _shape_said(f"{half} of {path}", found, expected))
    a, b = (half.to(weight.device, torch.float32) for half in (a, b))
    update = scaling * (b @ a)
    merged: Tensor = weight.detach().float() + (update.T if turned else update)
    return merged


def _parameter(tensor: Tensor, like: Tensor) -> Any:
    from torch.nn import Parameter

    value = tensor.detach().to(like.device, like.dtype).contiguous()
    return Parameter(value, requires_grad=like.requires_grad)


def _shape_said(what: str, found: Tensor, expected: tuple[int, ...]) -> str:
    return f"holds {what} of shape {list(found.shape)}, where {list(expected)} was expected"


def _refusal(adapter: Adapter, found: str) -> MeasurementError:
    return MeasurementError(
        f"the adapter in {adapter.folder} {found}; give with --base the model it was trained on, "
        "or merge it with PEFT's merge_and_unload and save that"
    )
