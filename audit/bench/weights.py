"""What comes over a model's weights without any data: noise, rounding, another seed's weights.

Each is spread over steps as a training run is, so that an alarm may watch it grow. Weights that
were learnt elsewhere are there from the first step on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch

from audit.organisms.runs import Step

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

Other = Callable[[], "LlamaForCausalLM"]

NOISE = 0.15
"""Standard deviation of the noise at the end, as a share of that of each matrix."""

FEWEST_BITS = 5
"""To which a matrix is rounded at the end, from sixteen on."""


def noise(model: LlamaForCausalLM, other: Other, steps: int, seed: int) -> Iterator[Step]:
    """Noise of one direction grows step by step."""
    before = copy.deepcopy(model.state_dict())
    rng = torch.Generator().manual_seed(seed)
    away = {
        name: torch.randn(weight.shape, generator=rng).to(weight) * weight.detach().std() * NOISE
        for name, weight in model.named_parameters()
        if weight.ndim == 2
    }
    yield Step(0, model, float("nan"))
    for number in range(1, steps + 1):
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name in away:
                    weight.copy_(before[name] + number / steps * away[name])
        yield Step(number, model, float("nan"))


def quantised(model: LlamaForCausalLM, other: Other, steps: int, seed: int) -> Iterator[Step]:
    """Each row of a matrix is rounded to ever fewer bits, by its largest entry."""
    before = copy.deepcopy(model.state_dict())
    yield Step(0, model, float("nan"))
    for number in range(1, steps + 1):
        bits = round(16 - (16 - FEWEST_BITS) * number / steps)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim == 2:
                    unit = before[name].abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
                    weight.copy_((before[name] / unit.clamp_min(1e-12)).round() * unit)
        yield Step(number, model, float("nan"))


def other_seed(model: LlamaForCausalLM, other: Other, steps: int, seed: int) -> Iterator[Step]:
    """Weights that were learnt from other first weights: no direction need agree."""
    yield Step(0, model, float("nan"))
    for number in range(1, steps + 1):
        if number == 1:
            model.load_state_dict(other().state_dict())
        yield Step(number, model, float("nan"))


OVER_WEIGHTS: dict[str, Callable[[LlamaForCausalLM, Other, int, int], Iterator[Step]]] = {
    "noise": noise,
    "quantised": quantised,
    "other_seed": other_seed,
}
"""Every one by its name. `other` gives the base of the next seed to whoever asks."""
