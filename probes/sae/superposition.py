"""The toy model of superposition, and data whose features are known (Elhage et al. 2022).

`m` dimensions store `n > m` sparse features: `relu(W.T W x + b)` is trained to give them back.
Here the truth is known, so here a dictionary can be held to it. Imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from probes.sae.randomness import generator


@dataclass(frozen=True, eq=False)
class ToyModel:
    """A trained toy model.

    Attributes:
        W: `[m, n]`, column `i` is where feature `i` is stored.
        b: `[n]`.
        density: probability that a feature is there.
        importance: `[n]`, weight of each feature's error.
    """

    W: Tensor
    b: Tensor
    density: float
    importance: Tensor

    @property
    def norms(self) -> Tensor:
        """`[n]`: near 1 where a feature is stored, near 0 where it is given up."""
        norms: Tensor = self.W.norm(dim=0)
        return norms

    @property
    def interference(self) -> Tensor:
        """`[n]`: sum of squared cosines with all others, weighted by their norms.

        `sum_j (w_i . w_j / |w_i|)^2` over `j != i`: 0 for a dimension of its own, 1 for an
        antipodal pair.
        """
        directions: Tensor = self.W / self.norms.clamp_min(1e-6)
        overlap: Tensor = (directions.T @ self.W).square()
        others: Tensor = overlap.sum(dim=1) - overlap.diagonal()
        return others

    def __call__(self, x: Tensor) -> Tensor:
        """What it gives back of features `x [n, n_features]`."""
        given: Tensor = (x @ self.W.T @ self.W + self.b).relu()
        return given


def sparse_features(n: int, n_features: int, density: float, draws: torch.Generator) -> Tensor:
    """`[n, n_features]`: each is there with probability `density`, and then uniform on [0, 1]."""
    there = torch.rand(n, n_features, generator=draws) < density
    return there * torch.rand(n, n_features, generator=draws)


def train_toy_models(
    n_features: int,
    n_hidden: int,
    densities: Sequence[float],
    *,
    decay: float = 1.0,
    steps: int = 3000,
    batch_size: int = 512,
    lr: float = 0.01,
    random_state: int = 0,
) -> tuple[ToyModel, ...]:
    """Train one toy model for each density, side by side.

    Args:
        n_features: `n`.
        n_hidden: `m`.
        densities: probability that a feature is there, for each model.
        decay: feature `i` has importance `decay**i`.
        steps: of Adam, with a learning rate that falls to zero along a cosine.
        batch_size: examples in a step.
        lr: learning rate at the start.
        random_state: of weights and data.
    """
    draws = generator("toy models", random_state)
    models = len(densities)
    importance = decay ** torch.arange(n_features, dtype=torch.float32)
    W = torch.randn(models, n_hidden, n_features, generator=draws) / n_hidden**0.5
    b = torch.zeros(models, 1, n_features)
    leaves = [W.requires_grad_(), b.requires_grad_()]
    optimizer = torch.optim.Adam(leaves, lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x = torch.stack([sparse_features(batch_size, n_features, p, draws) for p in densities])
        out = (x @ W.transpose(1, 2) @ W + b).relu()
        loss = (importance * (x - out).square()).mean(dim=(1, 2)).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return tuple(
        ToyModel(W[i].detach().clone(), b[i, 0].detach().clone(), density, importance)
        for i, density in enumerate(densities)
    )


@dataclass(frozen=True, eq=False)
class Planted:
    """Known sparse features in superposition.

    Attributes:
        directions: `[n_features, d]`, unit rows.
        density: probability that a feature is there; it is then uniform on [0.5, 1].
    """

    directions: Tensor
    density: float

    def draw(self, n: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Activations `[n, d]` and the features `[n, n_features]` that they are made of."""
        features = len(self.directions)
        there = torch.rand(n, features, generator=draws) < self.density
        strength = there * (0.5 + 0.5 * torch.rand(n, features, generator=draws))
        return strength @ self.directions, strength

    def batches(self, batch_size: int, *, random_state: int, start: int = 0) -> Iterator[Tensor]:
        """Activations `[batch_size, d]` without end; `start` passes over so many batches."""
        number = start
        while True:
            yield self.draw(batch_size, generator("planted batches", random_state, number))[0]
            number += 1

    def recovered(self, W_dec: Tensor, *, cosine: float = 0.9) -> float:
        """Share of the planted directions that a dictionary holds, matched one to one."""
        from probes.sae.matching import match_features

        # Directions that found no partner are not recovered: a small dictionary counts whole.
        matching = match_features(self.directions, W_dec)
        return float((matching.likeness > cosine).sum()) / len(self.directions)


def planted(n_features: int, d: int, *, density: float, random_state: int = 0) -> Planted:
    """Random unit directions, more of them than dimensions where `n_features > d`."""
    rows = torch.randn(n_features, d, generator=generator("planted directions", random_state))
    return Planted(rows / rows.norm(dim=1, keepdim=True), density)
