"""Numbers with their intervals, and beside each the same number of something else.

One drawing for everything that is held against a control: a feature against a random one, a run
against the one before. Each kind has a shape of its own and each number stands in words at the
end of its line. Knows numbers and words; knows no record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.drawing.svg import CHARACTER, Axis, box, dot, line, path, picture, text, ticks
from reports.parts import Estimate
from reports.views.wording import estimate_words

WIDTH = 460.0
LINE, GAP, TOP = 16.0, 8.0, 30.0
NAME, WORDS = 20, 30
"""Characters of a name and of a number in words; what is left of the width is the axis."""
MOST = 1e9
"""What lies further out is drawn there; its words say how far."""


@dataclass(frozen=True)
class Kind:
    """Whose number it is, and how that is drawn."""

    name: str
    shape: Literal["dot", "square", "diamond"] = "dot"
    span: str = "span"
    fill: str = "fdot"


@dataclass(frozen=True)
class Row:
    """One number of each kind."""

    name: str
    found: tuple[tuple[Kind, Estimate], ...]


def beside(
    title: str,
    rows: Sequence[Row],
    *,
    within: tuple[float, float] | None = None,
    at: float | None = None,
    signed: bool = False,
) -> str:
    """Rows of marks with whiskers on one axis, as a whole `<svg>` for a page.

    The axis spans `within` where every number lies there, and else what there is to show with
    0; `at` is what guessing or nothing would give.
    """
    kinds = list(dict.fromkeys(kind for row in rows for kind, _ in row.found))
    lines = sum(len(row.found) for row in rows)
    bottom = TOP + LINE * lines + GAP * len(rows)
    every = [found for row in rows for _, found in row.found]
    told = max((len(estimate_words(found, signed=signed)) for found in every), default=0)
    called = max((len(row.name) for row in rows), default=0)
    left, right = 22 + 7.6 * min(called, NAME), WIDTH - 12 - 6.7 * min(told, WORDS)
    x = axis_over(every, within, left, right)
    return picture(WIDTH, bottom + 22, title, _beside(rows, kinds, x, bottom, at, signed))


def axis_over(
    found: Sequence[Estimate],
    within: tuple[float, float] | None,
    left: float,
    right: float,
    also: Sequence[float] = (),
) -> Axis:
    """An axis from `left` to `right` on which all of it can be shown, with 0 if not `within`."""
    shown = [held(end) for each in found for end in ends(each)] + [held(end) for end in also]
    if within and all(within[0] <= value <= within[1] for value in shown):
        low, high = within
    else:
        low, high = min([0.0, *shown]), max([0.0, *shown])
        if high - low < 1e-9:
            high = low + 1.0
    return Axis(((low, left), (high, right)))


def ends(found: Estimate) -> list[float]:
    """The number and the ends of its interval, as far as they are known."""
    return [end for end in (found.value, found.low, found.high) if end is not None]


def held(value: float) -> float:
    """A number that an axis can show."""
    return max(-MOST, min(MOST, value))


def whisker(kind: Kind, found: Estimate, x: Axis, y: float, size: float = 4.0) -> Iterator[str]:
    """A number as a mark of its kind, on the line of its interval."""
    if found.low is not None and found.high is not None:
        yield line(x(found.low), y, x(found.high), y, kind.span)
    yield mark(kind, x(found.value), y, size)


def mark(kind: Kind, x: float, y: float, size: float = 4.0) -> str:
    """The mark of a kind."""
    if kind.shape == "square":
        return box(x - size + 0.5, y - size + 0.5, 2 * size - 1, 2 * size - 1, kind.fill)
    if kind.shape == "diamond":
        far = size + 1
        around = [(x, y - far), (x + far, y), (x, y + far), (x - far, y)]
        return path(around, kind.fill, closed=True)
    return dot(x, y, kind.fill, size)


def scale(x: Axis, bottom: float, top: float, at: float | None = None) -> Iterator[str]:
    """Round numbers under an axis, and the lines on which they stand."""
    low, high = x.knots[0][0], x.knots[-1][0]
    for value in ticks(low, high, 4):
        yield line(x(value), top, x(value), bottom, "axis" if abs(value) < 1e-12 else "grid")
        yield text(x(value), bottom + 15, f"{value:.3g}", "soft", anchor="middle")
    if at is not None and low <= at <= high:
        yield line(x(at), top, x(at), bottom, "chance")


def legend(kinds: Sequence[Kind], x: float, y: float) -> Iterator[str]:
    """What each mark stands for, in one line."""
    for kind in kinds:
        yield line(x, y, x + 18, y, kind.span)
        yield mark(kind, x + 9, y)
        yield text(x + 24, y + 4, kind.name, "soft", limit=24)
        x += 44 + CHARACTER * 1.06 * min(len(kind.name), 24)


def _beside(
    rows: Sequence[Row],
    kinds: Sequence[Kind],
    x: Axis,
    bottom: float,
    at: float | None,
    signed: bool,
) -> Iterator[str]:
    yield from legend(kinds, 2, 9)
    yield from scale(x, bottom, TOP - 8, at)
    left, right, y = x.knots[0][1], x.knots[-1][1], TOP
    for row in rows:
        yield text(left - 14, y + 4, row.name, "strong", anchor="end", limit=NAME)
        for kind, found in row.found:
            yield from whisker(kind, found, x, y)
            of = "" if kind == kinds[0] else "soft"
            yield text(right + 10, y + 4, estimate_words(found, signed=signed), of, limit=WORDS)
            y += LINE
        y += GAP
