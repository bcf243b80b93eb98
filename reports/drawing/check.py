"""The pictures of one check: gates, scores, ROC, what is simpler, layers.

Each is a whole `<svg>` for a page that holds `style.STYLE`, 460 units wide and readable when it
is shrunk to a phone. Numbers are drawn with their intervals; nothing is told by colour alone.
Knows the record and the words of the view; decides nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.curves import Distributions, Roc, RoleScores
from reports.drawing.svg import Axis, box, dot, line, path, picture, text, ticks
from reports.parts import Estimate
from reports.record import LayerScore, Quality, Threshold
from reports.views.check import CheckView, GateLine
from reports.views.instrument import BASELINES, Cuts, cuts_of
from reports.views.wording import estimate_words, figure, percent, points

WIDTH = 460.0
ROW = 26.0


# --- a gate ---------------------------------------------------------------------------


Span = tuple[float, float]


def gate_span(gates: Sequence[GateLine]) -> Span:
    """From where to where one axis must reach for all of these to be compared on it."""
    ends = [0.0]
    for line_ in gates:
        ends += [_held(line_.gate.limit) * 1.3, *map(_held, _ends(line_.gate.estimate))]
    low, high = min(ends), max(ends)
    if high - low < 1e-9:
        high = low + 1.0
    room = (high - low) * 0.06
    return low - room * (low < 0), high + room


def gate_bar(gate: GateLine, span: Span | None = None, *, width: float = WIDTH) -> str:
    """What a gate found, with its interval, on the way to its limit and beyond.

    Bars that stand under each other are given one `span`, or their lengths say nothing.
    """
    title = f"{gate.title}: {gate.found}, limit {gate.limit}"
    return picture(width, 50.0, title, _gate(gate, span or gate_span([gate]), width))


def _gate(gate: GateLine, span: Span, width: float) -> Iterator[str]:
    found, limit, (low, high) = gate.gate.estimate, _held(gate.gate.limit), span
    x = Axis(((low, 4.0), (high, width - 4.0)))
    y = 25.0
    yield box(x(limit), y - 7, max(width - 4 - x(limit), 0), 14, "beyond")
    yield line(x(low), y, x(high), y, "grid")
    if low < 0:
        yield line(x(0), y - 7, x(0), y + 7, "axis")
    yield from _whisker(x, y, found, "span", "fdot", radius=4.5)
    yield line(x(limit), y - 9, x(limit), y + 9, "cut")
    say = points if gate.words.share is points else percent
    edge, side = _beside(x(limit), width)
    yield text(edge, y - 13, f"limit {say(limit)}", "ctext", anchor=side, limit=40)
    if found is not None:
        edge, side = _beside(x(found.value), width)
        yield text(edge, y + 22, f"found {say(found.value)}", "ftext", anchor=side, limit=40)


def _held(value: float, most: float = 1e9) -> float:
    """A number that an axis can show."""
    return max(-most, min(most, value))


def _ends(found: Estimate | None) -> list[float]:
    if found is None:
        return []
    return [end for end in (found.value, found.low, found.high) if end is not None]


def _beside(x: float, width: float) -> tuple[float, str]:
    """Where a label over a mark may stand without leaving the picture."""
    if x < 50:
        return max(x - 4, 2), "start"
    if x > width - 50:
        return min(x + 4, width - 2), "end"
    return x, "middle"


def _whisker(
    x: Axis, y: float, found: Estimate | None, span: str, mark: str, radius: float = 3.6
) -> Iterator[str]:
    if found is None:
        return
    if found.low is not None and found.high is not None:
        yield line(x(found.low), y, x(found.high), y, span)
    yield dot(x(found.value), y, mark, radius)


# --- scores ---------------------------------------------------------------------------

ROLE_NAMES = {
    "control": "control: benign",
    "audit": "audit: judged on",
    "validation": "validation",
}
_STRIP, _GAP, _OUTER = 46.0, 16.0, 34.0


def spread(distributions: Distributions, threshold: Threshold | None) -> str:
    """How the scores of each role are spread, one strip above the other, with the threshold."""
    height = (_STRIP + _GAP) * len(distributions.roles) + 46
    return picture(
        WIDTH,
        height,
        "Distributions of scores by role, with the threshold",
        _spread(distributions, threshold, height),
    )


def _spread(spread: Distributions, threshold: Threshold | None, height: float) -> Iterator[str]:
    edges = spread.edges
    cuts = cuts_of(threshold) if threshold else Cuts(math.inf, None)
    known = [cut for cut in (cuts.present, cuts.absent) if cut is not None and math.isfinite(cut)]
    low = _held(min([edges[0], *known]), 1e300)
    high = _held(max([edges[-1], *known]), 1e300)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    x, bottom = _along(edges, low, high), height - 26
    for place, role in enumerate(spread.roles):
        base = 20 + (place + 1) * (_STRIP + _GAP) - 4
        yield from _strip(role, edges, x, base, cuts)
    if threshold:
        yield from _cuts(cuts, x, bottom)
    for place, role in enumerate(spread.roles):  # above the lines, so that none crosses a word
        name = ROLE_NAMES[role.role] + ("" if role.label is None else f", label {role.label}")
        top = 20 + place * (_STRIP + _GAP) + _GAP + _STRIP * 0.28 - 11
        yield text(6, top, f"{name}, n = {sum(role.counts):,}", "soft", limit=60)
    for value in _marks(x):
        yield line(x(value), bottom, x(value), bottom + 4, "axis")
        edge, side = _beside(x(value), WIDTH) if x(value) < 12 else (x(value), "middle")
        yield text(edge, bottom + 18, f"{value:g}", "soft", anchor=side)


def _cuts(cuts: Cuts, x: Axis, bottom: float) -> Iterator[str]:
    """The lines at which a score begins to mean something, named over and under each other."""
    present = x(cuts.present)
    yield line(present, 18, present, bottom, "cut")
    edge, side = _beside(present, WIDTH)
    word = "fires" if cuts.absent is None else "present"
    yield text(edge, 12, f"{word} above {figure(cuts.present)}", "ctext", anchor=side, limit=40)
    if cuts.absent is not None:
        absent = x(cuts.absent)
        yield line(absent, 18, absent, bottom, "limit")
        clear = present - absent > 150
        edge, side = _beside(absent, WIDTH)
        said = f"absent below {figure(cuts.absent)}"
        yield text(edge, 12 if clear else bottom - 3, said, "soft", anchor=side, limit=40)


def _along(edges: Sequence[float], low: float, high: float) -> Axis:
    """The axis of scores; an outer bin that holds outliers takes no more room than a few others.

    Its length is not to scale then: what lies in it is counted, not measured.
    """
    first, last = 4.0, WIDTH - 4.0
    inner = sorted(b - a for a, b in itertools.pairwise(edges[1:-1])) if len(edges) > 4 else []
    usual = inner[len(inner) // 2] if inner else 0.0
    left = usual > 0 and edges[1] - low > 4 * usual
    right = usual > 0 and high - edges[-2] > 4 * usual
    knots = [(low, first)]
    if left:
        knots.append((edges[1], first + _OUTER))
    if right:
        knots.append((edges[-2], last - _OUTER))
    return Axis((*knots, (high, last)))


def _marks(x: Axis) -> list[float]:
    """Round numbers along the widest piece of an axis, and the ends of what was shortened."""
    pieces = list(itertools.pairwise(x.knots))
    (start, _), (end, _) = max(pieces, key=lambda piece: piece[1][1] - piece[0][1])
    ends = [value for value, _ in (x.knots[0], x.knots[-1]) if value not in (start, end)]
    return sorted([*ticks(start, end, 6), *ends])


def _strip(
    role: RoleScores, edges: Sequence[float], x: Axis, base: float, cuts: Cuts
) -> Iterator[str]:
    most = max(role.counts, default=0)
    yield line(x.knots[0][1], base, x.knots[-1][1], base, "axis")
    for count, (a, b) in zip(role.counts, itertools.pairwise(edges), strict=True):
        if not count or not most:
            continue
        tall = max(_STRIP * 0.72 * count / most, 1.0)
        for start, end, of in _pieces(a, b, cuts):
            gap = 0.6 if end == b else 0.0
            yield box(x(start), base - tall, max(x(end) - x(start) - gap, 0.6), tall, of)


def _pieces(a: float, b: float, cuts: Cuts) -> Iterator[tuple[float, float, str]]:
    """A bin, parted where a score begins to mean something else."""
    absent = cuts.present if cuts.absent is None else cuts.absent
    inner = sorted({cut for cut in (absent, cuts.present) if a < cut < b})
    for start, end in itertools.pairwise([a, *inner, b]):
        if start >= cuts.present:
            yield start, end, "fires"
        else:
            yield start, end, "between" if start >= absent else "quiet"


# --- ROC ------------------------------------------------------------------------------


def roc(curve: Roc, auroc: Estimate) -> str:
    """The ROC with the point at which the threshold puts the monitor, and its intervals."""
    return picture(WIDTH, 252, f"ROC, AUROC {estimate_words(auroc)}", _roc(curve, auroc))


def _roc(curve: Roc, auroc: Estimate) -> Iterator[str]:
    x, y = Axis(((0.0, 40.0), (1.0, 240.0))), Axis(((0.0, 212.0), (1.0, 12.0)))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield line(x(0), y(tick), x(1), y(tick), "grid")
        yield line(x(tick), y(0), x(tick), y(1), "grid")
    for tick in (0.0, 0.5, 1.0):
        yield text(34, y(tick) + 4, f"{tick:g}", "soft", anchor="end")
        yield text(x(tick), 228, f"{tick:g}", "soft", anchor="middle")
    yield text(140, 246, "false-positive rate", "soft", anchor="middle")
    yield text(252, y(1) + 10, "recall (upwards)", "soft")
    yield line(x(0), y(0), x(1), y(1), "chance")
    curve_points = [(x(a), y(b)) for a, b in zip(curve.fpr, curve.tpr, strict=True)]
    if len(curve_points) > 1:
        yield path(curve_points, "found")
    fpr, tpr = curve.operating_fpr, curve.operating_tpr
    if fpr.low is not None and fpr.high is not None:
        yield line(x(fpr.low), y(tpr.value), x(fpr.high), y(tpr.value), "cut")
    if tpr.low is not None and tpr.high is not None:
        yield line(x(fpr.value), y(tpr.low), x(fpr.value), y(tpr.high), "cut")
    yield dot(x(fpr.value), y(tpr.value), "fires", 4)
    said = (
        ("strong", f"AUROC {estimate_words(auroc)}"),
        ("ctext", "at the threshold:"),
        ("", f"recall {estimate_words(tpr)}"),
        ("", f"false pos. {estimate_words(fpr)}"),
        ("soft", f"n = {tpr.n} and {fpr.n}"),
    )
    for place, (of, words) in enumerate(said):
        yield text(252, 92 + 19 * place, words, of, limit=34)


# --- simpler things -------------------------------------------------------------------


def simpler(quality: Quality) -> str:
    """The monitor's AUROC above that of everything simpler, and the gain over text."""
    height = ROW * (len(quality.baselines) + 1) + 56
    return picture(
        WIDTH,
        height,
        f"AUROC of the monitor {estimate_words(quality.auroc)} beside simpler things",
        _simpler(quality, height),
    )


def _simpler(quality: Quality, height: float) -> Iterator[str]:
    x, bottom = Axis(((0.0, 164.0), (1.0, 332.0))), height - 40
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield line(x(tick), 8, x(tick), bottom, "chance" if tick == 0.5 else "grid")
        if tick in (0.0, 0.5, 1.0):
            yield text(x(tick), bottom + 15, f"{tick:g}", "soft", anchor="middle")
    rows = [("the monitor", quality.auroc, "strong", "span", "fdot")]
    rows += [
        (BASELINES[baseline.name], baseline.auroc, "", "other", "odot")
        for baseline in quality.baselines
    ]
    for place, (name, found, of, span, mark) in enumerate(rows):
        y = 20 + ROW * place
        yield text(156, y + 4, name, of, anchor="end", limit=24)
        yield from _whisker(x, y, found, span, mark)
        yield text(342, y + 4, estimate_words(found), of, limit=22)
    gain = estimate_words(quality.gain_over_text, signed=True)
    yield text(164, height - 6, f"gain over text {gain}", "strong", limit=60)


# --- layers ---------------------------------------------------------------------------


def layer_curve(layers: Sequence[LayerScore]) -> str:
    """AUROC over candidate places, with its interval; the chosen one is ringed."""
    return picture(
        WIDTH, 214, "AUROC by layer, cross-validated on the train role", _layer_curve(layers)
    )


def _layer_curve(layers: Sequence[LayerScore]) -> Iterator[str]:
    lows = [end for layer in layers for end in _ends(layer.auroc)]
    low = min(0.45, math.floor(_held(min(lows), 1.0) * 10) / 10)
    y = Axis(((low, 168.0), (1.0, 14.0)))
    if len(layers) > 1:
        knots = [(float(i), 52 + (WIDTH - 72) * i / (len(layers) - 1)) for i in range(len(layers))]
    else:
        knots = [(0.0, WIDTH / 2)]
    x = Axis(tuple(knots))
    for tick in ticks(low, 1.0, 5):
        yield line(40, y(tick), WIDTH - 8, y(tick), "chance" if abs(tick - 0.5) < 1e-9 else "grid")
        yield text(34, y(tick) + 4, f"{tick:.2g}", "soft", anchor="end")
    spans = [
        (x(i), layer.auroc.low, layer.auroc.high)
        for i, layer in enumerate(layers)
        if layer.auroc.low is not None and layer.auroc.high is not None
    ]
    if len(spans) == len(layers) > 1:
        above = [(px_, y(high)) for px_, _, high in spans if high is not None]
        below = [(px_, y(low_)) for px_, low_, _ in spans if low_ is not None]
        yield path([*above, *reversed(below)], "band", closed=True)
    else:
        for px_, low_, high in spans:
            if low_ is not None and high is not None:
                yield line(px_, y(low_), px_, y(high), "span")
    middle = [(x(i), y(layer.auroc.value)) for i, layer in enumerate(layers)]
    if len(middle) > 1:
        yield path(middle, "found")
    every = max(1, math.ceil(len(layers) / 16))
    for i, (layer, (a, b)) in enumerate(zip(layers, middle, strict=True)):
        yield dot(a, b, "fdot", 3)
        if layer.chosen:
            yield dot(a, b, "ring", 7)
            edge, side = _beside(a, WIDTH)
            yield text(edge, b + (22 if b < 90 else -14), "chosen", "strong", anchor=side)
        if i % every == 0:
            name = str(layer.layer) if layer.layer is not None else "emb"
            yield text(a, 186, name, "soft", anchor="middle", limit=6)
    yield text((40 + WIDTH - 8) / 2, 206, "layer", "soft", anchor="middle")


# --- all of them ----------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """Every picture of a check, where it has something to draw."""

    spread: str | None
    simpler: str | None
    roc: str | None
    layers: str | None


def figures(view: CheckView) -> Figures:
    """Draw a check."""
    check, quality = view.check, view.check.quality
    return Figures(
        spread=spread(check.distributions, check.threshold) if check.distributions else None,
        simpler=simpler(quality) if quality else None,
        roc=roc(check.roc, quality.auroc) if check.roc and quality else None,
        layers=layer_curve(quality.layers) if quality and quality.layers else None,
    )
