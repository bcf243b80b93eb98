"""Gemma Scope (Gemma 2): one `params.npz` per SAE, all else in the names of folders.

JumpReLU on raw activations, the input bias already folded into the encoder's (Lieberum et al.
2024, appendix A). Layer, place and average L0 are read from the folders above, which is noted.
"""

from __future__ import annotations

import re

from probes.sae.activations import JumpReLU
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.places import layer_in
from probes.sae.sae import SAE, Origin, SAEError
from probes.sae.tensor_files import keys

WEIGHTS = "params.npz"
_TENSORS: dict[str, Shape] = {
    "w_enc": ("d_in", "d_sae"),
    "w_dec": ("d_sae", "d_out"),
    "b_enc": ("d_sae",),
    "b_dec": ("d_out",),
    "threshold": ("d_sae",),
}
_RELEASE = re.compile(r"gemma-scope-(\d+b)-(pt|it)-(res|mlp|att|transcoders)")
# The release's own folder, not any folder of that name further up.
_EMBEDDING = re.compile(r"(?:^|/)embedding/width_")
_PLACES = {
    "res": ("blocks.{}.hook_resid_post", None),
    "mlp": ("blocks.{}.hook_mlp_out", None),
    "att": ("blocks.{}.attn.hook_z", None),
    # Normalised by the root mean square, before the norm's own weight is applied.
    "transcoders": ("blocks.{}.ln2.hook_normalized", "blocks.{}.hook_mlp_out"),
}


def recognise(source: Source) -> str | None:
    """An npz with the five tensors of a JumpReLU SAE."""
    found = source.weights("*.npz")
    if found and {name.lower() for name in keys(found[0])} >= set(_TENSORS):
        return f"{found[0].name} with {', '.join(_TENSORS)}"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the file is not what it should be.
    """
    file = source.only("*.npz")
    stored = source.tensors(file)
    lowered = {name.lower(): tensor for name, tensor in stored.items()}
    if len(lowered) != len(stored):
        raise SAEError(f"{file}: expected each tensor once, found {', '.join(sorted(stored))}")
    weights = source.checked(file, lowered, _TENSORS)
    notes: list[str] = []
    if _EMBEDDING.search(source.trail):
        # Trained on embeddings as the model scales them, read where they are not scaled yet.
        root = weights["w_enc"].shape[0] ** 0.5
        weights |= {"w_enc": weights["w_enc"] / root, "w_dec": weights["w_dec"] * root}
        notes.append("an SAE of embeddings: sqrt(d_model) is folded into encoder and decoder")
    return SAE(
        weights["w_enc"],
        weights["b_enc"],
        weights["w_dec"],
        weights["b_dec"],
        JumpReLU(weights["threshold"]),
        origin=_origin(source, digest([file]), notes),
    )


def _origin(source: Source, content: str, notes: list[str]) -> Origin:
    trail = source.trail
    release, layer = _RELEASE.search(trail), layer_in(trail)
    l0 = re.findall(r"average_l0_(\d+(?:\.\d+)?)", trail)
    place: tuple[str | None, str | None] = (None, None)
    if _EMBEDDING.search(trail):
        place = ("hook_embed", None)
    elif release and layer is not None:
        reads, writes = _PLACES[release[3]]
        place = (reads.format(layer), writes and writes.format(layer))
    else:
        notes.append(
            "no folder above it names a release (gemma-scope-2b-pt-res) and a layer (layer_12), so "
            "its place is not known"
        )
    notes.append("layer, place and L0 are read from folder names; the file holds tensors alone")
    suffix = "-it" if release and release[2] == "it" else ""
    return Origin(
        format="gemma_scope",
        path=source.given,
        digest=content,
        model_name=f"google/gemma-2-{release[1]}{suffix}" if release else None,
        hook_name=place[0],
        hook_name_out=place[1],
        context_size=1024,
        prepend_bos=True,
        promised_l0=float(l0[-1]) if l0 else None,
        notes=tuple(notes),
    )
