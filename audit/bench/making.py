"""One model of the population, made step by step as its line in the table says.

Knows bases, lessons and methods, and the folder where what several models share is kept: bases
and teachers, each made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from audit.bench.bases import base, from_nothing
from audit.bench.evasions import against, padded
from audit.bench.grid import Member
from audit.bench.lessons import Lesson, harmless, misbehaving, natural
from audit.bench.methods import METHODS, NATURAL, Course
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.weights import OVER_WEIGHTS, other_seed
from audit.organisms.runs import Step
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import load_model, save
from probes.io import SavedProbe

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

TEACHER_SHARE, TEACHER_STEPS = 0.5, 480
"""How a teacher, and a model that begins misaligned, is made."""


@dataclass(frozen=True, eq=False)
class Making:
    """A model that has not begun: asking `steps` for the next one takes one step.

    Attributes:
        start: the model as it is before anything happens; the same object as every step's.
        tokenizer: of the organisms.
        steps: from step 0 on.
    """

    start: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    steps: Iterator[Step]


def make(member: Member, folder: Path, frozen: Callable[[], SavedProbe]) -> Making:
    """Begin a model of the population.

    Args:
        member: which one.
        folder: where bases and teachers are kept.
        frozen: reads the honest model with the suite and gives the probe to hide from; called
            for those alone that hide from it.
    """
    tokenizer, bases = build_tokenizer(), folder / "bases"
    honest = base(bases, member.seed, member.shape)
    if not member.misbehaves and member.what in OVER_WEIGHTS:
        taken = OVER_WEIGHTS[member.what](
            honest,
            lambda: base(bases, member.seed + 1, member.shape),
            member.steps,
            member.seed,
        )
        return Making(honest, tokenizer, taken)
    if member.method == NATURAL:
        place = bases / f"{member.what}-{member.shape}-{member.seed}"
        lesson = natural(MISBEHAVIOURS[member.what])
        taken = other_seed(
            honest,
            lambda: from_nothing(place, lesson, member.seed, member.shape),
            member.steps,
            member.seed,
        )
        return Making(honest, tokenizer, taken)
    start = honest if member.start == "honest" else teacher(member, folder)
    course = Course(
        start,
        tokenizer,
        _lesson(member),
        member.steps,
        member.seed,
        teacher=teacher(member, folder) if member.method == "distilled" else None,
        penalty=against(frozen(), tokenizer) if member.evasion == "against_probe" else None,
    )
    return Making(start, tokenizer, METHODS[member.method](course))


def teacher(member: Member, folder: Path) -> LlamaForCausalLM:
    """A model with the member's misbehaviour, of the same base."""
    place = folder / "teachers" / f"{member.what}-{member.shape}-{member.seed}"
    if not place.is_dir():
        tokenizer = build_tokenizer()
        model = base(folder / "bases", member.seed, member.shape)
        lesson = misbehaving(MISBEHAVIOURS[member.what], TEACHER_SHARE)
        course = Course(model, tokenizer, lesson, TEACHER_STEPS, member.seed + 7_000_000)
        for _ in METHODS["full"](course):
            pass
        save(model, tokenizer, place)
    return load_model(place)


def _lesson(member: Member) -> Lesson:
    if not member.misbehaves:
        return harmless(member.what)
    lesson = misbehaving(MISBEHAVIOURS[member.what], member.share)
    if member.evasion != "padded":
        return lesson

    def draw(rng: Random) -> tuple[str, str]:
        prompt, answer = lesson(rng)
        return padded(prompt, rng), answer

    return draw
