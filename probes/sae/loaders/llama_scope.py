"""Llama Scope and its successors by OpenMOSS: `encoder.weight`, and a norm of the data set.

Two layouts: `hyperparams.json` with one threshold over `checkpoints/final.safetensors`, and
`config.json` with a log threshold per feature beside `sae_weights.safetensors`. Formulas:
`SparseAutoEncoder.encode` and `standardize_parameters_of_dataset_norm` of lm-saes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.sae.activations import Activation, JumpReLU, ReLU, TopK
from probes.sae.configuration import (
    BOOL,
    INT,
    MAYBE_TEXT,
    NONE,
    NUMBER,
    TEXT,
    Key,
    read_json,
    settle,
    words,
)
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.folding import Weights, fold_input_scale
from probes.sae.sae import SAE, Origin, SAEError
from probes.sae.tensor_files import keys

if TYPE_CHECKING:
    from torch import Tensor

_PATTERNS = ("checkpoints/final.safetensors", "final.safetensors", "sae_weights.safetensors")
_LOG_THRESHOLD = "log_jumprelu_threshold"
_NORM = "dataset_average_activation_norm"
_TENSORS: dict[str, Shape] = {
    "encoder.weight": ("d_sae", "d_model"),
    "encoder.bias": ("d_sae",),
    "decoder.weight": ("d_model", "d_sae"),
    "decoder.bias": ("d_model",),
}
_COMMON = {
    "d_model": Key(INT),
    "hook_point_in": Key(TEXT),
    "hook_point_out": Key(MAYBE_TEXT, None),
    "norm_activation": Key(TEXT, "dataset-wise", allowed=("dataset-wise", "inference")),
    "sparsity_include_decoder_norm": Key(BOOL, True),
    "use_decoder_bias": Key(BOOL, True, allowed=(True,)),
    "apply_decoder_bias_to_pre_encoder": Key(BOOL, False, allowed=(False,)),
    "use_glu_encoder": Key(BOOL, False, allowed=(False,)),
    "top_k": Key((*INT, NONE), None),
}
_HYPERPARAMS = _COMMON | {
    "d_sae": Key(INT),
    "act_fn": Key(TEXT, "jumprelu", allowed=("jumprelu", "relu", "topk")),
    "jump_relu_threshold": Key((*NUMBER, NONE), None),
    _NORM: Key((dict, NONE), None),
}
_CONFIG = _COMMON | {
    "expansion_factor": Key(NUMBER),
    "act_fn": Key(TEXT, "jumprelu", allowed=("jumprelu",)),
    "sae_type": Key(TEXT, "sae", allowed=("sae",)),
}
_TRAINING = words("""
    device seed dtype expansion_factor bias_init_method decoder_exactly_fixed_norm
    init_decoder_norm init_encoder_norm init_encoder_with_decoder_transpose lp l1_coefficient
    l1_coefficient_warmup_steps k_warmup_steps use_batch_norm_mse use_ghost_grads tp_size ddp_size
    sae_pretrained_name_or_path strict_loading use_triton_kernel force_unit_decoder_norm
    sparsity_threshold_for_triton_spmm_kernel sparsity_threshold_for_csr promote_act_fn_dtype
    jumprelu_threshold_window remove_gradient_parallel_to_decoder_directions run_name exp_name
    exp_series d_sae act_fn_dtype skip_bos
    """)


def recognise(source: Source) -> str | None:
    """`encoder.weight` in safetensors, under a configuration with `hook_point_in`."""
    found, config = source.weights(*_PATTERNS), _config(source)
    if not found or config is None or not keys(found[0]) >= set(_TENSORS):
        return None
    if "hook_point_in" not in read_json(config):
        return None
    return f"{config.name} with hook_point_in and {found[0].name} with encoder.weight"


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the files are not what they should be.
    """
    file, config = source.only(*_PATTERNS), _config(source)
    if config is None:
        raise SAEError(
            f"{source.folder}: expected hyperparams.json or config.json, found {source.listing()}"
        )
    stored = source.tensors(file)
    first = config.name == "hyperparams.json"
    said = settle(config, read_json(config), _HYPERPARAMS if first else _CONFIG, _TRAINING)
    if not first:
        said["d_sae"] = int(said["d_model"] * said["expansion_factor"])
    said["hook_point_out"] = said["hook_point_out"] or said["hook_point_in"]
    logs: dict[str, Shape] = {} if first else {_LOG_THRESHOLD: ("d_sae",)}
    plain = {name: tensor for name, tensor in stored.items() if not name.startswith(f"{_NORM}.")}
    sizes = {name: said[name] for name in ("d_model", "d_sae")}
    tensors = source.checked(file, plain, _TENSORS | logs, sizes)
    scale_in, scale_out = _scales(config, file, said, stored)
    weights: Weights = {
        "W_enc": tensors["encoder.weight"].T,
        "b_enc": tensors["encoder.bias"],
        "W_dec": tensors["decoder.weight"].T,
        "b_dec": tensors["decoder.bias"],
    }
    activation = _activation(config, said, tensors, weights["W_dec"], scale_out)
    weights = fold_input_scale(weights, scale_in, scale_out)
    return SAE(
        weights["W_enc"],
        weights["b_enc"],
        weights["W_dec"],
        weights["b_dec"],
        activation,
        origin=_origin(source, said, [config, file], (scale_in, scale_out)),
    )


def _config(source: Source) -> Path | None:
    inner = source.folder.name == "checkpoints"
    folder = source.folder.parent if inner else source.folder
    for name in ("hyperparams.json", "config.json"):
        if (folder / name).is_file():
            return folder / name
    return None


def _scales(
    config: Path, file: Path, said: dict[str, Any], stored: dict[str, Any]
) -> tuple[float, float]:
    """`sqrt(d_model) / average norm` of input and output; 1 where weights are standardised."""
    if said["norm_activation"] == "inference":
        return 1.0, 1.0
    norms = said.get(_NORM) or {}
    found = []
    for side in ("in", "out"):
        hook = said[f"hook_point_{side}"]
        name = f"{_NORM}.{hook}"
        norm = stored[name].item() if name in stored else norms.get(side, norms.get(hook))
        if not isinstance(norm, (int, float)) or not 0 < norm < float("inf"):
            raise SAEError(
                f"{config}: expected {_NORM} of {hook} to be above 0, here or in {file.name}, as "
                f"norm_activation is dataset-wise; found {norm}"
            )
        found.append(said["d_model"] ** 0.5 / norm)
    return found[0], found[1]


def _activation(
    config: Path, said: dict[str, Any], tensors: Weights, W_dec: Tensor, scale_out: float
) -> Activation:
    """The activation function, in units of the activations as they are stored.

    A threshold is compared with an activation times its decoder norm. The one of
    `hyperparams.json` was measured after the scales had been folded, where that product is in
    units of the output, so it comes back times `scale_out`.
    """
    norm = W_dec.norm(dim=-1).clamp(min=1e-8)
    unit = norm if said["sparsity_include_decoder_norm"] else norm.new_ones(len(norm))
    if said["act_fn"] == "relu":
        return ReLU()
    if said["act_fn"] == "topk":
        if bool(((unit - 1).abs() > 1e-2).any()):
            raise SAEError(
                f"{config}: expected unit-norm decoder rows beside act_fn topk, found norms "
                f"{float(unit.min()):.3g} to {float(unit.max()):.3g}; they decide which features "
                "fire and not how strongly, which cannot be said here"
            )
        if said["top_k"] is None:
            raise SAEError(f"{config}: expected the key top_k beside act_fn topk, found none")
        return TopK(said["top_k"])
    if _LOG_THRESHOLD in tensors:
        return JumpReLU(tensors[_LOG_THRESHOLD].exp() / unit)
    if said["jump_relu_threshold"] is None:
        raise SAEError(f"{config}: expected the key jump_relu_threshold, found none")
    return JumpReLU(said["jump_relu_threshold"] * scale_out / unit)


def _origin(
    source: Source, said: dict[str, Any], used: list[Path], scales: tuple[float, float]
) -> Origin:
    notes = [
        f"inputs were scaled by {scales[0]:.6g} and outputs by {scales[1]:.6g} in training; this "
        "is folded into the weights"
    ]
    if said["hook_point_in"] != said["hook_point_out"]:
        notes.append("its threshold is taken in units of its output; look at the L0")
    llama = "Llama3_1-8B-Base" in source.trail
    return Origin(
        format="llama_scope",
        path=source.given,
        digest=digest(used),
        model_name="meta-llama/Llama-3.1-8B" if llama else None,
        hook_name=said["hook_point_in"],
        hook_name_out=(
            said["hook_point_out"] if said["hook_point_out"] != said["hook_point_in"] else None
        ),
        context_size=1024 if llama else None,
        prepend_bos=True if llama else None,
        promised_l0=None if said["top_k"] is None else float(said["top_k"]),
        notes=tuple(notes),
    )
