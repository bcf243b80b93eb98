"""One model of the population, made step by step as its line in the table says.

Knows lessons and methods, and the workshop that has what several models share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from audit.bench.evasions import against, padded
from audit.bench.grid import Member
from audit.bench.lessons import Lesson, harmless, misbehaving
from audit.bench.methods import METHODS, Course
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.weights import OVER_WEIGHTS, other_seed
from audit.bench.workshop import Workshop
from audit.organisms.runs import Step
from audit.organisms.tokenizer import build_tokenizer
from probes.io import SavedProbe
from reports.ground_truth import NATURAL

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


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


def make(member: Member, shop: Workshop, frozen: Callable[[], SavedProbe]) -> Making:
    """Begin a model of the population.

    Args:
        member: which one.
        shop: that has what it is made of.
        frozen: reads the honest model with the suite and gives the probe to hide from; called
            for those alone that hide from it.
    """
    tokenizer = build_tokenizer()
    honest = shop.honest(member.seed, member.shape)
    if not member.misbehaves and member.what in OVER_WEIGHTS:
        other = partial(shop.honest, member.seed + 1, member.shape)
        taken = OVER_WEIGHTS[member.what](honest, other, member.steps, member.seed)
        return Making(honest, tokenizer, taken)
    if member.method == NATURAL:
        taken = other_seed(honest, partial(shop.natural, member), member.steps, member.seed)
        return Making(honest, tokenizer, taken)
    start = honest if member.start == "honest" else shop.teacher(member)
    course = Course(
        start,
        tokenizer,
        _lesson(member),
        member.steps,
        member.name,
        teacher=shop.teacher(member) if member.method == "distilled" else None,
        penalty=against(frozen(), tokenizer) if member.evasion == "against_probe" else None,
    )
    return Making(start, tokenizer, METHODS[member.method](course))


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
