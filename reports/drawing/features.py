"""The pictures of an evidence card: the feature beside its controls, where and what it does.

Each is a whole `<svg>` for a page that holds `style.STYLE`, 460 units wide. Tokens and names came
from outside and are made safe where they are set. Decides nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from reports.drawing.beside import WIDTH, Kind, Row, axis_over, beside, held
from reports.drawing.lines import Line, Over, lines_over
from reports.drawing.svg import Axis, box, line, picture, px, text, ticks
from reports.features import (
    ControlFigure,
    DiscoveredFeature,
    Effect,
    Histogram,
    JointTuning,
    Rule,
    WatchedFeature,
    Writer,
)
from reports.parts import Estimate
from reports.views.arguments import EffectRow, active_features, rule_scores
from reports.views.wording import figure

HERE = Kind("this feature")
RANDOM = Kind("random SAE", "square", "other", "odot")
PROBE = Kind("plain probe", "diamond", "second", "sdot")
KINDS = {
    "this feature": HERE,
    "random direction": Kind("random direction", "square", "other", "odot"),
    "random feature": Kind("random feature", "diamond", "second", "sdot"),
}
_AUDIT, _CONTROL = Kind("audit rows"), Kind("control rows", "square", "other", "odot")
_ALONE = Kind("validation rows")
_WITH, _WITHOUT = Kind("rows with it"), Kind("rows without", "square", "other", "odot")
DRAWN = 10
"""Features in one picture; the table beside it holds the rest."""
LINES = 3
NAME = 28

SHARE = (0.0, 1.0)


def beside_controls(figures: Sequence[ControlFigure]) -> str:
    """Each statistic of the feature above that of a random SAE and of the plain probe."""
    rows = [
        Row(each.name, _known((HERE, each.feature), (RANDOM, each.random_sae), (PROBE, each.probe)))
        for each in figures
    ]
    return beside("The feature beside its controls", rows, within=SHARE, at=0.5)


def watched_rates(watched: Sequence[WatchedFeature]) -> str | None:
    """How often watched features are active on audit rows, and on controls."""
    rows = [
        Row(_name(each), _known((_AUDIT, each.audit_rate), (_CONTROL, each.control_rate)))
        for each in watched[:DRAWN]
        if each.audit_rate or each.control_rate
    ]
    said = "How often watched features are active"
    return beside(said, rows, within=SHARE) if rows else None


def watched_auroc(watched: Sequence[WatchedFeature]) -> str | None:
    """How well each watched feature tells labels apart by itself."""
    rows = [Row(_name(each), ((_ALONE, each.auroc),)) for each in watched[:DRAWN] if each.auroc]
    return beside("AUROC of watched features alone", rows, within=SHARE, at=0.5) if rows else None


def discovered_rates(found: Sequence[DiscoveredFeature]) -> str | None:
    """How often found features fire on rows with the event, and without; between them the lift."""
    rows = [
        Row(_name(each), ((_WITH, each.rate_with), (_WITHOUT, each.rate_without)))
        for each in found[:DRAWN]
    ]
    said = "How often found features fire with the event and without"
    return beside(said, rows, within=SHARE) if rows else None


def rule_figures(rule: Rule) -> str:
    """How well the rule tells where the feature fires, beside guessing."""
    rows = [Row(name, ((Kind("the rule"), found),)) for name, _, found in rule_scores(rule)]
    return beside("Balanced accuracy of the rule", rows, within=SHARE, at=0.5)


def effects(rows: Sequence[EffectRow], title: str, *, of_behaviour: bool) -> str | None:
    """What each strength does, above what random directions and features do at it."""

    def found(effect: Effect) -> Estimate | None:
        return effect.behaviour if of_behaviour else effect.kl

    drawn = [
        Row(row.strength, _known(*((KINDS[name], found(effect)) for name, effect in row.effects)))
        for row in rows
    ]
    drawn = [row for row in drawn if row.found]
    return beside(title, drawn, signed=of_behaviour) if drawn else None


def _known(*marks: tuple[Kind, Estimate | None]) -> tuple[tuple[Kind, Estimate], ...]:
    return tuple((kind, found) for kind, found in marks if found is not None)


def _name(each: WatchedFeature | DiscoveredFeature) -> str:
    return f"{each.feature} {each.label.text}" if each.label else str(each.feature)


# --- bars -----------------------------------------------------------------------------


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """A bar for each name, left of nothing where it takes away; its number beside it."""
    height = 17.0 * len(rows) + 8
    values = [Estimate(value=value, n=0, n_groups=0) for _, value, _ in rows]
    called = max((len(name) for name, _, _ in rows), default=0)
    x = axis_over(values, None, 22 + 6.7 * min(called, NAME), 380.0)
    return picture(WIDTH, height, title, _bars(rows, x, height))


def writer_bars(title: str, writers: Sequence[Writer]) -> str | None:
    """What each of them writes."""
    rows = [(each.name, each.weight, figure(each.weight, signed=True)) for each in writers]
    return bars(title, rows) if rows else None


def _bars(rows: Sequence[tuple[str, float, str]], x: Axis, height: float) -> Iterator[str]:
    for place, (name, value, said) in enumerate(rows):
        y = 4 + 17.0 * place
        left, right = sorted((x(0.0), x(held(value))))
        yield text(x.knots[0][1] - 12, y + 12, name, anchor="end", limit=NAME)
        yield box(left, y + 3, max(right - left, 0.6), 10, "fdot" if value >= 0 else "odot")
        yield text(390, y + 12, said, "soft", limit=12)
    yield line(x(0.0), 2, x(0.0), height - 2, "axis")


# --- where it fires -------------------------------------------------------------------


def histogram(found: Histogram) -> str | None:
    """How strong it is on the tokens on which it is active; none where bins do not fit edges."""
    edges, counts = [held(edge) for edge in found.edges], found.counts
    fits = len(edges) == len(counts) + 1 and any(count > 0 for count in counts)
    if not fits or edges[-1] - edges[0] < 1e-9 or sorted(edges) != edges:
        return None
    return picture(WIDTH, 150, "Positive activations", _histogram(edges, counts))


def _histogram(edges: Sequence[float], counts: Sequence[int]) -> Iterator[str]:
    x, most, base = Axis(((edges[0], 40.0), (edges[-1], WIDTH - 6))), max(counts), 112.0
    y = Axis(((0.0, base), (float(most), 14.0)))
    for tall in (0, most):
        yield line(40, y(tall), WIDTH - 6, y(tall), "axis" if tall == 0 else "grid")
        yield text(34, y(tall) + 4, f"{tall:,}", "soft", anchor="end", limit=9)
    around = "".join(
        f"M{px(x(a))} {px(base)}V{px(y(count))}H{px(max(x(b) - 0.6, x(a) + 0.4))}V{px(base)}Z"
        for count, (a, b) in zip(counts, itertools.pairwise(edges), strict=True)
        if count > 0
    )
    yield f'<path class="fdot" d="{around}"/>'
    for value in ticks(edges[0], edges[-1], 6):
        yield line(x(value), base, x(value), base + 4, "axis")
        side = "start" if x(value) < 50 else "end" if x(value) > WIDTH - 16 else "middle"
        yield text(x(value), base + 18, f"{value:.3g}", "soft", anchor=side)
    yield text(40 + (WIDTH - 46) / 2, base + 34, "activation", "soft", anchor="middle")


# --- its family -----------------------------------------------------------------------

_STYLES = (("found", "fdot", "ftext"), ("second", "sdot", "stext"), ("does", "ddot", "dtext"))


def path_figure(joint: JointTuning, feature: int) -> str | None:
    """How activation passes from this feature to its neighbours as a context is edited."""
    if len(joint.path) < 2:
        return None
    names = active_features(joint.path, str(feature))[:LINES]
    values = {name: [step.activations.get(name, 0.0) for step in joint.path] for name in names}
    every = [value for each in values.values() for value in each]
    return lines_over(
        Over(
            title="Activations along the path of edits",
            places=[float(place) for place in range(len(joint.path))],
            names=[str(place + 1) for place in range(len(joint.path))],
            lines=[
                Line(f"feature {name}", values[name], stroke=stroke, mark=mark, label=label)
                for name, (stroke, mark, label) in zip(names, _STYLES, strict=False)
            ],
            least=held(min(every)),
            most=held(max(every)),
            unit="step of the path",
        )
    )
