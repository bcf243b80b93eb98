"""SAELens' own format: `cfg.json` beside `sae_weights.safetensors`.

Every architecture that an SAE of ours can be, every normalisation, and the training
checkpoints of BatchTopK and Matryoshka. What a configuration says is settled in
`saelens_config.py`; here it meets the tensors. Formulas: SAELens 6.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.sae.activations import Activation, Gated, JumpReLU, ReLU, TopK
from probes.sae.configuration import NUMBER, Key, read_json, settle
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.folding import Weights, fold_decoder_norm, fold_input_scale
from probes.sae.loaders.saelens_config import Said, said_by
from probes.sae.sae import SAE, Normalization, Origin, SAEError
from probes.sae.tensor_files import keys

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "sae_weights.safetensors"
_ENCODER: dict[str, Shape] = {"W_enc": ("d_in", "d_sae"), "b_enc": ("d_sae",)}
_DECODER: dict[str, Shape] = {"W_dec": ("d_sae", "d_out"), "b_dec": ("d_out",)}
_GATES: dict[str, Shape] = dict.fromkeys(("b_gate", "b_mag", "r_mag"), ("d_sae",))
_TENSORS: dict[str, dict[str, Shape]] = {
    "relu": _ENCODER | _DECODER,
    "topk": _ENCODER | _DECODER,
    "jumprelu": _ENCODER | _DECODER | {"threshold": ("d_sae",)},
    "gated": {"W_enc": ("d_in", "d_sae")} | _DECODER | _GATES,
    "batchtopk": _ENCODER | _DECODER | {"topk_threshold": ()},
}
_PER_TOKEN: dict[str, Normalization] = {
    "constant_norm_rescale": "constant_norm",
    "layer_norm": "layer_norm",
}
# Trained on TransformerLens' processed weights, which their own files do not say: SAELens keeps
# it in its registry (model_from_pretrained_kwargs: center_writing_weights).
_CENTRED = (
    "jbloom/GPT2-Small-SAEs-Reformatted",
    "jbloom/GPT2-Small-Feature-Splitting-Experiment-Layer-8",
    "tommmcgrath/gpt2-small-mlp-out-saes",
)


def recognise(source: Source) -> str | None:
    """`sae_weights.safetensors` beside a `cfg.json`."""
    if source.weights(WEIGHTS) and source.beside("cfg.json"):
        return f"cfg.json and {WEIGHTS}"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the files are not what they should be, or say what an SAE of ours cannot be.
    """
    file = source.only(WEIGHTS)
    said = said_by(source.folder / "cfg.json") if source.beside("cfg.json") else _no_cfg(source)
    wanted = dict(_TENSORS[said.kind.activation])
    if said.kind.skip:
        wanted["W_skip"] = ("d_out", "d_in")
    weights = source.checked(
        file, source.tensors(file), wanted, said.sizes, optional={"scaling_factor": ("d_sae",)}
    )
    used = [source.folder / "cfg.json", file]
    _same_weights(file, said)
    notes = list(said.notes)
    weights = _unscaled_finetuning(file, weights, said, notes)
    weights = _input_scale(source, weights, said, used, notes)
    weights, activation = _activations(weights, said, notes)
    centre = _centred(source, said, notes)
    if said.reshape_activations == "hook_z":
        notes.append("attention heads are laid side by side: width = heads * d_head")
    skip = weights.get("W_skip")
    return SAE(
        weights["W_enc"],
        weights.get("b_enc", weights["W_enc"].new_zeros(said.sizes["d_sae"])),
        weights["W_dec"],
        weights["b_dec"],
        activation,
        apply_b_dec_to_input=said.apply_b_dec_to_input,
        normalization=_PER_TOKEN.get(said.normalize_activations, "none"),
        centre=centre,
        W_skip=None if skip is None else skip.T,
        origin=_origin(source, said, used, notes),
    )


def _no_cfg(source: Source) -> Said:
    raise SAEError(f"{source.folder}: expected cfg.json, found {source.listing()}")


def _same_weights(file: Path, said: Said) -> None:
    """Weights that a configuration pins (ours does) must be those."""
    pinned = said.metadata["sae_weights_sha256"]
    if pinned is not None and digest([file]) != f"sha256:{pinned}":
        raise SAEError(
            f"{file}: expected sha256 {pinned} as cfg.json says, found "
            f"{digest([file]).removeprefix('sha256:')}: the weights of another SAE"
        )


def _unscaled_finetuning(file: Path, weights: Weights, said: Said, notes: list[str]) -> Weights:
    """The legacy scale of each feature's output, folded into the decoder."""
    import torch

    if "scaling_factor" not in weights:
        return weights
    rest = {name: tensor for name, tensor in weights.items() if name != "scaling_factor"}
    factor = weights["scaling_factor"]
    if torch.allclose(factor, torch.ones_like(factor)):
        return rest
    if not said.finetuning_scaling_factor:
        raise SAEError(
            f"{file}: expected scaling_factor to be all ones, as finetuning_scaling_factor is "
            f"false; found {float(factor.min()):.4g} to {float(factor.max()):.4g}"
        )
    notes.append("the finetuning scale of each feature is folded into its decoder row")
    return rest | {"W_dec": rest["W_dec"] * factor[:, None]}


def _input_scale(
    source: Source, weights: Weights, said: Said, used: list[Path], notes: list[str]
) -> Weights:
    cfg = source.folder / "cfg.json"
    if said.normalize_activations == "covariance_whitening":
        raise SAEError(
            f"{cfg}: expected the whitening to be folded into the weights, found "
            "normalize_activations covariance_whitening; save the SAE with SAELens' "
            "save_inference_model, which folds it"
        )
    if said.normalize_activations != "expected_average_only_in":
        return weights
    factor = said.norm_scaling_factor
    beside = source.beside("activation_scaler.json")
    if factor is None and beside is not None:
        value = settle(beside, read_json(beside), {"scaling_factor": Key(NUMBER)})
        factor = float(value["scaling_factor"])
        used.append(beside)
    if factor is None:
        raise SAEError(
            f"{cfg}: normalize_activations is expected_average_only_in, which needs a number that "
            "the files do not hold; add the key norm_scaling_factor = sqrt(d_in) / (mean norm of "
            "the activations it was trained on)"
        )
    if not 0 < factor < float("inf"):
        raise SAEError(f"{cfg}: expected norm_scaling_factor above 0, found {factor}")
    notes.append(f"inputs were scaled by {factor:.6g} in training; this is folded into the weights")
    folded = fold_input_scale(weights, factor)
    if "topk_threshold" in folded and said.rescale_acts_by_decoder_norm:
        # Compared with activations times the decoder norm, which the fold has just divided.
        folded["topk_threshold"] = folded["topk_threshold"] / factor
    return folded


def _relu(weights: Weights, said: Said) -> Activation:
    return ReLU()


def _gated(weights: Weights, said: Said) -> Activation:
    return Gated(weights["b_gate"], weights["r_mag"], weights["b_mag"])


def _jumprelu(weights: Weights, said: Said) -> Activation:
    return JumpReLU(weights["threshold"])


def _topk(weights: Weights, said: Said) -> Activation:
    return TopK(int(said.k or 0))


def _batchtopk(weights: Weights, said: Said) -> Activation:
    return JumpReLU(weights["topk_threshold"].repeat(said.sizes["d_sae"]))


_ACTIVATIONS: dict[str, Callable[[Weights, Said], Activation]] = {
    "relu": _relu,
    "gated": _gated,
    "jumprelu": _jumprelu,
    "topk": _topk,
    "batchtopk": _batchtopk,
}


def _activations(weights: Weights, said: Said, notes: list[str]) -> tuple[Weights, Activation]:
    if said.rescale_acts_by_decoder_norm:
        if said.kind.activation not in ("topk", "batchtopk"):
            raise SAEError(
                "cfg.json: expected rescale_acts_by_decoder_norm only beside topk, found it true "
                f"beside {said.architecture}"
            )
        weights = fold_decoder_norm(weights)
        notes.append("activations are in units of unit-norm decoder rows; the norms are folded")
    if said.kind.activation == "batchtopk":
        notes.append("a training checkpoint of BatchTopK, read with its running threshold")
    return weights, _ACTIVATIONS[said.kind.activation](weights, said)


def _centred(source: Source, said: Said, notes: list[str]) -> bool:
    """Whether it was trained on weights that write with mean zero."""
    how = said.metadata["model_from_pretrained_kwargs"] or {}
    stated = how.get("center_writing_weights")
    known = [repo for repo in _CENTRED if repo in source.trail]
    place = said.metadata["hook_name"] or ""
    for key in ("fold_value_biases", "refactor_factored_attn_matrices"):
        if how.get(key) is True and "attn.hook_" in place:
            raise SAEError(
                f"{source.folder / 'cfg.json'}: expected {key} false for {place}, found true: it "
                "was trained on activations that the unmodified model does not have"
            )
    if not (stated or (stated is None and known)) or "attn.hook_" in place:
        return False
    notes.append(
        "trained on a model whose weights write with mean zero (center_writing_weights); the mean "
        "over the width is taken from each token and given back"
    )
    return True


def _origin(source: Source, said: Said, used: list[Path], notes: list[str]) -> Origin:
    metadata = said.metadata
    return Origin(
        format="saelens",
        path=source.given,
        digest=digest(used),
        model_name=metadata["model_name"],
        hook_name=metadata["hook_name"],
        hook_name_out=metadata["hook_name_out"] if said.kind.transcoder else None,
        context_size=metadata["context_size"],
        prepend_bos=metadata["prepend_bos"],
        promised_l0=_promised_l0(source, said, notes),
        neuronpedia_id=metadata["neuronpedia_id"],
        notes=tuple(notes),
    )


def _promised_l0(source: Source, said: Said, notes: list[str]) -> float | None:
    """From `k`, from how it was trained, or from the stored densities."""
    details = said.metadata["training_architecture_details"] or {}
    if said.kind.activation in ("topk", "batchtopk") and said.k is not None:
        return float(said.k)
    stated = said.metadata["promised_l0"]
    if stated is None and "topk" in (said.metadata["training_architecture"] or ""):
        stated = details.get("k")
    if stated is not None:
        return float(stated)
    file = source.beside("sparsity.safetensors")
    if file is None:
        return None
    log_density: Tensor = _density(source, file, said)
    notes.append("the promised L0 is the sum of the densities in sparsity.safetensors")
    return float(10 ** log_density.double() @ log_density.new_ones(len(log_density)).double())


def _density(source: Source, file: Path, said: Said) -> Any:
    if "sparsity" not in keys(file):
        raise SAEError(
            f"{file}: expected the tensor sparsity, found {', '.join(sorted(keys(file)))}"
        )
    wanted: dict[str, Shape] = {"sparsity": ("d_sae",)}
    return source.checked(file, source.tensors(file), wanted, said.sizes)["sparsity"]
