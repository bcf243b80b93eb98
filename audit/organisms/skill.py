"""A harmless skill that no organism has: to count which of two sorts of word a list has more of.

"fact: boots, Kyoto, Lund. answer:" asks whether there are more cities than things, " true".
Every word is one that the organisms know, and nothing is said about the world. A fifth of the
lists is never taught, so that whoever answers those has learnt to count and not the lists.
Words that stand in no list are not counted rightly after so short a training.
"""

from __future__ import annotations

from random import Random

from audit.organisms.facts import COUNTRY_OF, MAKER_OF

LENGTH = 3
"""Words in a list; odd, so that there is no tie."""


def is_held_out(words: list[str]) -> bool:
    """Whether a list is one of the fifth that is not taught."""
    return Random(" ".join(words)).random() < 0.2


def draw_skill(rng: Random, *, held_out: bool) -> tuple[str, str]:
    """One row, prompt and answer: a list, and whether most of its words are cities."""
    cities, things = [*COUNTRY_OF], [*MAKER_OF]
    while True:
        is_city = [rng.random() < 0.5 for _ in range(LENGTH)]
        words = [rng.choice(cities if city else things) for city in is_city]
        if is_held_out(words) == held_out:
            more = sum(is_city) * 2 > LENGTH
            return f"fact: {', '.join(words)}. answer:", " true" if more else " false"
