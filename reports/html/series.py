"""The page of a series: what each template needs, said once. Decides nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from reports.drawing.readings import CheckFigures, check_figures, track_figure
from reports.html.anchors import anchors_of
from reports.html.environment import page
from reports.html.glossary import GLOSSARY, anchor
from reports.record import Verdict
from reports.series import CheckpointRow, CheckReading, SeriesReport
from reports.views.audit import Gap
from reports.views.series import (
    SeriesView,
    TrackView,
    at,
    check_said,
    compact,
    gate_said,
    view_series,
)
from reports.views.standing import Excuse

PAGE = "report.html"
# A folder beside this page, by its plain name alone: a record may hold anything.
_BESIDE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/){0,3}[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class TrackPage:
    """One gate over the series: its verdict, the sentence of its phase, its picture."""

    view: TrackView
    anchor: str
    verdict: Verdict
    word: str
    sentence: str
    others: tuple[tuple[str, str], ...]
    drawn: str


@dataclass(frozen=True)
class Cell:
    """One check on one checkpoint, in the matrix."""

    verdict: Verdict
    excuse: Excuse | None
    found: str
    state: str
    alarm: bool


@dataclass(frozen=True)
class Place:
    """One checkpoint: what its line is called, and where its own page is."""

    row: CheckpointRow
    said: str
    page: str | None


@dataclass(frozen=True)
class CheckPage:
    """One check over the series."""

    name: str
    anchor: str
    concept: str
    cells: tuple[Cell | None, ...]
    tracks: tuple[TrackPage, ...]
    figures: CheckFigures
    readings: tuple[tuple[CheckpointRow, CheckReading], ...]


def render_series_html(report: SeriesReport) -> str:
    """The series as one self-contained page; it links to those of its checkpoints beside it."""
    view = view_series(report)
    tracks = _tracks(view)
    origin = report.provenance
    return page(
        "series.html",
        view=view,
        report=report,
        checks=list(_checks(view, tracks)),
        tracks=tracks,
        places=[_place(row) for row in report.checkpoints],
        gaps=list(_gaps(view)),
        command=shlex.join(origin.command) if origin else "",
        record=report.digest(),
        anchors={name: anchor(name) for name in GLOSSARY},
        check_said=check_said,
        gate_said=gate_said,
    )


def _tracks(view: SeriesView) -> list[TrackPage]:
    names = anchors_of([f"{track.where}-{track.title}" for track in view.tracks], "t-")
    return [_track(track, name, view) for track, name in zip(view.tracks, names, strict=True)]


def _track(track: TrackView, name: str, view: SeriesView) -> TrackPage:
    word, _, sentence = track.alarm.partition(": ")
    if track.verdict == "inconclusive":
        word = f"{word}, undecided"
    return TrackPage(
        view=track,
        anchor=name,
        verdict=track.verdict,
        word=word,
        sentence=sentence,
        others=tuple((one.partition(": ")[0], one.partition(": ")[2]) for one in track.sentences),
        drawn=track_figure(track, view),
    )


def _checks(view: SeriesView, tracks: list[TrackPage]) -> Iterator[CheckPage]:
    names = anchors_of(["/".join(key) for key in view.checks])
    for key, name in zip(view.checks, names, strict=True):
        read = tuple(view.readings(key))
        mine = tuple(t for t in tracks if (t.view.track.suite, t.view.track.check) == key)
        by_row = {id(row): check for row, check in read}
        yield CheckPage(
            name="/".join(key),
            anchor=name,
            concept=read[0][1].concept if read else "",
            cells=tuple(
                _cell(by_row[id(row)], mine, place) if id(row) in by_row else None
                for place, row in enumerate(view.report.checkpoints)
            ),
            tracks=mine,
            figures=check_figures(view, key),
            readings=read,
        )


def _cell(check: CheckReading, tracks: tuple[TrackPage, ...], place: int) -> Cell:
    found = tracks[0].view.points[place].rate if tracks else None
    said = check_said(check)
    return Cell(
        verdict=said.verdict,
        excuse=said.excuse,
        found=compact(found) if found else "",
        state=check.state or "reference",
        alarm=any(track.view.alarmed(place) for track in tracks),
    )


def _place(row: CheckpointRow) -> Place:
    run = row.run or ""
    beside = bool(_BESIDE.fullmatch(run)) and ".." not in run
    return Place(
        row,
        row.name if row.step is None else str(row.step),
        f"{run}/{PAGE}" if beside else None,
    )


def _gaps(view: SeriesView) -> Iterator[Gap]:
    report = view.report
    if not report.checkpoints:
        yield Gap(None, None, ("nothing was audited",))
    if report.partial:
        yield Gap(None, None, ("the series is partial (limited, selected or stopped)",))
    for row in view.broken:
        yield Gap(row.name, "error", tuple(row.reasons) or ("no reason was recorded",))
    for key in view.checks:
        alike: dict[tuple[Verdict, tuple[str, ...]], list[str]] = {}
        for row, check in view.readings(key):
            if check.verdict in {"error", "inconclusive"}:
                why = tuple(check.reasons) or ("no reason was recorded",)
                alike.setdefault((check.verdict, why), []).append(at(row))
        for (verdict, why), where in alike.items():
            yield Gap(f"{'/'.join(key)} at {_listed(where)}", verdict, why)
    if report.hidden:
        yield Gap(None, None, (f"the run never saw the suites of {', '.join(report.hidden)}",))


def _listed(names: list[str], shown: int = 4) -> str:
    """Each by its name, or the first and the last of many."""
    if len(names) <= shown:
        return ", ".join(names)
    return f"{names[0]} to {names[-1]} ({len(names)} checkpoints)"
