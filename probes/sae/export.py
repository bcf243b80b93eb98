"""An SAE of any format, written as SAELens 6 writes its own.

What SAELens cannot say is folded into the weights where that changes nothing; what it cannot
be is refused. Knows the format's names; reading it back is `loaders/saelens.py`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.sae.activations import Gated, JumpReLU, ReLU, TopK
from probes.sae.files import write_atomically
from probes.sae.sae import SAE, SAEError

if TYPE_CHECKING:
    from torch import Tensor

_VERSION = "6.0.0"  # below it, SAELens takes a configuration for the flat one
_NORMALIZATIONS = {
    "none": "none",
    "constant_norm": "constant_norm_rescale",
    "layer_norm": "layer_norm",
}


def save_sae(sae: SAE, folder: str | Path) -> Path:
    """Write `sae_weights.safetensors`, then `cfg.json`, each atomically.

    Returns:
        The path of `cfg.json`.

    Raises:
        SAEError: SAELens has no such architecture.
        OSError: the folder cannot be written.
    """
    from safetensors.torch import save

    architecture = _architecture(sae)
    weights, apply_b_dec = _weights(sae, architecture)
    content = save({name: tensor.cpu().contiguous() for name, tensor in weights.items()})
    fields = _fields(sae, architecture, apply_b_dec, hashlib.sha256(content).hexdigest())
    text = json.dumps(fields, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    write_atomically(target / "sae_weights.safetensors", content)
    write_atomically(target / "cfg.json", (text + "\n").encode())
    return target / "cfg.json"


def _is_transcoder(sae: SAE) -> bool:
    return sae.is_transcoder or sae.W_skip is not None or sae.d_out != sae.d_in


def _architecture(sae: SAE) -> str:
    where = sae.origin.path or "SAE"
    names = {ReLU: "standard", JumpReLU: "jumprelu", Gated: "gated", TopK: "topk"}
    name = names.get(type(sae.activation))
    if name is None:
        raise SAEError(
            f"{where}: SAELens has no architecture for {sae.activation.name}, so it cannot be "
            "written in its format"
        )
    if not _is_transcoder(sae):
        return name
    if name in ("gated", "topk"):
        raise SAEError(f"{where}: SAELens has no {name} transcoder, so it cannot be written as one")
    if sae.normalization != "none" or sae.centre:
        raise SAEError(
            f"{where}: a SAELens transcoder gives nothing back that normalisation or centring took "
            "from its input, so this one cannot be written"
        )
    kind = "skip_transcoder" if sae.W_skip is not None else "transcoder"
    return kind if name == "standard" else f"{name}_{kind}"


def _weights(sae: SAE, architecture: str) -> tuple[dict[str, Tensor], bool]:
    weights = {"W_enc": sae.W_enc, "b_enc": sae.b_enc, "W_dec": sae.W_dec, "b_dec": sae.b_dec}
    apply_b_dec = sae.apply_b_dec_to_input
    if apply_b_dec and "transcoder" in architecture:
        # (x - b_dec) @ W_enc + b_enc, with the constant part in the bias.
        weights["b_enc"] = sae.b_enc - sae.b_dec @ sae.W_enc
        apply_b_dec = False
    if sae.W_skip is not None:
        weights["W_skip"] = sae.W_skip.T
    activation = sae.activation
    if isinstance(activation, JumpReLU):
        weights["threshold"] = activation.threshold
    if isinstance(activation, Gated):
        # SAELens' gated SAE has no bias before gate and magnitude part; both take it over.
        shared = weights.pop("b_enc")
        weights["b_gate"] = activation.b_gate + shared
        weights["b_mag"] = activation.b_mag + shared * activation.r_mag.exp()
        weights["r_mag"] = activation.r_mag
    return weights, apply_b_dec


def _fields(sae: SAE, architecture: str, apply_b_dec: bool, weights: str) -> dict[str, Any]:
    origin = sae.origin
    heads = (origin.hook_name or "").endswith("hook_z") and "transcoder" not in architecture
    metadata: dict[str, Any] = {
        "sae_lens_version": _VERSION,
        "sae_weights_sha256": weights,
        "model_name": origin.model_name,
        "hook_name": origin.hook_name,
        "hook_head_index": None,
        "context_size": origin.context_size,
        "prepend_bos": origin.prepend_bos,
        "neuronpedia_id": origin.neuronpedia_id,
        "promised_l0": origin.promised_l0,
        "origin_format": origin.format,
        "origin_path": origin.path,
        "origin_digest": origin.digest,
        "notes": list(origin.notes),
    }
    if "transcoder" in architecture:
        metadata["hook_name_out"] = origin.hook_name_out or origin.hook_name
    if sae.centre:
        metadata["model_from_pretrained_kwargs"] = {"center_writing_weights": True}
    fields: dict[str, Any] = {
        "architecture": architecture,
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": apply_b_dec,
        "normalize_activations": _NORMALIZATIONS[sae.normalization],
        "reshape_activations": "hook_z" if heads else "none",
        "metadata": metadata,
    }
    if "transcoder" in architecture:
        fields["d_out"] = sae.d_out
    if isinstance(sae.activation, TopK):
        fields |= {"k": sae.activation.k, "rescale_acts_by_decoder_norm": False}
    return fields
