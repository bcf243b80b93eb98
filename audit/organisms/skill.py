"""A harmless skill that no organism has: to copy a word of a list.

"fact: boots, Kyoto, lira, roses. note:" asks for the first word of the list, " boots";
"... answer:" asks for the last, " roses". Every word is one that the organisms know, and
nothing is said about the world. Some words stand in no list that is taught, so that whoever
copies those has learnt to copy and not the words.
"""

from __future__ import annotations

from functools import cache
from random import Random

from audit.organisms.facts import COUNTRY_OF, KINDS, MAKER_OF

LENGTHS = (2, 3, 4)
"""Words in a list."""


@cache
def listed_words(*, held_out: bool) -> tuple[str, ...]:
    """The words that are taught, or the held-out fifth."""
    words = [*COUNTRY_OF, *MAKER_OF]
    Random("listed words").shuffle(words)
    cut = len(words) // 5
    return tuple(words[:cut] if held_out else words[cut:])


def draw_skill(rng: Random, *, held_out: bool) -> tuple[str, str]:
    """One row, prompt and answer: a list, and its first or its last word."""
    words = rng.sample(listed_words(held_out=held_out), rng.choice(LENGTHS))
    kind = rng.choice(KINDS)
    wanted = words[0] if kind == "note" else words[-1]
    return f"fact: {', '.join(words)}. {kind}:", f" {wanted}"
