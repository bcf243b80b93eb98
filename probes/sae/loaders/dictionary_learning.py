"""dictionary_learning: `ae.pt` under a `config.json` that names the class.

Seven classes, each with its own names, orientation and input bias. Formulas: the classes'
`encode` and `decode`; scale of activations as their own `from_pretrained` gives it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from probes.sae.configuration import (
    INT,
    MAYBE_INT,
    MAYBE_TEXT,
    NONE,
    TEXT,
    Key,
    read_json,
    settle,
    words,
)
from probes.sae.files import Source, digest, integer
from probes.sae.loaders.dictionary_learning_classes import CLASSES, Kind
from probes.sae.loaders.folding import Weights, fold_decoder_norm
from probes.sae.sae import SAE, Origin, SAEError

_PATTERNS = ("ae.pt", "ae_*.pt", "checkpoints/ae_*.pt")
_TRAINER = {
    "dict_class": Key(TEXT),
    "activation_dim": Key(INT),
    "dict_size": Key(INT),
    "layer": Key((int, str, NONE), None),
    "lm_name": Key(MAYBE_TEXT, None),
    "submodule_name": Key(MAYBE_TEXT, None),
    "k": Key(MAYBE_INT, None),
    "target_l0": Key((float, int, NONE), None),
}
_TRAINING = words("""
    trainer_class lr steps auxk_alpha warmup_steps decay_start threshold_beta threshold_start_step
    top_k_aux seed device wandb_name group_fractions group_weights group_sizes l1_penalty
    sparsity_penalty sparsity_warmup_steps sparsity_function sparsity_queue_length p_start p_end
    anneal_start anneal_end n_sparsity_updates resample_steps bandwidth norm_factor l0_penalty
    """)
_BUFFER = {"ctx_len": Key(MAYBE_INT, None), "io": Key(MAYBE_TEXT, None)}
_BUFFERING = words("""
    d_submodule n_ctxs refresh_batch_size out_batch_size device layer remove_bos
    add_special_tokens max_activation_norm_multiple dtype n_init_batches
    """)


def recognise(source: Source) -> str | None:
    """`ae.pt` under a `config.json` whose trainer names a class."""
    found = source.weights(*_PATTERNS)
    config = _config(source)
    if found and config is not None and _trainer(config) is not None:
        return f"{found[0].name} and config.json with a trainer's dict_class"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the files are not what they should be.
    """
    file = source.only("ae.pt") if source.weights("ae.pt") else source.only(*_PATTERNS)
    config = _config(source)
    if config is None:
        raise SAEError(f"{source.folder}: expected config.json, found {source.listing()}")
    trainer, buffer = _settled(config)
    kind = CLASSES[trainer["dict_class"]]
    found = source.tensors(file)
    _refuse_interrupted(file, found)
    sizes = {name: trainer[name] for name in ("activation_dim", "dict_size")}
    k = _k(file, found, trainer) if kind.sparse else None
    tensors = source.checked(
        file,
        {name: tensor for name, tensor in found.items() if name not in kind.whole},
        {name: shape for name, shape in kind.tensors.items() if name not in kind.optional},
        sizes,
        optional={name: kind.tensors[name] for name in kind.optional},
    )
    weights = _oriented(tensors, kind, sizes["dict_size"])
    notes: list[str] = []
    if trainer["dict_class"] == "AutoEncoder":
        weights = _as_from_pretrained(weights, notes)
    origin = _origin(source, trainer, buffer, notes)
    return SAE(
        weights["W_enc"],
        weights["b_enc"],
        weights["W_dec"],
        weights["b_dec"],
        kind.activation(file, weights, k),
        apply_b_dec_to_input=kind.pre_bias,
        origin=replace(
            origin,
            digest=digest([config, file]),
            promised_l0=float(k) if k is not None else trainer["target_l0"],
        ),
    )


def _config(source: Source) -> Path | None:
    """Checkpoints lie one folder below their configuration."""
    for folder in (source.folder, source.folder.parent):
        if (folder / "config.json").is_file():
            return folder / "config.json"
        if source.folder.name != "checkpoints":
            return None
    return None


def _trainer(config: Path) -> Mapping[str, Any] | None:
    trainer = read_json(config).get("trainer")
    return trainer if isinstance(trainer, dict) and "dict_class" in trainer else None


def _settled(config: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    whole = settle(
        config, read_json(config), {"trainer": Key((dict,)), "buffer": Key((dict, NONE), None)}
    )
    keys = _TRAINER | {"dict_class": Key(TEXT, allowed=tuple(CLASSES))}
    trainer = settle(config, whole["trainer"], keys, _TRAINING, where="trainer.")
    buffer = settle(config, whole["buffer"] or {}, _BUFFER, _BUFFERING, where="buffer.")
    return trainer, buffer


def _refuse_interrupted(file: Path, found: Mapping[str, Any]) -> None:
    if "ae" in found and "optimizer" in found:
        raise SAEError(
            f"{file}: expected the tensors of a finished SAE, found the backup of an interrupted "
            f"run at step {found.get('step')}, whose biases are not yet in the model's units "
            f"(norm_factor {found.get('norm_factor')}); finish the run"
        )


def _k(file: Path, found: Mapping[str, Any], trainer: Mapping[str, Any]) -> int:
    """K stands in the file, or in the configuration, and both must say the same."""
    k = trainer["k"] if "k" not in found and trainer["k"] else integer(file, "k", found)
    if trainer["k"] is not None and trainer["k"] != k:
        raise SAEError(f"{file}: expected k {trainer['k']} as config.json says, found {k}")
    if not 1 <= k <= trainer["dict_size"]:
        raise SAEError(f"{file}: expected k from 1 to {trainer['dict_size']}, found {k}")
    return int(k)


def _oriented(tensors: Weights, kind: Kind, d_sae: int) -> Weights:
    encoder, decoder = kind.names
    weights = dict(tensors)
    if "encoder.weight" in tensors:
        weights |= {"W_enc": tensors["encoder.weight"].T, "W_dec": tensors["decoder.weight"].T}
    weights["b_dec"] = tensors[decoder]
    weights["b_enc"] = tensors[encoder] if encoder else weights["W_enc"].new_zeros(d_sae)
    return weights


def _as_from_pretrained(weights: Weights, notes: list[str]) -> Weights:
    """The class's own loader brings decoder rows to unit norm, and activations with them."""
    import torch

    norm = weights["W_dec"].norm(dim=-1)
    if torch.allclose(norm, torch.ones_like(norm)):
        return weights
    notes.append("decoder norms are folded into the encoder, as AutoEncoder.from_pretrained does")
    return fold_decoder_norm(weights)


def _origin(
    source: Source, trainer: Mapping[str, Any], buffer: Mapping[str, Any], notes: list[str]
) -> Origin:
    if trainer["dict_class"] == "AutoEncoderNew":
        notes.append("activations as encode() gives them, not times the decoder norm as forward()")
    return Origin(
        format="dictionary_learning",
        path=source.given,
        model_name=trainer["lm_name"],
        hook_name=_hook_name(trainer, buffer, notes),
        context_size=buffer["ctx_len"],
        notes=tuple(notes),
    )


def _hook_name(
    trainer: Mapping[str, Any], buffer: Mapping[str, Any], notes: list[str]
) -> str | None:
    """Its examples hook the residual stream behind a layer; other places have other names."""
    layer, name = str(trainer["layer"]), trainer["submodule_name"]
    places = {
        "resid_post": "hook_resid_post",
        "resid_pre": "hook_resid_pre",
        "mlp_out": "hook_mlp_out",
        "attn_out": "hook_attn_out",
    }
    place = next((hook for word, hook in places.items() if word in (name or "resid_post")), None)
    if place is None or not re.fullmatch(r"\d+", layer) or buffer["io"] not in (None, "out"):
        notes.append(
            f"its place is said as layer {layer}, submodule {name}, io {buffer['io']}, which is no "
            "hook name"
        )
        return None
    return f"blocks.{layer}.{place}"
