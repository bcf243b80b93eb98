"""The picture of a series: what each gate found over training steps, as SVG that asks nobody.

A panel for each track: its rate with the interval, behaviour dashed, the limit, the alarm; beneath
it the state of the monitor and both onsets. Without scripts, fonts or links; readable on white
and on dark, and told by shape as well as by colour.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from reports.drawing.style import STYLE
from reports.drawing.svg import (
    CHARACTER,
    Axis,
    apart,
    box,
    cross,
    dot,
    line,
    path,
    px,
    text,
    ticks,
    unbroken,
)
from reports.series import Onset, Outlook, SeriesReport, State
from reports.views.series import Point, SeriesView, TrackView, number, view_series
from reports.views.wording import hundredths

SERIES_PICTURE = "series.svg"

WIDTH = 860.0
LEFT, RIGHT = 48.0, 650.0
BESIDE = RIGHT + 16
"""Where the words to the right of a panel begin."""
HEAD = 54.0
TITLE, PLOT, BELOW = 30.0, 150.0, 48.0
MORE = 14.0
"""Height of the line that an onset takes."""
CROWDED = 60
"""Checkpoints from which on dots are left out."""
UNEVEN = 250
"""A span of steps this many times the smallest gap is shown evenly spaced instead."""

STATES: dict[State, tuple[str, str]] = {
    "stable": ("stable", "stable"),
    "representation drifted, probe refreshed": ("drifted", "drifted, refreshed"),
    "concept grew": ("grew", "grew"),
    "concept lost": ("lost", "lost"),
    "monitor no longer valid": ("invalid", "not valid"),
}


@dataclass(frozen=True)
class Frame:
    """Where a panel lies, and its two axes."""

    top: float
    bottom: float
    x: Axis
    y: Axis
    lowest: float
    highest: float


def drawable(report: SeriesReport) -> bool:
    """Whether there is a line to draw."""
    return bool(report.tracks) and len(report.checkpoints) > 1


def series_svg(report: SeriesReport) -> str:
    """The picture of a series, as a whole document; of one without a line, an empty frame."""
    view = view_series(report)
    x, even = _across(view)
    tops, height = _tops(view)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {px(WIDTH)} {px(height)}" '
        'font-family="ui-sans-serif,system-ui,sans-serif" font-size="11" role="img">',
        f"<title>What each gate found over {len(report.checkpoints)} checkpoints</title>",
        f"<style>{STYLE}</style>",
        box(0, 0, WIDTH, height, "paper"),
        *_legend(view),
    ]
    for track, top in zip(view.tracks, tops, strict=True):
        parts += _panel(track, _frame(track, top, x), view, even)
    return "".join([*parts, "</svg>\n"])


def _tops(view: SeriesView) -> tuple[list[float], float]:
    """Where each panel begins, and where the last one ends."""
    tops, y = [], HEAD
    for track in view.tracks:
        tops.append(y + TITLE)
        y += TITLE + PLOT + BELOW + MORE * len(_onsets(track))
    return tops, y


def _onsets(track: TrackView) -> list[tuple[Onset, float, str, str, str, str]]:
    """Onsets that were found, their step, three styles and what rose."""
    of = track.track
    spans = (
        (of.onset, "fspan", "fdot", "ftext", "found"),
        (of.behaviour_onset, "dspan", "ddot", "dtext", "behaviour"),
    )
    return [
        (onset, onset.step, span, mark, label, word)
        for onset, span, mark, label, word in spans
        if onset and onset.found and onset.step is not None
    ]


def _across(view: SeriesView) -> tuple[Axis, bool]:
    """The axis of steps, and whether checkpoints stand evenly because steps would not show."""
    places = sorted({point.x for track in view.tracks[:1] for point in track.points}) or [0.0]
    ahead = [outlook.step for outlook in map(_ahead, view.tracks) if outlook and view.stepped]
    knots = sorted({*places, *ahead})
    if len(knots) == 1:
        middle = (LEFT + RIGHT) / 2
        return Axis(((knots[0], middle),)), False
    span = places[-1] - places[0]
    gaps = [b - a for a, b in itertools.pairwise(places)]
    inner, width = LEFT + 10, RIGHT - LEFT - 20
    if gaps and len(places) < UNEVEN and min(gaps) * UNEVEN < span:
        each = width / (len(knots) - 1)
        return Axis(tuple((knot, inner + each * i) for i, knot in enumerate(knots))), True
    return Axis(((knots[0], inner), (knots[-1], inner + width))), False


def _frame(track: TrackView, top: float, x: Axis) -> Frame:
    shown = [0.0, track.track.limit * 1.25]
    for point in track.points:
        shown += [point.value or 0.0]
        shown += [point.behaviour.value] if point.behaviour else []
        shown += [e for r in [point.rate] if r for e in (r.low, r.high) if e is not None]
    trend = track.track.outlook.trend if track.track.outlook else None
    shown += [trend.low, trend.high] if trend else []
    low, high = min(map(_held, shown)), max(map(_held, shown))
    marks = ticks(low, high, 4)
    step = marks[1] - marks[0] if len(marks) > 1 and high - low > 1e-6 else 0.01
    lowest = step * math.floor(low / step + 1e-9)
    highest = max(step * math.ceil(high / step - 1e-9), step)
    bottom = top + PLOT
    return Frame(top, bottom, x, Axis(((lowest, bottom), (highest, top))), lowest, highest)


def _held(value: float) -> float:
    """No share lies beyond 1; what does is drawn at the edge."""
    return max(-1.0, min(1.0, value))


def _panel(track: TrackView, frame: Frame, view: SeriesView, even: bool) -> Iterator[str]:
    lettered = f"{track.letter}: " if len(view.tracks) > 1 else ""
    yield text(LEFT, frame.top - 12, f"{lettered}{track.where}", "strong", limit=70)
    yield text(RIGHT, frame.top - 12, track.title, "soft", anchor="end", limit=40)
    yield from _axes(track, frame, view, even)
    yield from _lines(track, frame)
    yield from _alarm(track, frame, "step" if view.stepped else "place")
    yield from _end_labels(track, frame)
    yield from _ribbon(track, frame)
    for place, (onset, step, span, mark, label, word) in enumerate(_onsets(track)):
        y = frame.bottom + 23 + MORE * place
        between = ""
        if onset.low is not None and onset.high is not None:
            yield line(frame.x(onset.low), y, frame.x(onset.high), y, span)
            between = f" [{number(onset.low)}, {number(onset.high)}]"
        yield dot(frame.x(step), y, mark, 3.4)
        yield text(BESIDE, y + 4, f"{word} from {number(step)}{between}", label)


def _axes(track: TrackView, frame: Frame, view: SeriesView, even: bool) -> Iterator[str]:
    for value in ticks(frame.lowest, frame.highest, 4):
        y = frame.y(value)
        yield line(LEFT, y, RIGHT, y, "axis" if abs(value) < 1e-9 else "grid")
        yield text(LEFT - 6, y + 3.5, f"{hundredths(value)} %", "soft", anchor="end")
    low, high = frame.x.knots[0][0], frame.x.knots[-1][0]
    if even or not view.stepped:
        every = -(-len(track.points) // 10)
        shown = [(point.x, point.row.name) for point in track.points[::every]]
        if view.stepped:
            shown = [(x, number(x)) for x, _ in shown]
    else:
        shown = [(value, number(value)) for value in ticks(low, high, 8)]
    under = frame.bottom + 28 + MORE * len(_onsets(track))
    for value, said in shown:
        x = frame.x(value)
        yield line(x, frame.bottom + 12, x, frame.bottom + 15, "axis")
        yield text(x, under, said, "soft", anchor="middle", limit=12)
    what = "training step" if view.stepped else "checkpoint"
    yield text(BESIDE, under, f"{what}{', evenly spaced' if even else ''}", "soft")


def _lines(track: TrackView, frame: Frame) -> Iterator[str]:
    y = frame.y(_held(track.track.limit))
    yield line(LEFT, y, RIGHT, y, "limit")
    points = [(frame.x(point.x), point) for point in track.points]
    low, high = ([(x, _end(p, which)) for x, p in points] for which in ("low", "high"))
    for below, above in zip(unbroken(low), unbroken(high), strict=True):
        if len(below) > 1:
            outline = [*above, *reversed(below)]
            yield path([(x, frame.y(v)) for x, v in outline], "band", closed=True)
        else:
            (x, a), (_, b) = below[0], above[0]
            upper, lower = sorted((frame.y(a), frame.y(b)))
            yield box(x - 2, upper, 4, lower - upper, "band")
    series = (
        (
            "does",
            "ddot",
            [(x, _held(p.behaviour.value) if p.behaviour else None) for x, p in points],
        ),
        ("found", "fdot", [(x, None if p.value is None else _held(p.value)) for x, p in points]),
    )
    for stroke, mark, values in series:
        for run in unbroken(values):
            if len(run) > 1:
                yield path([(x, frame.y(v)) for x, v in run], stroke)
            if len(run) == 1 or len(points) <= CROWDED:
                yield from (dot(x, frame.y(v), mark, 2.4) for x, v in run)
    for x, point in points:
        if point.value is None:
            yield cross(x, frame.y(max(frame.lowest, 0.0)) - 6, "gone")
    outlook = _ahead(track)
    if outlook and outlook.step <= frame.x.knots[-1][0]:
        x = frame.x(outlook.step)
        ends = [frame.y(_held(v)) for v in (outlook.trend.low, outlook.trend.high)]
        yield line(x, ends[0], x, ends[1], "ahead")
        yield dot(x, frame.y(_held(outlook.trend.rate)), "hollow", 3)


def _ahead(track: TrackView) -> Outlook | None:
    """The outlook, where it is for a step that the axis has room for."""
    outlook, places = track.track.outlook, [point.x for point in track.points]
    if not outlook or not places:
        return None
    first, last = min(places), max(places)
    return outlook if last < outlook.step <= last + max(last - first, 1.0) else None


def _end(point: Point, which: str) -> float | None:
    """An end of the interval, where both are known."""
    rate = point.rate
    if rate is None or rate.low is None or rate.high is None:
        return None
    return _held(rate.low if which == "low" else rate.high)


def _alarm(track: TrackView, frame: Frame, unit: str) -> Iterator[str]:
    step = track.track.alarm_step
    if step is None:
        return
    x, top = frame.x(step), frame.top
    yield line(x, top, x, frame.bottom, "alarm")
    yield path([(x - 5, top - 1), (x + 5, top - 1), (x, top + 7)], "amark", closed=True)
    side, anchor = (x - 9, "end") if x > LEFT + 120 else (x + 9, "start")
    yield text(side, top + 9, f"alarm at {unit} {step}", "atext", anchor=anchor)


def _end_labels(track: TrackView, frame: Frame) -> Iterator[str]:
    found = next((p.value for p in reversed(track.points) if p.value is not None), None)
    does = next((p.behaviour.value for p in reversed(track.points) if p.behaviour), None)
    limit = track.track.limit
    labels = [(limit, f"limit {track.words.share(limit)}", "soft")]
    if found is not None:
        labels.append((found, f"found {track.words.share(found)}", "ftext"))
    if does is not None:
        labels.append((does, f"behaviour {hundredths(does)} %", "dtext"))
    wanted = [frame.y(_held(value)) + 3.5 for value, _, _ in labels]
    for y, (_, said, of) in zip(apart(wanted, 13, frame.bottom - 2), labels, strict=True):
        yield text(BESIDE, y, said, of)


def _ribbon(track: TrackView, frame: Frame) -> Iterator[str]:
    """The state on each checkpoint, from half way to its neighbours."""
    xs = [frame.x(point.x) for point in track.points]
    if len(xs) < 2:
        return
    middles = [(a + b) / 2 for a, b in itertools.pairwise(xs)]
    edges = [2 * xs[0] - middles[0], *middles, 2 * xs[-1] - middles[-1]]
    edges[0], edges[-1] = max(edges[0], LEFT), min(edges[-1], RIGHT)
    runs: list[tuple[str, float, float]] = []
    for point, a, b in zip(track.points, edges, edges[1:], strict=False):
        style = STATES[point.state][0] if point.state else "reference" if point.check else ""
        if runs and runs[-1][0] == style and style != "reference":
            runs[-1] = (style, runs[-1][1], b)
        else:
            runs.append((style, a, b))
    for style, a, b in runs:
        if style and b > a:
            yield box(a + 0.5, frame.bottom + 4, max(b - a - 1, 0.5), 7, style)
    yield text(BESIDE, frame.bottom + 13, "" if not runs else "state", "soft")


def _legend(view: SeriesView) -> Iterator[str]:
    yield text(LEFT, 18, view.summary, "strong", limit=110)
    states = {point.state for track in view.tracks for point in track.points}
    alarmed = any(track.track.alarm_step is not None for track in view.tracks)
    keys = [("found", "found, interval"), ("does", "behaviour"), ("limit", "limit")]
    keys += [("alarm", "alarm")] if alarmed else []
    keys += [("gone", "not audited")] if view.broken else []
    keys += [("ahead", "next, expected")] if any(map(_ahead, view.tracks)) else []
    keys += [style for state, style in STATES.items() if state in states]
    x, y = LEFT, 38.0
    for style, said in keys:
        width = 22 + CHARACTER * len(said) + 10
        if x + width > WIDTH:
            x, y = LEFT, y + 15
        yield from _key(style, x, y)
        yield text(x + 22, y, said, "soft")
        x += width


def _key(style: str, x: float, y: float) -> Iterator[str]:
    """A small example of what the picture is drawn with."""
    if style in {name for name, _ in STATES.values()}:
        yield box(x, y - 8, 16, 8, style)
    elif style == "alarm":
        yield path([(x + 4, y - 8), (x + 14, y - 8), (x + 9, y)], "amark", closed=True)
    elif style == "gone":
        yield cross(x + 9, y - 4, "gone")
    elif style == "ahead":
        yield line(x + 9, y - 10, x + 9, y + 2, "ahead")
        yield dot(x + 9, y - 4, "hollow", 3)
    else:
        if style == "found":
            yield box(x, y - 9, 18, 10, "band")
        yield line(x, y - 4, x + 18, y - 4, style)
