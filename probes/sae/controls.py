"""The SAE that learnt nothing: random directions of the same shape that fire as often.

Random decoders come close to trained ones on many scores (arXiv 2602.14111), so what is said
of a feature is worth only what it exceeds here. Knows no model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from probes.sae.activations import Activation, Gated, JumpReLU, ReLU
from probes.sae.randomness import generator
from probes.sae.sae import SAE, Origin, SAEError

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 4096  # tokens encoded at once


class _Cut(Protocol):
    """Makes an activation function and biases of values above which features are to fire."""

    def __call__(self, at: Tensor) -> tuple[Activation, Tensor]: ...


def random_sae(like: SAE, x_sample: Tensor, *, random_state: int) -> SAE:
    """Random unit decoder rows, read by their transpose, firing as often as `like`'s features.

    Feature `i` of the control fires on as many tokens of the sample as feature `i` of `like`,
    so both have the same L0 and the same dead features. Where features compete (topk,
    groupmax) they are as many per token, and which of them is left to the competition. What
    does not depend on features (`b_dec`, normalisation, a skip path) is `like`'s own.

    Args:
        like: the SAE that is to be controlled.
        x_sample: `[n, d_in]`, activations of the place it reads; some thousands.
        random_state: of the directions.

    Raises:
        SAEError: the sample is empty or not `d_in` wide.
    """
    import torch

    if x_sample.ndim != 2 or len(x_sample) == 0:
        raise SAEError(
            f"expected a sample [n, {like.d_in}] to set thresholds by, found {list(x_sample.shape)}"
        )
    draws = generator("random SAE", random_state)

    def directions(width: int) -> Tensor:
        rows = torch.randn(like.d_sae, width, generator=draws)
        unit: Tensor = rows / rows.norm(dim=1, keepdim=True)
        return unit.to(like.W_dec.device)

    rows = directions(like.d_out)
    readers = rows if like.d_in == like.d_out else directions(like.d_in)
    blank = replace(
        like,
        W_enc=readers.T,
        b_enc=torch.zeros_like(like.b_enc),
        W_dec=rows,
        origin=_origin(like.origin, random_state),
    )
    cut = _CUTS.get(type(like.activation))
    if cut is None:
        return blank
    activation, b_enc = cut(at=_cuts(blank, like, x_sample))
    return replace(blank, activation=activation, b_enc=b_enc)


def _cuts(blank: SAE, like: SAE, x: Tensor) -> Tensor:
    """`[d_sae]`: strictly above it lie as many pre-activations as `like`'s feature has firings."""
    import torch

    fires = torch.zeros_like(like.b_enc, dtype=torch.long)
    for start in range(0, len(x), _CHUNK):
        fires += (like.encode(x[start : start + _CHUNK]) > 0).sum(dim=0)
    at = torch.empty_like(like.b_enc)
    columns = max(1, _CHUNK * 4096 // len(x))
    for start in range(0, like.d_sae, columns):
        part = slice(start, start + columns)
        few = replace(
            blank,
            W_enc=blank.W_enc[:, part],
            b_enc=blank.b_enc[part],
            W_dec=blank.W_dec[part],
            activation=ReLU(),
        )
        h = few.pre_activations(x).sort(dim=0, descending=True).values
        below = torch.cat([h, h[-1:] - 1])  # where all fire, the cut lies under the lowest
        at[part] = below.gather(0, fires[None, part])[0]
    return at


def _cut_relu(at: Tensor) -> tuple[Activation, Tensor]:
    return ReLU(), -at


def _cut_jumprelu(at: Tensor) -> tuple[Activation, Tensor]:
    """A threshold where it is positive; a bias lifts what must fire below zero."""
    return JumpReLU(at.relu()), (-at).relu()


def _cut_gated(at: Tensor) -> tuple[Activation, Tensor]:
    import torch

    zero = torch.zeros_like(at)
    return Gated(b_gate=-at, r_mag=zero, b_mag=(-at).relu()), zero


_CUTS: dict[type, _Cut] = {ReLU: _cut_relu, JumpReLU: _cut_jumprelu, Gated: _cut_gated}


def _origin(like: Origin, random_state: int) -> Origin:
    return replace(
        like,
        format="random",
        path="",
        digest="",
        neuronpedia_id=None,
        notes=(f"random directions (seed {random_state}) of the shape of {like.path or 'an SAE'}",),
    )
