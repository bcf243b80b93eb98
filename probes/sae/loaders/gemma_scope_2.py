"""Gemma Scope 2 (Gemma 3): `params.safetensors` with lower-case names, and a `config.json`.

JumpReLU without input bias; transcoders may have an affine path. The cross-layer transcoders
and crosscoders of the release write to many places at once and are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from probes.sae.activations import JumpReLU
from probes.sae.configuration import INT, MAYBE_BOOL, MAYBE_TEXT, NONE, TEXT, Key, read_json, settle
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.places import hook_name
from probes.sae.sae import SAE, Origin, SAEError
from probes.sae.tensor_files import keys, stored_shape

_TENSORS: dict[str, Shape] = {
    "w_enc": ("d_in", "d_sae"),
    "w_dec": ("d_sae", "d_out"),
    "b_enc": ("d_sae",),
    "b_dec": ("d_out",),
    "threshold": ("d_sae",),
}
_SKIP = "affine_skip_connection"
_KEYS = {
    "architecture": Key(TEXT, allowed=("jump_relu",)),
    "hf_hook_point_in": Key(TEXT),
    "hf_hook_point_out": Key(MAYBE_TEXT, None),
    "model_name": Key(MAYBE_TEXT, None),
    "width": Key((*INT, NONE), None),
    "l0": Key((float, int, NONE), None),
    "affine_connection": Key(MAYBE_BOOL, None),
    "type": Key(MAYBE_TEXT, None, allowed=("sae", "transcoder", None)),
}
_KINDS = {
    "resid_post": ("model.layers.{}.output", None),
    "attn_out": ("model.layers.{}.self_attn.o_proj.input", None),
    "mlp_out": ("model.layers.{}.post_feedforward_layernorm.output", None),
    "transcoder": (
        "model.layers.{}.pre_feedforward_layernorm.output",
        "model.layers.{}.post_feedforward_layernorm.output",
    ),
}


def recognise(source: Source) -> str | None:
    """A safetensors file with the lower-case tensors of a JumpReLU SAE."""
    found = source.weights("*.safetensors")
    if found and keys(found[0]) >= set(_TENSORS):
        return f"{found[0].name} with {', '.join(_TENSORS)}"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the files are not what they should be, or it writes to several layers.
    """
    file = source.only("*.safetensors")
    if len(stored_shape(file, "w_dec") if "w_dec" in keys(file) else ()) > 2:
        raise SAEError(
            f"{file}: expected w_dec [d_sae, d_out], found {list(stored_shape(file, 'w_dec'))}: a "
            "cross-layer transcoder or crosscoder, which writes to several places at once"
        )
    config = source.beside("config.json")
    notes: list[str] = []
    said = settle(config, read_json(config), _KEYS) if config else _inferred(source, notes)
    stored = source.tensors(file)
    skip = _skip(config or file, said, stored)
    wanted = _TENSORS | ({_SKIP: ("d_in", "d_out")} if skip else {})
    sizes = {} if said["width"] is None else {"d_sae": int(said["width"])}
    weights = source.checked(file, stored, wanted, sizes)
    return SAE(
        weights["w_enc"],
        weights["b_enc"],
        weights["w_dec"],
        weights["b_dec"],
        JumpReLU(weights["threshold"]),
        W_skip=weights[_SKIP] if skip else None,  # stored [d_in, d_out] already
        origin=_origin(source, said, [*([config] if config else []), file], notes),
    )


def _skip(where: Path, said: dict[str, Any], stored: dict[str, Any]) -> bool:
    there = _SKIP in stored
    if said["affine_connection"] is not None and said["affine_connection"] != there:
        raise SAEError(
            f"{where}: expected {'the' if said['affine_connection'] else 'no'} tensor {_SKIP}, as "
            f"affine_connection is {str(said['affine_connection']).lower()}; found "
            f"{'it' if there else 'none'}"
        )
    return there


def _inferred(source: Source, notes: list[str]) -> dict[str, Any]:
    """What the names of folders say, where there is no configuration."""
    found = re.search(
        r"(resid_post|attn_out|mlp_out|transcoder)(?:_all)?/layer_(\d+)", source.trail
    )
    model = re.search(r"gemma-scope-2-(\d+[mb])-(pt|it)", source.trail)
    notes.append("there is no config.json; model and place are read from folder names")
    said: dict[str, Any] = dict.fromkeys(_KEYS)
    if found:
        said["hf_hook_point_in"], said["hf_hook_point_out"] = (
            module and module.format(found[2]) for module in _KINDS[found[1]]
        )
    else:
        notes.append("no folder above it says resid_post/layer_12 or the like; place unknown")
    if model:
        said["model_name"] = f"google/gemma-3-{model[1]}-{model[2]}"
    return said


def _origin(source: Source, said: dict[str, Any], used: list[Path], notes: list[str]) -> Origin:
    name = said["model_name"]
    if name is not None:
        name = (name if "/" in name else f"google/{name}").replace("gemma-v3", "gemma-3")
        # The base model of this size is published without its ending.
        name = name.replace("270m-pt", "270m")
    reads, writes = said["hf_hook_point_in"], said["hf_hook_point_out"]
    place = hook_name(reads, model_name=name) if reads else None
    out = hook_name(writes, model_name=name) if writes else None
    if reads and place is None:
        notes.append(f"the place {reads} has no plain hook name")
    return Origin(
        format="gemma_scope_2",
        path=source.given,
        digest=digest(used),
        model_name=name,
        hook_name=place,
        hook_name_out=out if writes != reads else None,
        context_size=1024,
        prepend_bos=True,
        promised_l0=None if said["l0"] is None else float(said["l0"]),
        notes=tuple(notes),
    )
