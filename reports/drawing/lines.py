"""Lines over checkpoints, small enough to stand beside each other and on a phone.

One drawing for everything that a series follows: rates, probes, drift. Each line has dashes and a
mark of its own and its name at its end, so colour is never needed. Knows numbers and words; knows
no record.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reports.drawing.svg import (
    Axis,
    apart,
    box,
    cross,
    dot,
    line,
    path,
    picture,
    text,
    ticks,
    unbroken,
)

WIDTH = 460.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 346.0, 22.0, 172.0
CROWDED = 40
UNEVEN = 250


@dataclass(frozen=True)
class Line:
    """One number over the checkpoints, with its interval where there is one."""

    name: str
    values: Sequence[float | None]
    lows: Sequence[float | None] = ()
    highs: Sequence[float | None] = ()
    stroke: str = "found"
    mark: str = "fdot"
    label: str = "ftext"


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step, or between two."""

    at: float
    name: str
    low: float | None = None
    high: float | None = None
    of: str = "alarm"
    label: str = "atext"


@dataclass(frozen=True)
class Over:
    """Lines over the same checkpoints. `gone` are places where nothing was measured."""

    title: str
    places: Sequence[float]
    names: Sequence[str]
    lines: Sequence[Line]
    limit: float | None = None
    limit_name: str = "limit"
    marks: Sequence[Mark] = ()
    gone: Sequence[float] = ()
    low: float | None = None
    high: float | None = None
    least: float = -1.0
    most: float = 1.0
    said: Callable[[float], str] = "{:.2g}".format
    unit: str = "training step"


def lines_over(over: Over) -> str:
    """The drawing as a whole `<svg>` for a page that holds `style.STYLE`."""
    spans = [mark for mark in over.marks if mark.low is not None]
    height = BOTTOM + 44 + 15 * len(spans)
    return picture(WIDTH, height, over.title, _drawn(over, spans))


def _drawn(over: Over, spans: Sequence[Mark]) -> Iterator[str]:
    x, even = _across(over)
    y = _upwards(over)
    yield from _axes(over, x, y, even, below=15 * len(spans))
    for each in over.lines:
        yield from _band(each, over, x, y)
    if over.limit is not None:
        level = y(over.limit)
        yield line(LEFT, level, RIGHT, level, "limit")
    for each in over.lines:
        yield from _line(each, over, x, y)
    for place in over.gone:
        yield cross(x(place), BOTTOM - 7, "gone")
    yield from _marks(over, spans, x)
    yield from _ends(over, y)


def _across(over: Over) -> tuple[Axis, bool]:
    """The axis of steps, and whether they stand evenly because they would not show apart."""
    places = sorted(set(over.places)) or [0.0]
    left, right = LEFT + 8, RIGHT - 8
    if len(places) == 1:
        return Axis(((places[0], (left + right) / 2),)), False
    gaps = [b - a for a, b in itertools.pairwise(places)]
    if len(places) < UNEVEN and min(gaps) * UNEVEN < places[-1] - places[0]:
        each = (right - left) / (len(places) - 1)
        return Axis(tuple((place, left + each * i) for i, place in enumerate(places))), True
    return Axis(((places[0], left), (places[-1], right))), False


def _upwards(over: Over) -> Axis:
    shown = [0.0 if over.low is None else over.low, *([] if over.high is None else [over.high])]
    if over.limit is not None:
        shown.append(_held(over.limit * 1.25, over))
    for each in over.lines:
        for values in (each.values, each.lows, each.highs):
            shown += [_held(value, over) for value in values if value is not None]
    low, high = min(shown), max(shown)
    if high - low < 1e-9:
        high = low + 0.01
    marks = ticks(low, high, 4)
    step = marks[1] - marks[0] if len(marks) > 1 else high - low
    bottom = step * math.floor(low / step + 1e-9)
    if low - bottom > 0.6 * step and low < 0:  # an interval's end a little below 0 is no axis
        bottom = low - 0.05 * step
    top = max(step * math.ceil(high / step - 1e-9), bottom + step)
    return Axis(((bottom, BOTTOM), (top, TOP)))


def _held(value: float, over: Over) -> float:
    """What lies beyond what such a number can be is drawn at the edge."""
    return max(over.least, min(over.most, value))


def _axes(over: Over, x: Axis, y: Axis, even: bool, below: float) -> Iterator[str]:
    lowest, highest = y.knots[0][0], y.knots[-1][0]
    for value in ticks(lowest, highest, 4):
        level = y(value)
        yield line(LEFT, level, RIGHT, level, "axis" if abs(value) < 1e-9 else "grid")
        yield text(LEFT - 6, level + 4, over.said(value), "soft", anchor="end", limit=8)
    first, last = x.knots[0][0], x.knots[-1][0]
    named = list(zip(over.places, over.names, strict=True))
    if even or over.unit != "training step":
        shown = named[:: -(-len(named) // 5)] if named else []
    else:
        shown = [(value, f"{value:g}") for value in ticks(first, last, 5)]
    for place, name in shown:
        yield line(x(place), BOTTOM, x(place), BOTTOM + 4, "axis")
        yield text(x(place), BOTTOM + 18, name, "soft", anchor="middle", limit=10)
    evenly = ", evenly spaced" if even else ""
    middle = (LEFT + RIGHT) / 2
    yield text(middle, BOTTOM + 36 + below, f"{over.unit}{evenly}", "soft", anchor="middle")


def _band(each: Line, over: Over, x: Axis, y: Axis) -> Iterator[str]:
    ends = list(zip(over.places, each.lows, each.highs, strict=False))
    known = [low is not None and high is not None for _, low, high in ends]
    lows = [(x(p), low if ok else None) for (p, low, _), ok in zip(ends, known, strict=True)]
    highs = [(x(p), high if ok else None) for (p, _, high), ok in zip(ends, known, strict=True)]
    for below, above in zip(unbroken(lows), unbroken(highs), strict=True):
        if len(below) > 1:
            around = [*above, *reversed(below)]
            yield path([(at, y(_held(v, over))) for at, v in around], "band", closed=True)
        else:
            (at, low), (_, high) = below[0], above[0]
            upper, lower = sorted((y(_held(low, over)), y(_held(high, over))))
            yield box(at - 2, upper, 4, lower - upper, "band")


def _line(each: Line, over: Over, x: Axis, y: Axis) -> Iterator[str]:
    points = [(x(place), value) for place, value in zip(over.places, each.values, strict=True)]
    for run in unbroken(points):
        placed = [(at, y(_held(value, over))) for at, value in run]
        if len(placed) > 1:
            yield path(placed, each.stroke)
        if len(placed) == 1 or len(points) <= CROWDED:
            yield from (dot(at, level, each.mark, 2.4) for at, level in placed)


def _marks(over: Over, spans: Sequence[Mark], x: Axis) -> Iterator[str]:
    for mark in over.marks:
        if mark in spans:
            continue
        at = x(mark.at)
        yield line(at, TOP, at, BOTTOM, mark.of)
        yield path([(at - 5, TOP - 2), (at + 5, TOP - 2), (at, TOP + 6)], "amark", closed=True)
        side = "end" if at > (LEFT + RIGHT) / 2 else "start"
        yield text(at + (-9 if side == "end" else 9), TOP - 8, mark.name, mark.label, anchor=side)
    for place, mark in enumerate(spans):
        level = BOTTOM + 30 + 15 * place
        if mark.low is not None and mark.high is not None:
            yield line(x(mark.low), level, x(mark.high), level, mark.of)
        yield dot(x(mark.at), level, mark.label.replace("text", "dot"), 3.4)
        yield text(RIGHT + 10, level + 4, mark.name, mark.label, limit=22)


def _ends(over: Over, y: Axis) -> Iterator[str]:
    """Names of the lines where they end, apart from each other."""
    labels: list[tuple[float, str, str]] = []
    if over.limit is not None:
        labels.append((over.limit, over.limit_name, "soft"))
    for each in over.lines:
        last = next((value for value in reversed(each.values) if value is not None), None)
        if last is not None:
            labels.append((last, f"{each.name} {over.said(last)}", each.label))
    wanted = [y(_held(value, over)) + 4 for value, _, _ in labels]
    for level, (_, said, of) in zip(apart(wanted, 14, BOTTOM), labels, strict=True):
        yield text(RIGHT + 10, level, said, of, limit=20)
