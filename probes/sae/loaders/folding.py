"""Scalars and norms that an SAE was trained with, folded into its weights.

Each fold leaves reconstructions as they are; what it does to the size of activations is said
at each function. Knows tensors; knows no format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Weights = dict[str, "Tensor"]
"""`W_enc [d_in, d_sae]`, `W_dec [d_sae, d_out]`, `b_enc`, `b_dec`, perhaps `threshold`."""


def fold_input_scale(weights: Weights, scale_in: float, scale_out: float | None = None) -> Weights:
    """Read raw activations where training read them times `scale_in`.

    Activations keep their size: `(s x) @ W_enc = x @ (s W_enc)`, and a decoder that spoke of
    scaled outputs is divided by their scale. Thresholds on activations therefore stay.

    Args:
        weights: as trained.
        scale_in: what inputs were multiplied with, `sqrt(d_in) / mean norm`.
        scale_out: the same of the outputs; that of the inputs where not given.
    """
    out = scale_in if scale_out is None else scale_out
    return weights | {
        "W_enc": weights["W_enc"] * scale_in,
        "W_dec": weights["W_dec"] / out,
        "b_dec": weights["b_dec"] / out,
    }


def fold_decoder_norm(weights: Weights, biases: tuple[str, ...] = ("b_enc",)) -> Weights:
    """Bring decoder rows to unit norm; activations grow by the norm they had.

    A row of zeros stays zero. Thresholds that were compared with such grown activations stay.
    """
    norm = weights["W_dec"].norm(dim=-1).clamp(min=1e-8)
    return weights | {
        "W_enc": weights["W_enc"] * norm,
        "W_dec": weights["W_dec"] / norm[:, None],
        **{name: weights[name] * norm for name in biases},
    }
