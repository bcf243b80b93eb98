"""The seven classes of dictionary_learning: what each stores, and how each encodes.

A table; `dictionary_learning.py` reads the files with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probes.sae.activations import Activation, Gated, JumpReLU, ReLU, TopK
from probes.sae.files import Shape
from probes.sae.loaders.folding import Weights
from probes.sae.sae import SAEError

_LINEAR: dict[str, Shape] = {
    "encoder.weight": ("dict_size", "activation_dim"),
    "decoder.weight": ("activation_dim", "dict_size"),
}
_MATRICES: dict[str, Shape] = {
    "W_enc": ("activation_dim", "dict_size"),
    "W_dec": ("dict_size", "activation_dim"),
    "b_enc": ("dict_size",),
    "b_dec": ("activation_dim",),
}
_PER_FEATURE: Shape = ("dict_size",)
_INPUT: Shape = ("activation_dim",)


@dataclass(frozen=True)
class Kind:
    """One of the classes.

    Attributes:
        tensors: names and shapes as stored.
        names: stored names of `b_enc` and `b_dec`.
        pre_bias: whether the decoder bias is taken from the input.
        activation: the activation function, given file, tensors and `k`.
        whole: stored whole numbers that are no weights.
        sparse: whether `k` says how many features fire.
        optional: tensors that older files lack and that nothing needs.
    """

    tensors: dict[str, Shape]
    names: tuple[str | None, str]
    pre_bias: bool
    activation: Callable[[Path, Weights, int | None], Activation]
    whole: tuple[str, ...] = ()
    sparse: bool = False
    optional: tuple[str, ...] = ()


def _relu(file: Path, weights: Weights, k: int | None) -> Activation:
    return ReLU()


def _gated(file: Path, weights: Weights, k: int | None) -> Activation:
    return Gated(weights["gate_bias"], weights["r_mag"], weights["mag_bias"])


def _jumprelu(file: Path, weights: Weights, k: int | None) -> Activation:
    return JumpReLU(weights["threshold"])


def _topk(file: Path, weights: Weights, k: int | None) -> Activation:
    return TopK(k or 0)


def _one_threshold(file: Path, weights: Weights, k: int | None) -> Activation:
    threshold = weights["threshold"]
    if float(threshold) < 0:
        raise SAEError(
            f"{file}: expected threshold to be 0 or more, found {float(threshold)}: training ended "
            "before it was set, and every positive pre-activation would fire"
        )
    return JumpReLU(threshold.repeat(len(weights["b_enc"])))


_COUNTED: dict[str, Shape] = {"encoder.bias": _PER_FEATURE, "b_dec": _INPUT, "threshold": ()}
CLASSES = {
    "AutoEncoder": Kind(
        _LINEAR | {"bias": _INPUT, "encoder.bias": _PER_FEATURE},
        ("encoder.bias", "bias"),
        True,
        _relu,
    ),
    "AutoEncoderNew": Kind(
        _LINEAR | {"encoder.bias": _PER_FEATURE, "decoder.bias": _INPUT},
        ("encoder.bias", "decoder.bias"),
        False,
        _relu,
    ),
    "GatedAutoEncoder": Kind(
        _LINEAR
        | {"decoder_bias": _INPUT}
        | dict.fromkeys(("r_mag", "gate_bias", "mag_bias"), _PER_FEATURE),
        (None, "decoder_bias"),
        True,
        _gated,
    ),
    "JumpReluAutoEncoder": Kind(
        _MATRICES | {"threshold": _PER_FEATURE}, ("b_enc", "b_dec"), False, _jumprelu
    ),
    "AutoEncoderTopK": Kind(
        _LINEAR | _COUNTED,
        ("encoder.bias", "b_dec"),
        True,
        _topk,
        ("k",),
        sparse=True,
        optional=("threshold",),
    ),
    "BatchTopKSAE": Kind(
        _LINEAR | _COUNTED, ("encoder.bias", "b_dec"), True, _one_threshold, ("k",), sparse=True
    ),
    "MatryoshkaBatchTopKSAE": Kind(
        _MATRICES | {"threshold": ()},
        ("b_enc", "b_dec"),
        True,
        _one_threshold,
        ("k", "group_sizes"),
        sparse=True,
    ),
}
