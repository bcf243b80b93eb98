"""Transcoders as circuit-tracer reads them: `layer_5.safetensors` under a `config.yaml`.

Both matrices are stored `[d_transcoder, d_model]`, so the encoder is transposed and the
decoder is not. Cross-layer transcoders write to many layers and are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from probes.sae.activations import Activation, JumpReLU, ReLU, TopK
from probes.sae.configuration import INT, MAYBE_INT, MAYBE_TEXT, NONE, TEXT, Key, read_yaml, settle
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.folding import Weights
from probes.sae.sae import SAE, Origin, SAEError
from probes.sae.tensor_files import keys

_PATTERN = "layer_*.safetensors"
_TENSORS: dict[str, Shape] = {
    "W_enc": ("d_transcoder", "d_in"),
    "b_enc": ("d_transcoder",),
    "W_dec": ("d_transcoder", "d_out"),
    "b_dec": ("d_out",),
}
_THRESHOLD = "activation_function.threshold"
_OPTIONAL: dict[str, Shape] = {"W_skip": ("d_out", "d_in"), _THRESHOLD: ("d_transcoder",)}
_KEYS = {
    "model_kind": Key(TEXT, "transcoder_set", allowed=("transcoder_set",)),
    "model_name": Key(MAYBE_TEXT, None),
    "feature_input_hook": Key(MAYBE_TEXT, None),
    "feature_output_hook": Key(MAYBE_TEXT, None),
    "activation": Key(MAYBE_TEXT, None, allowed=("relu", "jumprelu", "topk", None)),
    "k": Key((*INT, NONE), None),
    "n_layers": Key(MAYBE_INT, None),
}
_ELSEWHERE = {"scan", "repo_id", "revision", "subfolder", "transcoders", "hf_path", "dtype"}


def recognise(source: Source) -> str | None:
    """A safetensors file named like `layer_5.safetensors`, with the four tensors."""
    found = source.weights(_PATTERN)
    if found and keys(found[0]) >= set(_TENSORS):
        return f"{found[0].name} with {', '.join(_TENSORS)}"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the files are not what they should be.
    """
    file, config = source.only(_PATTERN), source.beside("config.yaml")
    said = settle(config, read_yaml(config), _KEYS, _ELSEWHERE) if config else dict.fromkeys(_KEYS)
    weights = source.checked(file, source.tensors(file), _TENSORS, optional=_OPTIONAL)
    skip = weights.get("W_skip")
    return SAE(
        weights["W_enc"].T,
        weights["b_enc"],
        weights["W_dec"],
        weights["b_dec"],
        _activation(config or file, said, weights),
        W_skip=None if skip is None else skip.T,
        origin=_origin(source, file, config, said),
    )


def _activation(where: Path, said: dict[str, Any], weights: Weights) -> Activation:
    stated = said["activation"] or ("jumprelu" if _THRESHOLD in weights else "relu")
    if (stated == "jumprelu") != (_THRESHOLD in weights):
        raise SAEError(
            f"{where}: expected the tensor {_THRESHOLD} beside the activation jumprelu alone; "
            f"found {'it' if _THRESHOLD in weights else 'none'} beside {stated}"
        )
    if stated == "jumprelu":
        return JumpReLU(weights[_THRESHOLD])
    if stated == "relu":
        return ReLU()
    size = len(weights["b_enc"])
    if said["k"] is None or not 1 <= said["k"] <= size:
        raise SAEError(f"{where}: expected k from 1 to {size} for topk, found {said['k']}")
    return TopK(said["k"])


def _origin(source: Source, file: Path, config: Path | None, said: dict[str, Any]) -> Origin:
    layer = re.fullmatch(r"layer_(\d+)\.safetensors", file.name)
    notes = [] if config else ["there is no config.yaml, so its place is not known"]
    places = [
        _hook(said[key], layer[1]) if layer and said[key] else None
        for key in ("feature_input_hook", "feature_output_hook")
    ]
    if config and None in places:
        notes.append("its places are said in words that are no hook names")
    return Origin(
        format="circuit_tracer",
        path=source.given,
        digest=digest([*([config] if config else []), file]),
        model_name=said["model_name"],
        hook_name=places[0],
        hook_name_out=places[1],
        promised_l0=float(said["k"]) if said["activation"] == "topk" else None,
        notes=tuple(notes),
    )


def _hook(said: str, layer: str) -> str | None:
    """`mlp.hook_in` or `blocks.{layer}.mlp.hook_in`; other libraries' paths are no hook names."""
    name = said.replace("{layer}", layer)
    if name.startswith("blocks."):
        return name
    return f"blocks.{layer}.{name}" if "hook_" in name else None
