"""Qwen-Scope: `layer5.sae.pt` with transposed matrices, TopK, no input bias.

`k` stands in the release's `config.json`, or in its name alone (`...-L0_50`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from probes.sae.activations import TopK
from probes.sae.configuration import INT, MAYBE_INT, MAYBE_TEXT, TEXT, Key, read_json, settle
from probes.sae.files import Shape, Source, digest
from probes.sae.sae import SAE, Origin, SAEError

_PATTERN = "layer*.sae.pt"
_TENSORS: dict[str, Shape] = {
    "W_enc": ("d_sae", "d_model"),
    "W_dec": ("d_model", "d_sae"),
    "b_enc": ("d_sae",),
    "b_dec": ("d_model",),
}
_KEYS = {
    "model_type": Key(TEXT, "topk_sae", allowed=("topk_sae",)),
    "k": Key(INT),
    "d_model": Key(MAYBE_INT, None),
    "d_sae": Key(MAYBE_INT, None),
    "base_model": Key(MAYBE_TEXT, None),
    "hook_point": Key(TEXT, "resid_post", allowed=("resid_post",)),
}


def recognise(source: Source) -> str | None:
    """A file named like `layer5.sae.pt`."""
    found = source.weights(_PATTERN)
    return f"{found[0].name}" if found else None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the file is not what it should be, or nothing says `k`.
    """
    file = source.only(_PATTERN)
    config = source.beside("config.json")
    keys = settle(config, read_json(config), _KEYS, {"num_layers", "dtype"}) if config else {}
    k = _k(file, keys, source.trail)
    sizes = {name: keys[name] for name in ("d_model", "d_sae") if keys.get(name)}
    weights = source.checked(file, source.tensors(file), _TENSORS, sizes)
    d_sae = len(weights["b_enc"])
    if not 1 <= k <= d_sae:
        raise SAEError(f"{file}: expected k from 1 to {d_sae}, found {k}")
    return SAE(
        weights["W_enc"].T,
        weights["b_enc"],
        weights["W_dec"].T,
        weights["b_dec"],
        TopK(k),
        origin=_origin(source, file, config, keys, k),
    )


def _k(file: Path, keys: dict[str, Any], trail: str) -> int:
    named = re.search(r"W\d+K-L0_(\d+)", trail)
    stated: int | None = keys.get("k")
    if named is None and stated is None:
        raise SAEError(
            f"{file}: expected k in a config.json beside it or in a folder's name "
            "(SAE-Res-Qwen3-1.7B-Base-W32K-L0_50), found neither"
        )
    if named and stated is not None and int(named[1]) != stated:
        raise SAEError(f"{file}: expected k {stated} as config.json says, the name says {named[1]}")
    return stated if stated is not None else int(named[1] if named else 0)


def _origin(
    source: Source, file: Path, config: Path | None, keys: dict[str, Any], k: int
) -> Origin:
    layer = re.match(r"layer(\d+)\.", file.name)
    named = re.search(r"SAE-Res-(.+?)-W\d+K-L0_", source.trail)
    notes = () if config else ("k is read from a folder's name; there is no config.json",)
    return Origin(
        format="qwen_scope",
        path=source.given,
        digest=digest([*([config] if config else []), file]),
        model_name=keys.get("base_model") or (f"Qwen/{named[1]}" if named else None),
        hook_name=f"blocks.{layer[1]}.hook_resid_post" if layer else None,
        promised_l0=float(k),
        notes=notes,
    )
