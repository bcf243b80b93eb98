"""The pictures of a comparison: a gate before and after, the change on the same rows, scores.

Each is a whole `<svg>` for a page that holds `style.STYLE`. Before is a square on a thin line,
after a dot on a thick one. Decides nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from reports.curves import RoleScores
from reports.diff import GateDiff
from reports.drawing.beside import (
    WIDTH,
    Kind,
    Row,
    axis_over,
    beside,
    ends,
    held,
    scale,
    whisker,
)
from reports.drawing.svg import Axis, box, line, picture, px, text, ticks
from reports.parts import Estimate
from reports.record import CheckResult
from reports.views.diff import gate_title
from reports.views.wording import estimate_words, figure

AFTER = Kind("after")
BEFORE = Kind("before", "square", "other", "odot")
_SMALL = 220.0
_ROW, _TOP = 24.0, 30.0


def gate_change(gate: GateDiff, *, small: bool = False) -> str | None:
    """What a gate found before and after, each against its limit."""
    sides = [
        (kind, found, limit)
        for kind, found, limit in (
            (BEFORE, gate.estimate_before, gate.limit_before),
            (AFTER, gate.estimate_after, gate.limit_after),
        )
        if found is not None
    ]
    if not sides:
        return None
    limits = [limit for _, _, limit in sides if limit is not None]
    told = 0 if small else max(len(estimate_words(found)) for _, found, _ in sides)
    width = _SMALL if small else WIDTH
    x = axis_over(
        [found for _, found, _ in sides],
        None,
        54.0,
        width - 12 - 6.7 * min(told, 30),
        also=[1.25 * held(limit) for limit in limits],
    )
    height = _TOP + _ROW * len(sides) + (0 if small else 18)
    title = f"{gate_title(gate)}: " + ", ".join(
        f"{kind.name} {estimate_words(found)}" for kind, found, _ in sides
    )
    return picture(width, height, title, _gate_change(sides, x, limits, small))


def _gate_change(
    sides: Sequence[tuple[Kind, Estimate, float | None]],
    x: Axis,
    limits: Sequence[float],
    small: bool,
) -> Iterator[str]:
    right, bottom = x.knots[-1][1], _TOP + _ROW * len(sides) - 6
    if not small:
        yield from scale(x, bottom, _TOP - 12)
    for place, (kind, found, limit) in enumerate(sides):
        y = _TOP + _ROW * place
        if limit is not None:
            at = x(held(limit))
            yield box(at, y - 11, max(right - at, 0), 22, "beyond")
        yield text(44, y + 4, kind.name, "strong" if kind is AFTER else "", anchor="end")
        if small:
            yield line(x.knots[0][1], y, right, y, "grid")
        yield from whisker(kind, found, x, y, 4.5)
        if limit is not None:
            yield line(x(held(limit)), y - 11, x(held(limit)), y + 11, "cut")
        if not small:
            yield text(right + 10, y + 4, estimate_words(found), limit=30)
    if limits:
        shown = figure(limits[-1]) if len(set(limits)) == 1 else ", then ".join(map(figure, limits))
        said = f"limit {shown}"
        half = 3.6 * len(said)  # its width is the reader's font's: kept within the picture
        middle = max(half, min(x(held(limits[-1])), (_SMALL if small else WIDTH) - half))
        yield text(middle, _TOP - 15, said, "ctext", anchor="middle", limit=40)


def paired_change(gate: GateDiff, margin: float) -> str | None:
    """The rate after less the rate before, on the same rows; beside it what is tolerated."""
    if gate.paired is None:
        return None
    found = gate.paired.difference
    rows = [Row("change", ((Kind("left fell, right rose"), found),))]
    title = f"Change on the same rows of {gate_title(gate)}: {estimate_words(found, signed=True)}"
    far = 1.1 * max(0.1, held(margin), *(abs(held(end)) for end in ends(found)))
    return beside(title, rows, within=(-far, far), at=margin or None, signed=True)


# --- scores ---------------------------------------------------------------------------

_STRIP, _GAP = 46.0, 22.0


def score_change(before: CheckResult, after: CheckResult) -> str | None:
    """How the scores of the audit rows are spread, before above after, on one axis."""
    sides = [
        (f"{name}, n = {sum(role.counts):,}", role, edges, cut)
        for name, check in (("before", before), ("after", after))
        for role, edges, cut in _audit_scores(check)
    ]
    if len(sides) != 2:
        return None
    every = [value for _, _, edges, cut in sides for value in (*edges, *cut)]
    low, high = min(every), max(every)
    high = high if high - low > 1e-9 else low + 1.0
    x = Axis(((low, 4.0), (high, WIDTH - 4.0)))
    height = (_STRIP + _GAP) * 2 + 30
    return picture(WIDTH, height, "Scores of the audit rows, before and after", _scores(sides, x))


def _audit_scores(
    check: CheckResult,
) -> Iterator[tuple[RoleScores, list[float], list[float]]]:
    """The audit rows' counts with their edges and the threshold, once, where there are any."""
    spread = check.distributions
    for role in spread.roles if spread else ():
        if role.role == "audit" and spread is not None and role.counts:
            cut = [held(check.threshold.value)] if check.threshold else []
            yield role, [held(edge) for edge in spread.edges], cut
            return


def _scores(
    sides: Sequence[tuple[str, RoleScores, list[float], list[float]]], x: Axis
) -> Iterator[str]:
    for place, (name, role, edges, cut) in enumerate(sides):
        base = (place + 1) * (_STRIP + _GAP)
        most = max(max(role.counts), 1)
        yield line(4, base, WIDTH - 4, base, "axis")
        bins = list(zip(role.counts, itertools.pairwise(edges), strict=True))
        for fires in (False, True):
            drawn = "".join(
                _bar(x, a, b, base, _STRIP * max(count / most, 0.03))
                for count, span in bins
                if count > 0
                for a, b in _part(span, cut, fires)
            )
            if drawn:
                yield f'<path class="{"fires" if fires else "quiet"}" d="{drawn}"/>'
        yield text(6, base - _STRIP - 7, name, "strong", limit=40)
        for at in cut:
            yield line(x(at), base - _STRIP - 2, x(at), base, "cut")
            side = "end" if x(at) > WIDTH / 2 else "start"
            away = -5 if side == "end" else 5
            said = f"fires above {figure(at)}"
            yield text(x(at) + away, base - _STRIP - 7, said, "ctext", anchor=side, limit=40)
    bottom = 2 * (_STRIP + _GAP)
    for value in ticks(x.knots[0][0], x.knots[-1][0], 6):
        side = "start" if x(value) < 20 else "end" if x(value) > WIDTH - 20 else "middle"
        yield line(x(value), bottom, x(value), bottom + 4, "axis")
        yield text(x(value), bottom + 18, f"{value:.3g}", "soft", anchor=side)


def _part(
    span: tuple[float, float], cut: Sequence[float], fires: bool
) -> Iterator[tuple[float, float]]:
    """The part of a bin below the threshold, or above it."""
    low, high = span
    at = min(max(cut[0], low), high) if cut else high
    a, b = (at, high) if fires else (low, at)
    if b > a or (a == b == low == high and not fires):
        yield a, b


def _bar(x: Axis, a: float, b: float, base: float, tall: float) -> str:
    right = max(x(b) - 0.6, x(a) + 0.4)
    return f"M{px(x(a))} {px(base)}V{px(base - tall)}H{px(right)}V{px(base)}Z"
