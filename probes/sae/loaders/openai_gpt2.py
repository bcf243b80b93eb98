"""OpenAI's SAEs of GPT-2 small: one `.pt` per layer, layer-normed inputs (Gao et al. 2024).

`latents = act((LN(x) - pre_bias) @ encoder.T + latent_bias)`, and the decoder's output plus
`pre_bias` is brought back to the token's own mean and scale. With TopK inputs are normed, with
ReLU they are not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from probes.sae.activations import Activation, ReLU, TopK
from probes.sae.files import Shape, Source, digest
from probes.sae.sae import SAE, Normalization, Origin, SAEError
from probes.sae.tensor_files import keys

_TENSORS: dict[str, Shape] = {
    "encoder.weight": ("d_sae", "d_in"),
    "latent_bias": ("d_sae",),
    "pre_bias": ("d_in",),
    "decoder.weight": ("d_in", "d_sae"),
}
_STATISTICS = ("stats_last_nonzero", "latents_activation_frequency", "latents_mean_square")
_PLACES = {
    "mlp_post_act": "mlp.hook_post",
    "resid_delta_attn": "hook_attn_out",
    "resid_post_attn": "hook_resid_mid",
    "resid_delta_mlp": "hook_mlp_out",
    "resid_post_mlp": "hook_resid_post",
}


def recognise(source: Source) -> str | None:
    """A torch file that names `pre_bias` and `latent_bias`."""
    found = source.weights("*.pt", "*.pth")
    if found and keys(found[0]) >= {"pre_bias", "latent_bias"}:
        return f"{found[0].name} with pre_bias and latent_bias"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the file is not what it should be.
    """
    file = source.only("*.pt", "*.pth")
    stored = source.tensors(file)
    name, state = stored.pop("activation", "ReLU"), stored.pop("activation_state_dict", {})
    weights = source.checked(
        file, {n: t for n, t in stored.items() if n not in _STATISTICS}, _TENSORS
    )
    activation, normalization = _activation(file, name, state, len(weights["latent_bias"]))
    return SAE(
        weights["encoder.weight"].T,
        weights["latent_bias"],
        weights["decoder.weight"].T,
        weights["pre_bias"],
        activation,
        apply_b_dec_to_input=True,
        normalization=normalization,
        origin=_origin(source, file, activation),
    )


def _activation(file: Path, name: Any, state: Any, d_sae: int) -> tuple[Activation, Normalization]:
    if name == "ReLU":
        return ReLU(), "none"
    if name != "TopK" or not isinstance(state, dict):
        raise SAEError(f"{file}: expected the activation TopK or ReLU, found {name!r}")
    k, after = state.get("k"), state.get("postact_fn", "ReLU")
    if not isinstance(k, int) or not 1 <= k <= d_sae:
        raise SAEError(f"{file}: expected k from 1 to {d_sae}, found {k!r}")
    if after != "ReLU":
        raise SAEError(
            f"{file}: expected postact_fn ReLU, found {after!r}, which lets negative activations by"
        )
    return TopK(k), "layer_norm"


def _origin(source: Source, file: Path, activation: Activation) -> Origin:
    notes = []
    trail = f"{source.trail} {file.absolute().as_posix()}"
    found = re.search(rf"({'|'.join(_PLACES)})[^/]*/(?:autoencoders/)?(\d+)\.pt", trail)
    if found is None:
        notes.append(
            "no folder above it names a place (resid_post_mlp_v5_32k/autoencoders/8.pt), so its "
            "hook name is not known"
        )
    return Origin(
        format="openai_gpt2",
        path=source.given,
        digest=digest([file]),
        model_name="gpt2",
        hook_name=f"blocks.{found[2]}.{_PLACES[found[1]]}" if found else None,
        promised_l0=float(activation.k) if isinstance(activation, TopK) else None,
        notes=tuple(notes),
    )
