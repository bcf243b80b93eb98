"""Goodfire: one torch file with two linear layers, ReLU, no input bias."""

from __future__ import annotations

import re

from probes.sae.activations import ReLU
from probes.sae.files import Shape, Source, digest
from probes.sae.sae import SAE, Origin
from probes.sae.tensor_files import keys

_TENSORS: dict[str, Shape] = {
    "encoder_linear.weight": ("d_sae", "d_in"),
    "encoder_linear.bias": ("d_sae",),
    "decoder_linear.weight": ("d_in", "d_sae"),
    "decoder_linear.bias": ("d_in",),
}
_PATTERNS = ("*.pt", "*.pth")


def recognise(source: Source) -> str | None:
    """A torch file that names the two layers."""
    found = source.weights(*_PATTERNS)
    if found and keys(found[0]) >= set(_TENSORS):
        return f"{found[0].name} with encoder_linear.weight"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the file is not what it should be.
    """
    file = source.only(*_PATTERNS)
    weights = source.checked(file, source.tensors(file), _TENSORS)
    named = re.search(r"(Llama-[\w.-]+-Instruct)-SAE-l(\d+)", file.name)
    note = (
        () if named else ("the file's name says no layer (...-SAE-l19), so its place is unknown",)
    )
    return SAE(
        weights["encoder_linear.weight"].T,
        weights["encoder_linear.bias"],
        weights["decoder_linear.weight"].T,
        weights["decoder_linear.bias"],
        ReLU(),
        origin=Origin(
            format="goodfire",
            path=source.given,
            digest=digest([file]),
            model_name=_model(named[1]) if named else None,
            hook_name=f"blocks.{named[2]}.hook_resid_post" if named else None,
            notes=note,
        ),
    )


def _model(name: str) -> str:
    # Llama-3.1-8B-Instruct is published with the owner's name before it.
    return f"meta-llama/{name}"
