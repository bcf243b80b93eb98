"""What a series followed, drawn: rates with alarm and onset, three probes, drift.

From the view of a series to `lines.Over`; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.drawing.lines import Line, Mark, Over, lines_over
from reports.parts import Estimate
from reports.series import CheckReading, Onset, ReaderName
from reports.views.series import Point, SeriesView, TrackView, number
from reports.views.wording import hundredths

STYLES: dict[ReaderName, tuple[str, str, str]] = {
    "frozen": ("found", "fdot", "ftext"),
    "realigned": ("second", "sdot", "stext"),
    "refit": ("does", "ddot", "dtext"),
}


@dataclass(frozen=True)
class CheckFigures:
    """The small multiples of one check: its probes' events and AUROC, and its drift."""

    events: str | None
    auroc: str | None
    drift: str | None


def track_figure(track: TrackView, view: SeriesView) -> str:
    """One gate over the series: what was found, what the model visibly did, alarm and onset."""
    rates = [point.rate for point in track.points]
    does = [point.behaviour for point in track.points]
    lines = [Line("found", [point.value for point in track.points], _lows(rates), _highs(rates))]
    if any(does):
        lines.append(Line("does", _values(does), stroke="does", mark="ddot", label="dtext"))
    return lines_over(
        Over(
            title=f"{track.name} over the checkpoints: {track.alarm}",
            places=[point.x for point in track.points],
            names=_names(track.points),
            lines=lines,
            limit=track.track.limit,
            limit_name=f"limit {hundredths(track.track.limit)} %",
            marks=list(_marks(track)),
            gone=[point.x for point in track.points if point.value is None],
            said=lambda value: f"{hundredths(value)} %",
            unit="training step" if view.stepped else "checkpoint",
        )
    )


def check_figures(view: SeriesView, key: tuple[str, str]) -> CheckFigures:
    """The pictures of one check over the series, where there is something to draw."""
    read = {id(row): check for row, check in view.readings(key)}
    rows = view.report.checkpoints
    checks = [read.get(id(row)) for row in rows]
    places = [
        float(row.step) if view.stepped and row.step is not None else float(place)
        for place, row in enumerate(rows)
    ]
    shared = {
        "places": places,
        "names": [row.name for row in rows],
        "unit": "training step" if view.stepped else "checkpoint",
        "gone": [place for place, check in zip(places, checks, strict=True) if check is None],
    }

    def drawn(title: str, lines: list[Line], **how: object) -> str | None:
        if not any(value is not None for line in lines for value in line.values):
            return None
        return lines_over(Over(title=title, lines=lines, **(shared | how)))  # type: ignore[arg-type]

    name = "/".join(key)
    return CheckFigures(
        events=drawn(
            f"{name}: what the frozen, the realigned and the refit probe read",
            [_reader(checks, reader, "events") for reader in STYLES],
            said=_percent,
        ),
        auroc=drawn(
            f"{name}: AUROC of the three probes on validation rows",
            [_reader(checks, reader, "auroc") for reader in STYLES],
            low=0.4,
            high=1.0,
            limit=0.5,
            limit_name="chance",
        ),
        drift=drawn(
            f"{name}: how like the reference's the activations are",
            [
                Line(
                    "CKA",
                    [c.representation.cka if c and c.representation else None for c in checks],
                ),
                Line(
                    "norms",
                    [
                        c.representation.norm_ratio if c and c.representation else None
                        for c in checks
                    ],
                    stroke="does",
                    mark="ddot",
                    label="dtext",
                ),
            ],
            high=1.0,
            most=3.0,
        ),
    )


def _percent(value: float) -> str:
    return f"{hundredths(value)} %"


def _reader(checks: Sequence[CheckReading | None], name: ReaderName, what: str) -> Line:
    found: list[Estimate | None] = []
    for check in checks:
        reading = next((r for r in check.readings if r.name == name), None) if check else None
        found.append(getattr(reading, what) if reading else None)
    stroke, mark, label = STYLES[name]
    if name == "frozen":
        return Line(name, _values(found), _lows(found), _highs(found), stroke, mark, label)
    return Line(name, _values(found), stroke=stroke, mark=mark, label=label)


def _marks(track: TrackView) -> Iterator[Mark]:
    of = track.track
    if of.alarm_step is not None:
        yield Mark(float(of.alarm_step), f"alarm at {of.alarm_step}")
    spans: tuple[tuple[Onset | None, str, str, str], ...] = (
        (of.onset, "found", "fspan", "ftext"),
        (of.behaviour_onset, "does", "dspan", "dtext"),
    )
    for onset, name, span, label in spans:
        if onset and onset.found and onset.step is not None:
            low = onset.step if onset.low is None else onset.low
            high = onset.step if onset.high is None else onset.high
            yield Mark(onset.step, f"{name}: from {number(onset.step)}", low, high, span, label)


def _names(points: Sequence[Point]) -> list[str]:
    return [point.row.name for point in points]


def _values(found: Sequence[Estimate | None]) -> list[float | None]:
    return [each.value if each else None for each in found]


def _lows(found: Sequence[Estimate | None]) -> list[float | None]:
    return [each.low if each else None for each in found]


def _highs(found: Sequence[Estimate | None]) -> list[float | None]:
    return [each.high if each else None for each in found]
