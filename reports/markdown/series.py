"""The record of a series as GitHub Markdown: what a person reads, and argues with.

Opens with the verdict and a row for every checkpoint; then each check with the three probes,
the drift and the evidence for the alarm. Where room is short the worst and the latest
checkpoints stay. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.drawing.series import SERIES_PICTURE, drawable
from reports.markdown.check import verdict_words
from reports.markdown.curves import track_lines
from reports.markdown.origin import model_facts, origin_facts, reproduction, suite_facts
from reports.markdown.pieces import COMMENT_LIMIT, Limit, Piece, by_turns, fitted, marker
from reports.markdown.readings import check_section
from reports.markdown.text import code, fenced, folded, prose, table, table_row
from reports.series import CheckpointRow, SeriesReport
from reports.verdicts import WORST_FIRST
from reports.views.series import SeriesView, TrackView, compact, step_words, view_series
from reports.views.wording import UNKNOWN, percent

READING = """- **stable**: what the monitor reads changed by no more than the tolerance. \
**representation drifted, probe refreshed**: the old probe no longer reads these activations, a \
realigned or refit one does, and the concept did not move. **concept grew**, **concept lost**: the \
probe that can be believed fires more, or less, than on the reference, on the same rows. \
**monitor no longer valid**: no probe reads the concept here; nothing is known of it.
- **Frozen, realigned, refit**: fitted on the reference and read as it is; the same behind a map \
of the activations that saw no label; fitted anew on this checkpoint. Where they agree, believe \
them; where the frozen one alone moves, its coordinates moved.
- **In the text, in the weights**: the checkpoint's own text, read under the reference's weights, \
and what fires under its own weights alone.
- **Alarm**: a gate exceeded on several audits in a row, at levels that keep the chance of a false \
alarm over the whole run below the stated one, with a second signal. It is a reason to stop and \
to read rows, no proof: the same prompts are asked each time, and two signals can share a mistake. \
No alarm is no proof of the contrary.
- **Onset, lead**: when a rate began to rise, with an interval; a lead whose interval holds 0 is \
none. No lead over behaviour is promised: what is watched for may show at once.
- **Outlook**: to be believed no more than its record on this run says. Who stops a run by a \
monitor, or keeps the checkpoint that it likes best, selects against that monitor: judge the \
outcome by a suite that the run never saw."""


# What is kept longest comes first: why it was stopped, the lines of the head by turns, the
# tracks, the foot, then the checks: their sections, states, and folded tables one by one.
STOP, HEAD, TRACK, FOOT, NOTE, CHECK = range(6)


def render_series_markdown(
    report: SeriesReport, *, limit: Limit = COMMENT_LIMIT, picture: bool = True
) -> str:
    """The series as Markdown of at most `limit`; the default is what GitHub takes as a comment.

    It shows the picture that `series_svg` draws, which lies beside it, unless there is no
    beside. What always stays (title, summary, headings) needs up to 2,000 characters.
    """
    return fitted(_pieces(view_series(report), picture=picture), limit)


def urgency(rows: Sequence[CheckpointRow]) -> list[int]:
    """The place of each checkpoint where only some can be shown: worst first, then latest."""
    order = sorted(range(len(rows)), key=lambda i: (WORST_FIRST.index(rows[i].verdict), -i))
    places = {index: place for place, index in enumerate(order)}
    return [places[index] for index in range(len(rows))]


def _pieces(view: SeriesView, *, picture: bool) -> Iterator[Piece]:
    report = view.report
    order = urgency(report.checkpoints)
    yield Piece(_opening(view))
    if view.stop:
        stops = report.stop is not None and report.stop.on_flag != "warn"
        word = "Stop" if stops else "Alarm, which only warns"
        yield Piece(f"> **{word}:** {prose(view.stop, 2000)}\n\n", (STOP,), "stop")
    if picture and drawable(report):
        yield Piece(f"![Rates over the checkpoints]({SERIES_PICTURE})\n\n")
    if report.checkpoints:
        yield Piece("## The checkpoints\n\n")
        yield from _checkpoints(view, order)
    if view.tracks:
        yield Piece("\n## Alarm, onset, outlook\n\n")
        yield from _tracks(view)
    yield Piece("## What was not measured\n\n")
    lines = list(_not_measured(view))
    if not lines:
        yield Piece("Everything that was asked for was measured.\n")
    yield from by_turns((f"- {line}" for line in lines), HEAD, "gap")
    yield Piece("\n")
    for index, key in enumerate(view.checks):
        yield from check_section(view, key, order, CHECK, index)
    if report.notes:
        yield Piece("## Notes\n\n", (NOTE, 0))
        yield from by_turns((f"- {prose(note)}" for note in report.notes), NOTE, "note")
        yield Piece("\n", (NOTE, 0))
    foot = f"{folded('How to read this', READING)}\n\n## How to reproduce\n\n"
    yield Piece(f"{foot}{_reproduce(report)}\n", (FOOT,), "way to reproduce")


def _opening(view: SeriesView) -> str:
    report = view.report
    found_by = marker((suite.name for suite in report.suites), "series")
    return (
        f"{found_by}\n# {verdict_words(report.verdict)} a series against "
        f"{code(report.reference)}\n\n{prose(view.summary)}. Exit code {report.exit_code}: "
        f"{view.meaning}.\n\n"
    )


def _checkpoints(view: SeriesView, order: Sequence[int]) -> Iterator[Piece]:
    """A row for every checkpoint, a column for every track."""
    lettered = len(view.tracks) > 1
    found = [f">Found {track.letter}, %" if lettered else ">Found, %" for track in view.tracks]
    header = ["Verdict", ">Step", "Checkpoint", *found, ">Behaviour, %", "State", "Its own record"]
    if lettered:
        legend = [f"{track.letter} is {_named(track)}" for track in view.tracks]
        yield Piece(f"{'; '.join(legend)}.\n\n", (HEAD, 0), "legend")
    yield Piece(f"{table(header, [])}\n", (HEAD, 0))
    rows = [
        table_row(
            (
                verdict_words(row.verdict),
                step_words(row),
                f"{code(row.name)}{_kind(row)}",
                *(_found(track, index) for track in view.tracks),
                _behaviour(row),
                _states(row, many=len(view.checks) > 1),
                code(row.run) if row.run else UNKNOWN,
            )
        )
        for index, row in enumerate(view.report.checkpoints)
    ]
    yield from by_turns(rows, HEAD, "checkpoint", order)


def _named(track: TrackView) -> str:
    return f"{code(track.where, 250)}, {prose(track.title)}, at most {track.limit}"


def _kind(row: CheckpointRow) -> str:
    if row.kind == "model":
        return ""
    return f" ({row.kind} over {code(row.base)})" if row.base else f" ({row.kind})"


def _found(track: TrackView, index: int) -> str:
    point = track.points[index]
    return f"{compact(point.rate)}{' **alarm**' if track.alarmed(index) else ''}"


def _behaviour(row: CheckpointRow) -> str:
    seen = dict.fromkeys(compact(check.behaviour) for check in row.checks if check.behaviour)
    return "; ".join(seen) or UNKNOWN


def _states(row: CheckpointRow, *, many: bool) -> str:
    """One word where all agree, else one for each check."""
    states = [(check.check, check.state) for check in row.checks]
    said = {state for _, state in states}
    if not states:
        return UNKNOWN
    if len(said) == 1:
        return states[0][1] or "reference"
    return "; ".join(f"{code(name)} {state or 'reference'}" for name, state in states)


def _tracks(view: SeriesView) -> Iterator[Piece]:
    for index, track in enumerate(view.tracks):
        sentences = "\n".join(f"- {_bold_word(line)}" for line in [track.alarm, *track.sentences])
        letter = f"**{track.letter}:** " if len(view.tracks) > 1 else ""
        about = f"{letter}{_named(track)}. On a flag: {track.track.on_flag}."
        drawn = fenced(track_lines(track))
        yield Piece(f"{about}\n\n{drawn}\n\n{sentences}\n\n", (TRACK, index), "track")
    alpha = percent(view.report.alpha)
    yield Piece(
        f"The chance of any false alarm over the whole run, all together, is at most {alpha}.\n\n"
    )


def _bold_word(sentence: str) -> str:
    word, _, rest = sentence.partition(": ")
    return f"**{word}**: {prose(rest, 2000)}"


def _not_measured(view: SeriesView) -> Iterator[str]:
    report = view.report
    if not report.checkpoints:
        yield "nothing was audited"
    if report.partial:
        yield "the series is partial (limited, selected or stopped): not for gating"
    for row in view.broken:
        why = "; ".join(map(prose, row.reasons)) or "no reason was recorded"
        yield f"{verdict_words('error')} {code(row.name)}, step {step_words(row)}: {why}"
    for key in view.checks:
        for row, check in view.readings(key):
            if check.verdict in {"error", "inconclusive"}:
                why = "; ".join(map(prose, check.reasons)) or "no reason was recorded"
                where = f"{code(f'{key[0]}/{key[1]}', 250)} on {code(row.name)}"
                yield f"{verdict_words(check.verdict)} {where}: {why}"
    if report.hidden:
        kept = ", ".join(map(code, report.hidden))
        yield f"suites that the run never saw, with records of their own: {kept}"


def _reproduce(report: SeriesReport) -> str:
    options = ", ".join(f"{name} = {value}" for name, value in report.options.items())
    facts = [
        ("record", code(report.digest())),
        *(model_facts("reference", report.reference_model) if report.reference_model else []),
        *suite_facts(report.suites),
        ("seed", str(report.seed)),
        *([("options", prose(options))] if options else []),
        *origin_facts(report.provenance),
    ]
    return reproduction(facts, report.provenance)
