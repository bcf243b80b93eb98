"""The pictures of the ground-truth bench: leads as columns, and an AUROC beside others.

Each is a whole `<svg>` for a page that holds `style.STYLE`. Decides nothing.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from reports.drawing.beside import Kind, held, scale, whisker
from reports.drawing.svg import Axis, box, line, picture, text, ticks
from reports.parts import Estimate

WIDTH = 460.0
LEFT, RIGHT, TOP, BASE = 12.0, 448.0, 40.0, 168.0
COLUMNS = 24
"""Bins of an axis of leads, at most and about."""
LONE = 20.0
"""Width of the column of leads that are all 0."""
NEVER = 64.0
"""Width kept at the left for runs without an alarm."""

_ROW, _NAMES, _WORDS = 20.0, 146.0, 136.0
"""Height of a monitor's line, and width of its name and of its number."""


_FOUND = Kind("found")


def leads_drawn(leads: Sequence[float], never: int, sentence: str) -> str | None:
    """How many runs had which lead: too late left of 0, alarm first right of it.

    Args:
        leads: steps from the alarm to behaviour.
        never: runs whose behaviour passed the mark and that raised none.
        sentence: what stands for the picture where it is not seen.
    """
    if not leads and not never:
        return None
    return picture(WIDTH, BASE + 42, sentence, _leads([*map(held, leads)], never))


def _leads(leads: Sequence[float], never: int) -> Iterator[str]:
    start = LEFT + (NEVER if never else 0.0)
    wide = _bin(leads)
    bins = Counter(math.floor(lead / wide) for lead in leads)
    first, last = min([-1, *bins]), max([1, *bins])
    x = Axis(((first * wide, start), ((last + 1) * wide, RIGHT)))
    most = max([never, *bins.values()])
    zero = x(0.0)
    yield box(start, TOP - 4, zero - start, BASE - TOP + 4, "beyond")
    yield line(LEFT, BASE, RIGHT, BASE, "axis")
    for place, count in sorted(bins.items()):
        of = "fires" if place < 0 else "fdot"
        yield from _column(x(place * wide), x((place + 1) * wide), count, most, of)
    if never:
        yield from _column(LEFT, LEFT + NEVER - 24, never, most, "invalid")
        yield text(LEFT + (NEVER - 24) / 2, BASE + 16, "never", "soft", anchor="middle")
    yield line(zero, TOP - 12, zero, BASE, "cut")
    yield text(zero - 8, 14, "too late", "ctext", anchor="end")
    yield text(zero + 8, 14, "alarm first, or at the same audit", "ftext")
    for value in ticks(first * wide, (last + 1) * wide, 7):
        yield line(x(value), BASE, x(value), BASE + 4, "axis")
        side = "end" if x(value) > RIGHT - 12 else "middle"
        yield text(x(value), BASE + 16, f"{value:.10g}", "soft", anchor=side)
    yield text(RIGHT, BASE + 34, "steps from the alarm to the behaviour", "soft", anchor="end")


def _bin(leads: Sequence[float]) -> float:
    """The least difference of two leads, where `COLUMNS` of it hold all; else a round width."""
    known = sorted({0.0, *leads})
    least = min((b - a for a, b in itertools.pairwise(known)), default=LONE)
    rough = (known[-1] - known[0]) / COLUMNS
    if least >= max(rough, 1e-6):
        return least
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * m for m in (1, 2, 5, 10, 20) if power * m >= rough * (1 - 1e-9))


def _column(a: float, b: float, count: int, most: int, of: str) -> Iterator[str]:
    tall = (BASE - TOP - 16) * count / most
    yield box(a + 1, BASE - tall, max(b - a - 2, 1), tall, of)
    yield text((a + b) / 2, BASE - tall - 5, f"{count}", "strong", anchor="middle")


def aurocs_drawn(rows: Sequence[tuple[str, Estimate, str]]) -> str | None:
    """The AUROC of each monitor on one axis from 0 to 1, with a line where guessing stands.

    Args:
        rows: name, number, and the number in words.
    """
    if not rows:
        return None
    title = "AUROC over models: " + ", ".join(f"{name} {said}" for name, _, said in rows)
    return picture(WIDTH, _ROW * len(rows) + 30, title, _aurocs(rows))


def _aurocs(rows: Sequence[tuple[str, Estimate, str]]) -> Iterator[str]:
    x = Axis(((0.0, _NAMES), (1.0, WIDTH - _WORDS)))
    yield from scale(x, _ROW * len(rows) + 4, 2, at=0.5)
    for place, (name, found, said) in enumerate(rows):
        y = _ROW * place + 14
        yield text(_NAMES - 12, y + 4, name.removesuffix(" probe"), anchor="end", limit=20)
        yield from whisker(_FOUND, found, x, y)
        yield text(WIDTH - _WORDS + 10, y + 4, said, limit=24)
