"""qresearch's SAE of DeepSeek-R1-Distill: one torch file with two linear layers and ReLU.

The same names as dictionary_learning's AutoEncoderNew, and the same arithmetic; what tells
them apart is that no configuration lies beside it.
"""

from __future__ import annotations

from probes.sae.activations import ReLU
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.places import layer_in
from probes.sae.sae import SAE, Origin
from probes.sae.tensor_files import keys

_TENSORS: dict[str, Shape] = {
    "encoder.weight": ("d_sae", "d_in"),
    "encoder.bias": ("d_sae",),
    "decoder.weight": ("d_in", "d_sae"),
    "decoder.bias": ("d_in",),
}
_PATTERNS = ("*.pt", "*.pth")


def recognise(source: Source) -> str | None:
    """A torch file that names two linear layers with biases, and no configuration."""
    found = source.weights(*_PATTERNS)
    if found and not source.beside("config.json") and keys(found[0]) >= set(_TENSORS):
        return f"{found[0].name} with encoder.weight and decoder.bias, and no config.json"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the file is not what it should be.
    """
    file = source.only(*_PATTERNS)
    weights = source.checked(file, source.tensors(file), _TENSORS)
    layer = layer_in(file.name)
    model = "DeepSeek-R1-Distill-Llama-8B"
    notes = () if layer is not None else ("the file's name says no layer; place unknown",)
    return SAE(
        weights["encoder.weight"].T,
        weights["encoder.bias"],
        weights["decoder.weight"].T,
        weights["decoder.bias"],
        ReLU(),
        origin=Origin(
            format="qresearch",
            path=source.given,
            digest=digest([file]),
            model_name=f"deepseek-ai/{model}" if model in source.trail else None,
            hook_name=None if layer is None else f"blocks.{layer}.hook_resid_post",
            notes=notes,
        ),
    )
