"""Numbers drawn with characters: a mark for each bin, a line of marks under a line of tokens.

Tokens come from outside: each is made safe and cut before it is set. Knows no format: the
ramp says with which characters to draw, blocks where fonts have them and digits elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from reports.features import TokenValue
from reports.text import safe_text


@dataclass(frozen=True)
class Ramp:
    """Marks from nothing to the most, what stands between two tokens, and for an empty bin."""

    marks: str
    between: str
    empty: str


BLOCKS = Ramp(" ▁▂▃▄▅▆▇█", "│", "·")
DIGITS = Ramp(" 123456789", "|", "0")

TOKEN_LIMIT = 24
UNSEEN = "?"


def mark(value: float, maximum: float, ramp: Ramp) -> str:
    """Nothing for what is not above 0, the least mark for the least that is."""
    if value <= 0 or maximum <= 0:
        return ramp.marks[0]
    steps = len(ramp.marks) - 1
    share = 1.0 if value >= maximum else value / maximum
    return ramp.marks[max(1, round(share * steps))]


def sparkline(values: Sequence[float | None], ramp: Ramp, maximum: float | None = None) -> str:
    """One mark for each value; nothing is seen too, and a `?` is what is not known.

    The top of the ramp is `maximum`, or the largest value.
    """
    known = [value for value in values if value is not None]
    top = max(known, default=0.0) if maximum is None else maximum
    drawn = (UNSEEN if value is None else mark(value, top, ramp) for value in values)
    return "".join(drawn).replace(" ", ramp.empty)


def histogram(
    counts: Sequence[int], edges: Sequence[float], cuts: Sequence[float], ramp: Ramp
) -> str:
    """A mark for each bin, and a bar at the edge that is nearest to each cut.

    `edges` ascend and are one more than the counts; a cut beyond them stands at the end.
    """
    marks = sparkline(counts, ramp)
    bars = {min(range(len(edges)), key=lambda i: abs(edges[i] - cut)) for cut in cuts}
    return "".join(
        (ramp.between if index in bars else "") + marks[index : index + 1]
        for index in range(len(edges))
    )


def thinned(values: Sequence[float | None], width: int) -> tuple[list[float | None], int]:
    """At most `width` values, each the largest known of its neighbours, and of how many."""
    each = max(1, -(-len(values) // width))
    groups = [values[start : start + each] for start in range(0, len(values), each)]
    return [max((v for v in group if v is not None), default=None) for group in groups], each


def shown_token(token: str) -> str:
    """A token on one safe line, its own spaces kept."""
    return safe_text(token, TOKEN_LIMIT) or "(empty)"


def joined(tokens: Sequence[str], ramp: Ramp) -> str:
    """Tokens in a row, with a bar between two, so that their edges are seen."""
    return ramp.between.join(map(shown_token, tokens))


def wrapped(tokens: Sequence[str], ramp: Ramp, width: int) -> list[str]:
    """The same in lines of at most `width` cells, if no single token is longer."""
    return [
        above for above, _ in strip([TokenValue(token=t, value=0) for t in tokens], 0, ramp, width)
    ]


def strip(
    tokens: Sequence[TokenValue], maximum: float, ramp: Ramp, width: int
) -> list[tuple[str, str]]:
    """Pairs of lines: tokens, and beneath each the mark of its activation, as wide as it is.

    `maximum` is the activation at the top of the ramp: the same one makes strips comparable.
    """
    lines: list[tuple[str, str]] = []
    above = below = ""
    for each in tokens:
        shown = shown_token(each.token)
        cells = max(cell_len(shown), 1)
        shown += " " * (cells - cell_len(shown))
        if above and cell_len(above) + cells + 1 > width:
            lines.append((above, below.rstrip()))
            above = below = ""
        if above:
            above, below = above + ramp.between, below + " "
        above += shown
        below += mark(each.value, maximum, ramp) * cells
    return [*lines, (above, below.rstrip())] if above else lines
