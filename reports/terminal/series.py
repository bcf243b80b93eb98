"""A series on a terminal: the verdict, a line for each checkpoint, what came of each gate.

Readable from 40 columns on and without colour. Data is `Text`, never markup, and holds no control
character. A long series leaves out its uneventful middle and says how much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.drawing.strips import BLOCKS, DIGITS, Ramp, mark
from reports.read import Record
from reports.series import SeriesReport
from reports.terminal.audit import print_report
from reports.terminal.words import NARROW, WIDEST_WORD, inert, word
from reports.views.series import (
    SeriesView,
    TrackView,
    at,
    compact,
    counted,
    step_words,
    view_series,
)
from reports.views.wording import UNKNOWN

WHOLE = 24
"""Checkpoints up to which all are shown."""
MOST = 40
FIRST, LAST = 3, 5
MARGIN = 20


def print_record(record: Record, console: Console) -> None:
    """Print a record of either kind."""
    if isinstance(record, SeriesReport):
        print_series(record, console)
    else:
        print_report(record, console)


def print_series(report: SeriesReport, console: Console) -> None:
    """Print the verdict, the table of checkpoints, each track, and what was not measured."""
    view = view_series(report)
    _print_opening(view, console)
    if report.checkpoints:
        console.print()
        if console.width < NARROW:
            _print_rows(view, console)
        else:
            console.print(_table(view))
    for track in view.tracks:
        _print_track(track, view, console)
    _print_lines(
        console, "Not measured", [(at(row), "; ".join(row.reasons)) for row in view.broken]
    )
    hidden = [(f"{len(report.hidden)}", ", ".join(report.hidden))] if report.hidden else []
    _print_lines(console, "Suites that the run never saw", hidden)
    _print_lines(console, "Notes", [("-", note) for note in report.notes])


def _print_opening(view: SeriesView, console: Console) -> None:
    report = view.report
    line = word(report.verdict)
    line.append(f"  against {inert(report.reference, 60)}", "bold")
    line.append(f"  {view.summary}")
    console.print(line)
    console.print(Text(f"exit {report.exit_code}: {view.meaning}", "dim"))
    if view.stop:
        console.print(Text(inert(view.stop, 1000), "bold"))


def _table(view: SeriesView) -> Table:
    """An entry for each checkpoint, and in it a line for each track."""
    many = len(view.tracks) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("step", justify="right", no_wrap=True)
    table.add_column("checkpoint", overflow="fold", min_width=10, max_width=16)
    table.add_column("verdict", no_wrap=True, min_width=WIDEST_WORD)
    table.add_column("found, %", no_wrap=True)
    table.add_column("behav-\niour, %", justify="right", no_wrap=True)
    table.add_column("state", overflow="fold", min_width=16)
    for rows, kept in _elided(view):
        if kept:
            for index in rows:
                table.add_row(*_cells(view, index, many))
        else:
            gone = [view.report.checkpoints[index] for index in rows]
            said = (f"({len(gone)} left out)", "", "", "", counted(gone))
            table.add_row("", *(Text(word, "dim") for word in said))
    return table


def _cells(view: SeriesView, index: int, many: bool) -> tuple[Text, ...]:
    row = view.report.checkpoints[index]
    found, behaves = [], []
    states: list[tuple[str, str]] = []
    told: set[str] = set()
    for track in view.tracks:
        point = track.points[index]
        alarm = " !" if track.alarmed(index) else ""
        found.append(f"{f'{track.letter} ' if many else ''}{compact(point.rate)}{alarm}")
        new = track.where not in told and point.check is not None
        told.add(track.where)
        value = point.behaviour.value if point.behaviour else None
        behaves.append(UNKNOWN if value is None or not new else f"{100 * value:.0f}")
        if new:
            states.append((track.letter, point.state or "reference"))
    if not view.tracks or not row.checks:
        states = [("", "; ".join(row.reasons[:1]) if row.verdict == "error" else UNKNOWN)]
        found, behaves = [UNKNOWN], [UNKNOWN]
    alike = len({state for _, state in states}) == 1
    said = [states[0][1]] if alike else [f"{letter} {state}" for letter, state in states]
    return (
        Text(step_words(row)),
        Text(inert(row.name, 60)),
        word(row.verdict),
        Text("\n".join(found)),
        Text("\n".join(behaves)),
        Text("\n".join(inert(state, 80) for state in said)),
    )


def _print_rows(view: SeriesView, console: Console) -> None:
    """The checkpoints in lines: step, name and verdict, then what each track found."""
    many = len(view.tracks) > 1
    console.print(Text("found [interval] and behaviour, in %", "dim"))
    for rows, kept in _elided(view):
        if not kept:
            gone = [view.report.checkpoints[index] for index in rows]
            console.print(Text(f"({len(gone)} left out: {counted(gone)})", "dim"))
            continue
        for index in rows:
            step, name, verdict, found, behaves, state = _cells(view, index, many)
            known = "" if step.plain == UNKNOWN else f"step {step.plain} "
            console.print(Text.assemble(known, name, " ", verdict))
            for rate, seen in zip(found.plain.split("\n"), behaves.plain.split("\n"), strict=True):
                beside = "" if seen == UNKNOWN else f", behaviour {seen}"
                if rate != UNKNOWN or beside:
                    console.print(Padding(Text(f"{rate}{beside}"), (0, 0, 0, 2)))
            for line in state.plain.split("\n"):
                console.print(Padding(Text(line, "dim"), (0, 0, 0, 2)))


def _elided(view: SeriesView) -> Iterator[tuple[list[int], bool]]:
    """Places of checkpoints in runs that are shown or left out."""
    rows = view.report.checkpoints
    shown = set(range(len(rows))) if len(rows) <= WHOLE else _eventful(view)
    for kept, run in groupby(range(len(rows)), key=shown.__contains__):
        places = list(run)
        # A line that says that one line was left out is no shorter than that line.
        yield places, kept or len(places) == 1


def _eventful(view: SeriesView) -> set[int]:
    """The ends, and where something is other than on the checkpoint before."""
    rows = view.report.checkpoints
    ends = [*range(FIRST), *range(len(rows) - LAST, len(rows))]
    signs = [_sign(view, index) for index in range(len(rows))]
    alarms = [i for i in range(len(rows)) if any(t.alarmed(i) for t in view.tracks)]
    changes = [i for i in range(1, len(rows)) if signs[i] != signs[i - 1]]
    return set([*ends, *alarms, *changes][:MOST])


def _sign(view: SeriesView, index: int) -> tuple[object, ...]:
    row = view.report.checkpoints[index]
    return (row.verdict, *((t.points[index].state, t.points[index].phase) for t in view.tracks))


def _print_track(track: TrackView, view: SeriesView, console: Console) -> None:
    letter = f"{track.letter}  " if len(view.tracks) > 1 else ""
    console.print()
    title = f"{letter}{inert(track.where, 120)}, {inert(track.title, 60)}"
    console.print(Text(title, "bold").append(f"  at most {track.limit}", "not bold"))
    if len(track.points) > 1:
        console.print(_strips(track, console))
    style = "bold red" if track.track.phase == "alarm" else ""
    for number, sentence in enumerate([track.alarm, *track.sentences]):
        what, _, rest = sentence.partition(": ")
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(overflow="fold")
        said = Text(f"{inert(what, 60)}: ", style if number == 0 else "bold")
        grid.add_row("-", said.append(inert(rest, 1000), "not bold"))
        console.print(grid)


def _strips(track: TrackView, console: Console) -> Text:
    """The rate over the checkpoints, behaviour beneath it on the same scale, and the alarm."""
    ramp = BLOCKS if console.encoding.startswith("utf") else DIGITS
    rates = [point.value for point in track.points]
    seen = [point.behaviour.value if point.behaviour else None for point in track.points]
    known = [value for value in (*rates, *seen) if value is not None]
    top = max([*known, track.track.limit, 0.0])
    width = max(8, console.width - MARGIN)
    marks = [track.alarmed(index) for index in range(len(track.points))]
    lines = [f"{'found':>9} {_drawn(rates, top, ramp, width)}"]
    if any(value is not None for value in seen):
        lines.append(f"{'behaviour':>9} {_drawn(seen, top, ramp, width)}")
    if any(marks):
        under = "".join("^" if any(b) else " " for b in _buckets(marks, width))
        lines.append(f"{'alarm':>9} {under.rstrip()}")
    lines[0] += f"  top {track.words.share(top)}"
    return Text("\n".join(lines))


def _drawn(values: Sequence[float | None], top: float, ramp: Ramp, width: int) -> str:
    """A mark for each value, of several that share a mark the largest; `x` where unknown."""
    return "".join(
        mark(max(known), top, ramp).replace(" ", ramp.empty) if known else "x"
        for bucket in _buckets(values, width)
        for known in [[value for value in bucket if value is not None]]
    )


def _buckets(values: Sequence[float | None] | Sequence[bool], width: int) -> Iterator[list[float]]:
    n = min(width, len(values))
    for i in range(n):
        yield list(values[i * len(values) // n : (i + 1) * len(values) // n])  # type: ignore[arg-type]


def _print_lines(console: Console, title: str, lines: Sequence[tuple[str, str]]) -> None:
    if not lines:
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(overflow="fold", max_width=24)
    grid.add_column(overflow="fold")
    for what, sentence in lines:
        grid.add_row(Text(inert(what, 60)), Text(inert(sentence, 1000)))
    console.print()
    console.print(Text(title, "bold"))
    console.print(grid)
