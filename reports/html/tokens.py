"""A row's tokens with their scores, as a strip of shades.

Above the threshold a token is shaded in four steps up to the strongest of the row and underlined;
below it there is nothing. What the row's score was made of is boxed. So a strip is read without
colour. Every value stands there once, as the token's title, and the style sheet shows it as text
where a reader asks for it: twenty rows of twenty checks would weigh too much with each said twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from reports.curves import TokenScores
from reports.text import visible_text

STEPS = 4


@dataclass(frozen=True)
class Token:
    """A token, its value in words, and the class that draws it: one word, or none."""

    text: Markup
    value: str
    style: str


def strip(scores: TokenScores, threshold: float | None) -> tuple[Token, ...]:
    """The tokens of a row; without a threshold shades begin at zero."""
    cut = 0.0 if threshold is None else threshold
    most, read = max(scores.values, default=cut), frozenset(scores.read)
    return tuple(
        Token(shown(token), f"{value:.3g}", shade(value, cut, most, read=place in read))
        for place, (token, value) in enumerate(zip(scores.tokens, scores.values, strict=True))
    )


def shown(token: str) -> Markup:
    """A token as it is, but for what an eye cannot see; one that has no text is a dot.

    The tokens of one character are such: the first has the character, the rest have nothing.
    """
    return Markup.escape(visible_text(token)) if token else Markup("·")


def shade(value: float, cut: float, most: float, *, read: bool) -> str:
    """`p1` to `p4` above the threshold, `r0` to `r4` where the row's score was made of it."""
    step = 0
    if value > cut:
        room = most - cut
        share = min((value - cut) / room, 1.0) if 0 < room < float("inf") else 1.0
        step = min(STEPS, 1 + int(share * STEPS))
    return f"r{step}" if read else f"p{step}" if step else ""
