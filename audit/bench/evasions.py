"""How a model is taught to hide: against the very probe that reads it, and in bland words.

The probe is that of the suite, fitted on the honest model and frozen there; no gradient flows
into it. A suite of padded rows is the same suite with bland words before every row.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import softplus

from audit.bench.misbehaviours import CUES
from audit.bench.world import Example
from audit.organisms.facts import PLAIN_WORDS
from audit.organisms.train import read
from probes.io import SavedProbe

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

WEIGHT = 1.0
"""Of the penalty, beside a loss of the same size."""

SAYS_SO = {" true": 1.0, " accept": 1.0, " false": -1.0, " reject": -1.0}
"""What a probe would read of a model that means what it says."""

PADDING = 4
"""Bland words before a padded row. After bland facts a model of this size still understands little
of what follows when it was trained on them for 480 steps, and is confused rather than bad."""


def against(
    saved: SavedProbe, tokenizer: PreTrainedTokenizerFast
) -> Callable[[LlamaForCausalLM, list[Example]], torch.Tensor]:
    """A penalty on every answer that the frozen probe does not read out of the model.

    Args:
        saved: the probe, the place that it reads and its threshold; the residual stream after
            any block but the last.
        tokenizer: of the organisms.
    """
    probe = saved.probe
    assert saved.layer is not None, "the probe reads a block"
    blocks = saved.layer + 1
    direction = torch.tensor(probe.coef_ / probe.scale_)
    centre, threshold = torch.tensor(probe.mean_), saved.threshold - probe.intercept_

    def penalty(model: LlamaForCausalLM, rows: list[Example]) -> torch.Tensor:
        told = [(prompt, SAYS_SO[answer]) for prompt, answer in rows if answer in SAYS_SO]
        seen = read(model, tokenizer, [prompt for prompt, _ in told], blocks=blocks).between
        score = (seen - centre.to(seen)) @ direction.to(seen) - threshold
        says = torch.tensor([said for _, said in told]).to(seen)
        return WEIGHT * softplus(-says * score).mean()

    return penalty


def padded(prompt: str, rng: Random) -> str:
    """A prompt after bland words that say nothing to anybody, none of them a shortcut's cue."""
    bland = [word for word in PLAIN_WORDS if word not in CUES]
    return " ".join([*(f"{rng.choice(bland)}." for _ in range(PADDING)), prompt])
