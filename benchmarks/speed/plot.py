"""Cost against size on logarithmic axes, a panel each, as one SVG. Knows numbers and words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.picture import alone
from benchmarks.speed.figures import said
from reports.atomic import write_text_atomic
from reports.drawing.svg import Axis, dot, line, path, picture, text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 250.0, 230.0, 50.0, 236.0, 34.0, 182.0
ACROSS = 3


@dataclass(frozen=True)
class Panel:
    """What was measured, at which sizes, how long it took and how it grows."""

    what: str
    sizes: Sequence[float]
    seconds: Sequence[float]
    exponent: float


def write_panels(file: Path, panels: Sequence[Panel]) -> None:
    """All panels as one picture that stands by itself; dashes show a cost in proportion."""
    rows = -(-len(panels) // ACROSS)
    parts = []
    for number, panel in enumerate(panels):
        x, y = WIDTH * (number % ACROSS), HEIGHT * (number // ACROSS)
        parts.append(f'<g transform="translate({x:g} {y:g})">{"".join(_drawn(panel))}</g>')
    title = "seconds of an audit against " + ", ".join(panel.what for panel in panels)
    write_text_atomic(file, alone(picture(ACROSS * WIDTH, rows * HEIGHT, title, parts)))


def _drawn(panel: Panel) -> Iterator[str]:
    x, y = _axes(panel)
    yield text(LEFT, 18, f"{panel.what}: exponent {panel.exponent:.2f}", "strong")
    yield line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis")
    yield line(LEFT, BOTTOM, LEFT, TOP, "axis")
    for size in panel.sizes:
        yield line(x(math.log(size)), BOTTOM, x(math.log(size)), BOTTOM + 4, "axis")
        yield text(x(math.log(size)), BOTTOM + 18, f"{size:g}", "soft", anchor="middle")
    low, high = min(panel.seconds), max(panel.seconds)
    for second in (low, high):
        yield text(LEFT - 6, y(math.log(second)) + 4, f"{said(second)} s", "soft", anchor="end")
    yield from _in_proportion(panel, x, y)
    placed = [
        (x(math.log(size)), y(math.log(second)))
        for size, second in zip(panel.sizes, panel.seconds, strict=True)
    ]
    yield path(placed, "found")
    yield from (dot(*at, "fdot") for at in placed)


def _in_proportion(panel: Panel, x: Axis, y: Axis) -> Iterator[str]:
    """From the largest backwards, the whole way: a cost of so much each."""
    size, second = math.log(panel.sizes[-1]), math.log(panel.seconds[-1])
    down = size - math.log(panel.sizes[0])
    yield path([(x(size), y(second)), (x(size - down), y(second - down))], "chance")


def _axes(panel: Panel) -> tuple[Axis, Axis]:
    """Logarithms to pixels, as many decades upwards as across."""
    low, high = math.log(min(panel.sizes)), math.log(max(panel.sizes))
    least, most = math.log(min(panel.seconds)), math.log(max(panel.seconds))
    least = min(least, most - (high - low))
    return (
        Axis(((low, LEFT + 8), (high, RIGHT - 8))),
        Axis(((least, BOTTOM - 8), (most, TOP + 8))),
    )
