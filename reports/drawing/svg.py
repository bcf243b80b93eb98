"""What a hand-written SVG is made of: escaped text, an axis, round ticks, lines with gaps.

Knows numbers and names of style classes; knows no report.
"""

from __future__ import annotations

import html
import itertools
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reports.text import safe_text

# Characters that no XML may hold, escaped or not, beside those that `safe_text` shows.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
CHARACTER = 5.8
"""Width of a character at 11 px, by which text is placed; fonts are the reader's."""


@dataclass(frozen=True)
class Axis:
    """Numbers to pixels, in straight pieces between knots; beyond the ends it stays there."""

    knots: tuple[tuple[float, float], ...]

    def __call__(self, value: float) -> float:
        """The pixel of a number."""
        first, last = self.knots[0], self.knots[-1]
        if value <= first[0]:
            return first[1]
        for (a, p), (b, q) in zip(self.knots, self.knots[1:], strict=False):
            if value <= b:
                return p + (q - p) * ((value - a) / (b - a))
        return last[1]


def text(
    x: float, y: float, said: str, of: str = "", *, anchor: str = "start", limit: int = 120
) -> str:
    """Text that may come from outside, as an element; `of` names its style."""
    shown = attribute(said, limit)
    placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{px(x)}" y="{px(y)}"{_style(of)}{placed}>{shown}</text>'


def attribute(said: str, limit: int = 300) -> str:
    """Text that may come from outside, for the inside of an element or of quotes."""
    return html.escape(_NO_XML.sub("\ufffd", safe_text(said, limit)))


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """An `<svg>` for a page, with the words that stand for it where it is not seen."""
    return "".join(
        [
            f'<svg class="chart" viewBox="0 0 {px(width)} {px(height)}" width="{px(width)}" '
            f'height="{px(height)}" font-size="12" role="img" '
            f'aria-label="{attribute(title)}">',
            *parts,
            "</svg>",
        ]
    )


def line(x1: float, y1: float, x2: float, y2: float, of: str) -> str:
    """A straight line."""
    return f'<path class="{of}" d="M{px(x1)} {px(y1)}L{px(x2)} {px(y2)}"/>'


def box(x: float, y: float, width: float, height: float, of: str) -> str:
    """A filled box."""
    return f'<rect class="{of}" x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"/>'


def dot(x: float, y: float, of: str, radius: float = 2.6) -> str:
    """A mark at a point."""
    return f'<circle class="{of}" cx="{px(x)}" cy="{px(y)}" r="{px(radius)}"/>'


def cross(x: float, y: float, of: str, size: float = 3.0) -> str:
    """A mark where there is nothing to draw."""
    a, b, c, d = px(x - size), px(x + size), px(y - size), px(y + size)
    return f'<path class="{of}" d="M{a} {c}L{b} {d}M{a} {d}L{b} {c}"/>'


def path(points: Sequence[tuple[float, float]], of: str, *, closed: bool = False) -> str:
    """A line through points."""
    through = "L".join(f"{px(x)} {px(y)}" for x, y in points)
    return f'<path class="{of}" d="M{through}{"Z" if closed else ""}"/>'


def unbroken(
    points: Sequence[tuple[float, float | None]],
) -> Iterator[list[tuple[float, float]]]:
    """Runs of points with a value, in order."""
    run: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None:
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, no more than `most` and one.

    `low` alone where they lie so near or so far apart that no float is a round step between them.
    """
    rough = (high - low) / most
    least = max(sys.float_info.min, 16 * math.ulp(max(abs(low), abs(high))))
    if not least <= rough < math.inf:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def apart(wanted: Sequence[float], gap: float, bottom: float) -> list[float]:
    """Heights of labels near where they are wanted and `gap` apart, none below `bottom`."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = list(wanted)
    for before, place in itertools.pairwise(order):
        placed[place] = max(placed[place], placed[before] + gap)
    ceiling = bottom
    for place in reversed(order):
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - gap
    return placed


def px(value: float) -> str:
    """A coordinate in as few characters as a tenth of a pixel needs."""
    return f"{value + 0.0:.1f}".removesuffix(".0")


def _style(of: str) -> str:
    return f' class="{of}"' if of else ""
