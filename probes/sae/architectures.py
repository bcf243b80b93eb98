"""What is particular to each architecture while it learns, and what it becomes.

A table: how pre-activations become activations, what sparsity costs, whether decoder rows are
held at unit norm, and the activation function of the finished SAE. Knows neither data nor
optimisers. Imports torch: nothing imports this module but training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from probes.sae.activations import Activation, JumpReLU, ReLU, TopK
from probes.sae.recipe import Recipe

Weights = dict[str, Tensor]
"""`W_enc [d_in, d_sae]`, `b_enc`, `W_dec [d_sae, d_in]`, `b_dec`; jumprelu: `log_threshold`."""


@dataclass(frozen=True)
class Architecture:
    """One way to be sparse.

    Attributes:
        activate: activations `[batch, d_sae]` of pre-activations, differentiable.
        penalty: what they cost per token, given pre-activations and activations; None where
            the activation function alone makes them sparse.
        finish: activation function of the finished SAE, given weights, the estimated
            threshold and the recipe.
        unit_rows: decoder rows are held at unit norm; otherwise they are folded at the end.
        row_norm: of the decoder rows at the start.
        has_threshold: features fire above one value that is learnt by watching the batches.
    """

    activate: Callable[[Tensor, Weights, Recipe], Tensor]
    penalty: Callable[[Tensor, Tensor, Weights, Recipe], Tensor] | None
    finish: Callable[[Weights, float, Recipe], Activation]
    unit_rows: bool = True
    row_norm: float = 1.0
    has_threshold: bool = False


class _Jump(torch.autograd.Function):
    """`h * (h > threshold)`, whose threshold learns through a rectangle around it.

    The pseudo-derivative is `-(threshold / bandwidth) K((h - threshold) / bandwidth)`
    (Rajamanoharan et al. 2024b, equation 11).
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(h, threshold)
        ctx.bandwidth = bandwidth
        return h * (h > threshold)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor, None]:
        (grad,) = grads
        h, threshold = ctx.saved_tensors
        near = (h - threshold).abs() < ctx.bandwidth / 2
        to_threshold = -(threshold / ctx.bandwidth) * (near * grad).sum(dim=0)
        return grad * (h > threshold), to_threshold, None


class _Step(torch.autograd.Function):
    """1 where `h > threshold`; only the threshold learns, through the same rectangle.

    The pseudo-derivative is `-(1 / bandwidth) K((h - threshold) / bandwidth)` (the same,
    equation 12).
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(h, threshold)
        ctx.bandwidth = bandwidth
        return (h > threshold).to(h.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, Tensor, None]:
        (grad,) = grads
        h, threshold = ctx.saved_tensors
        near = (h - threshold).abs() < ctx.bandwidth / 2
        return None, -(near * grad).sum(dim=0) / ctx.bandwidth, None


def _topk(h: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    return TopK(recipe.k)(h)


def _batchtopk(h: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    """The `k * batch` largest of the whole batch (Bussmann et al. 2024)."""
    acts = h.relu().flatten()
    top = acts.topk(recipe.k * len(h), sorted=False)
    return torch.zeros_like(acts).scatter(0, top.indices, top.values).view_as(h)


def _jumprelu(h: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    return _through(_Jump, h, weights, recipe)


def _relu(h: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    return h.relu()


def _l0(h: Tensor, acts: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    """Number of features that fire (Rajamanoharan et al. 2024b, equation 9)."""
    return recipe.l0 * _through(_Step, h, weights, recipe).sum(dim=1).mean()


def _l1(h: Tensor, acts: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    """Activations times the norms of their decoder rows (Conerly et al. 2024)."""
    norms = weights["W_dec"].norm(dim=1)
    price: Tensor = (acts @ norms).mean() * recipe.l1 / float(weights["W_dec"].shape[1]) ** 0.5
    return price


def _through(jump: Any, h: Tensor, weights: Weights, recipe: Recipe) -> Tensor:
    bandwidth = recipe.bandwidth * float(weights["W_dec"].shape[1]) ** 0.5
    passed: Tensor = jump.apply(h, weights["log_threshold"].exp(), bandwidth)
    return passed


def _one_threshold(weights: Weights, threshold: float, recipe: Recipe) -> Activation:
    return JumpReLU(torch.full_like(weights["b_enc"], threshold))


ARCHITECTURES: dict[str, Architecture] = {
    "topk": Architecture(_topk, None, lambda w, t, recipe: TopK(recipe.k)),
    "batchtopk": Architecture(_batchtopk, None, _one_threshold, has_threshold=True),
    "jumprelu": Architecture(
        _jumprelu, _l0, lambda w, t, recipe: JumpReLU(w["log_threshold"].exp())
    ),
    "relu": Architecture(_relu, _l1, lambda w, t, recipe: ReLU(), unit_rows=False, row_norm=0.1),
    # Nested dictionaries share one encoder and one batch-wide choice (Bussmann et al. 2025);
    # that each prefix reconstructs by itself is the loss's doing.
    "matryoshka": Architecture(_batchtopk, None, _one_threshold, has_threshold=True),
}
