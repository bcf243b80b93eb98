"""TransformerLens' names for places in a model, found in the unmodified Hugging Face model.

transformer-lens describes each architecture by an adapter: which module is the block, which
the norms, and what a name such as `hook_resid_mid` stands for. We read that description and
nothing else of it, so the model that is measured stays as it was loaded. Names that no
module's input or output carries are left to `bridge.py`. What happens at a place is not
known here.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from weakref import WeakKeyDictionary

from audit.errors import UsageError, did_you_mean

Backend = Literal["module", "bridge"]

# In the order in which a forward pass comes by.
SITES = ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")
_IN_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
# [batch, head, query, key]: no vector belongs to a token, and its width is the prompt's length.
_NO_VECTOR_PER_TOKEN = ("hook_pattern", "hook_attn_scores", "hook_attn_pattern")


_COMPONENTS: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class HookPoint:
    """A place: the input or the output of one module.

    Attributes:
        name: the hook name.
        layer: block it belongs to, None for the embedding.
        module_path: path in the Hugging Face model; for a place of the bridge its own name.
        side: which tensor of the module.
        order: how deep in the forward pass, for comparison only.
        backend: `module`, or `bridge` where only TransformerLens' own modules carry it.
    """

    name: str
    layer: int | None
    module_path: str
    side: Literal["input", "output"]
    order: int
    backend: Backend = "module"


def layer_at(depth: float, n_layers: int) -> int:
    """The block at a relative depth: 0 is the first, 1 the last."""
    return round(depth * (n_layers - 1))


class HookPoints:
    """The places of one model, by name.

    Raises:
        UsageError: transformer-lens has no adapter for the architecture.
    """

    def __init__(self, model: Any) -> None:
        config = model.config.get_text_config()
        self.n_layers: int = int(config.num_hidden_layers)
        self.d_model: int = int(config.hidden_size)
        self._model = model
        if model not in _COMPONENTS:  # slow to build, and asked for at every turn
            _COMPONENTS[model] = adapter_of(model).component_mapping
        self._components = _COMPONENTS[model]

    def names(self) -> list[str]:
        """Every place that a module carries, in the order of the forward pass."""
        candidates = ["hook_embed"] + [
            f"blocks.{layer}.hook_{site}" for layer in range(self.n_layers) for site in SITES
        ]
        return [name for name in candidates if self._in_module(name) is not None]

    def resolve(self, name: str) -> HookPoint:
        """The place with this name.

        Raises:
            UsageError: there is none; the message offers the nearest that exists.
        """
        point = self._in_module(name)
        if point is not None:
            return point
        self._refuse_known_gaps(name)
        if name in self._bridge_names:
            block = _IN_BLOCK.match(name)
            layer = int(block[1]) if block else None
            order = self.n_layers * 10 if layer is None else 10 * layer + 10
            return HookPoint(name, layer, name, "output", order, "bridge")
        hint = did_you_mean(name, self.names()) or did_you_mean(name, self._bridge_names)
        raise UsageError(f"{self._what} has no place named {name!r}{hint}")

    @property
    def _what(self) -> str:
        return type(self._model).__name__

    @cached_property
    def _bridge_names(self) -> frozenset[str]:
        from audit.models.bridge import bridge_names

        return bridge_names(self._model)

    def _refuse_known_gaps(self, name: str) -> None:
        block = _IN_BLOCK.fullmatch(name)
        if block and int(block[1]) >= self.n_layers:
            raise UsageError(
                f"{name!r} asks for block {int(block[1])}, but {self._what} has "
                f"{self.n_layers} blocks, 0 to {self.n_layers - 1}"
            )
        if name.endswith(_NO_VECTOR_PER_TOKEN):
            raise UsageError(
                f"{name!r} holds a weight for every pair of tokens, not a vector of fixed width "
                "for each token, so there is nothing to pool; read hook_z or hook_attn_out"
            )
        if block and block[2] == "hook_resid_mid":
            raise UsageError(
                f"{self._what} has no {name!r}: its blocks have no residual stream between "
                "attention and MLP (both read the same one, or there is only one of them); "
                "read hook_resid_pre or hook_resid_post"
            )

    def _in_module(self, name: str) -> HookPoint | None:
        if name == "hook_embed":
            return self._embedding()
        block = _IN_BLOCK.fullmatch(name)
        if block is None or block[2].removeprefix("hook_") not in SITES:
            return None
        layer = int(block[1])
        blocks = self._components["blocks"]
        target = blocks.hook_aliases.get(block[2])
        if layer >= self.n_layers or not isinstance(target, str):
            return None
        place = _follow(blocks, target, f"{blocks.name}.{layer}")
        if place is None or not blocks.hook_out_is_single_residual_stream:
            return None
        order = 1 + len(SITES) * layer + SITES.index(block[2].removeprefix("hook_"))
        return self._point(name, layer, *place, order)

    def _embedding(self) -> HookPoint | None:
        # A norm right after the table belongs to the embedding (Bloom, BERT).
        for key in ("embed_ln", "embed"):
            if key in self._components:
                path = self._components[key].name
                return self._point("hook_embed", None, path, "output", 0)
        return None

    def _point(
        self, name: str, layer: int | None, path: str, side: Literal["input", "output"], order: int
    ) -> HookPoint | None:
        # Adapters describe the model with its head; a base model lacks the first step.
        for candidate in (path, path.removeprefix(f"{self._model.base_model_prefix}.")):
            try:
                self._model.get_submodule(candidate)
            except AttributeError:
                continue
            return HookPoint(name, layer, candidate, side, order)
        return None


def adapter_of(model: Any) -> Any:
    """transformer-lens' description of the model's architecture.

    Raises:
        UsageError: it has none.
    """
    import torch
    from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_config_from_hf

    architecture = architecture_name(model)
    config = build_bridge_config_from_hf(model.config, architecture, "audited", torch.float32)
    adapter = ArchitectureAdapterFactory.select_architecture_adapter(config)
    if not adapter.component_mapping or "blocks" not in adapter.component_mapping:
        raise UsageError(f"{architecture} is not one stack of blocks, so hook names do not apply")
    return adapter


def architecture_name(model: Any) -> str:
    """The name under which transformer-lens knows the model's architecture.

    Raises:
        UsageError: it does not know it.
    """
    from transformer_lens.model_bridge.sources._hf_format import (
        determine_architecture_from_hf_config,
    )

    name = type(model).__name__
    config = copy.copy(model.config)
    config.architectures = [name]  # the class that runs, whatever the checkpoint was saved from
    try:
        return str(determine_architecture_from_hf_config(config))
    except ValueError:
        raise UsageError(
            f"transformer-lens has no adapter for {name}, so its places have no hook names"
        ) from None


def _follow(block: Any, target: str, path: str) -> tuple[str, Literal["input", "output"]] | None:
    """Walk `ln2.hook_in` down the adapter's components to a module path and a side."""
    *steps, hook = target.split(".")
    component = block
    for step in steps:
        if step not in component.submodules:
            return None
        component = component.submodules[step]
        if component.name is not None:
            path = f"{path}.{component.name}"
    if hook not in ("hook_in", "hook_out"):
        return None
    return path, "input" if hook == "hook_in" else "output"
