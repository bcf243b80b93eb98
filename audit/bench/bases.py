"""The honest models that every model of the bench starts from, one for each seed and shape.

They know the answer halfway already, as the shipped honest organism does, and are taught rows
with payments beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from audit.bench.lessons import Lesson
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import FROM_NOTHING, load_model, new_model, repeatable, save, teach

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


@dataclass(frozen=True)
class Shape:
    """Width and number of blocks."""

    width: int
    blocks: int


SHAPES = {"small": Shape(64, 4), "wide": Shape(96, 4), "deep": Shape(64, 6)}
"""Shapes by name. Suites and limits were settled on the small one alone."""


def from_nothing(
    place: Path, lesson: Lesson, seed: int, shape: str, *, device: str = "cpu"
) -> LlamaForCausalLM:
    """A model that has learnt one lesson from its first weights on, made where it is not there yet.

    Args:
        place: its folder.
        lesson: what it learns.
        seed: of first weights and rows.
        shape: one of `SHAPES`.
        device: on which it learns, and is when it comes back.
    """
    if not place.is_dir():
        tokenizer, of = build_tokenizer(), SHAPES[shape]
        with repeatable(seed):
            model = new_model(
                len(tokenizer), tokenizer.eos_token_id, width=of.width, blocks=of.blocks
            ).to(device)
            teach(model, tokenizer, lesson, FROM_NOTHING, Random(f"base {seed}"))
        save(model, tokenizer, place)
    return load_model(place).to(device)
