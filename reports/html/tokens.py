"""A row's tokens with their scores, as a strip of shades.

Above the threshold a token is shaded in four steps up to the strongest of the row and underlined;
below it there is nothing. What the row's score was made of is boxed. So a strip is read without
colour, and every value stands in the text as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.curves import TokenScores

STEPS = 4


@dataclass(frozen=True)
class Token:
    """A token, its value in words, and the classes that draw it."""

    text: str
    value: str
    style: str


def strip(scores: TokenScores, threshold: float | None) -> tuple[Token, ...]:
    """The tokens of a row; without a threshold shades begin at zero."""
    cut = 0.0 if threshold is None else threshold
    most, read = max(scores.values, default=cut), frozenset(scores.read)
    return tuple(
        Token(token, f"{value:.3g}", _style(value, cut, most, place in read))
        for place, (token, value) in enumerate(zip(scores.tokens, scores.values, strict=True))
    )


def _style(value: float, cut: float, most: float, read: bool) -> str:
    classes = ["r"] if read else []
    if value > cut:
        room = most - cut
        share = (value - cut) / room if 0 < room < float("inf") else 1.0
        classes.append(f"p{min(STEPS, 1 + int(share * STEPS))}")
    return " ".join(classes)
