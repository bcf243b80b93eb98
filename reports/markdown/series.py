"""The record of a series as GitHub Markdown: what a person reads, and argues with.

Opens with the verdict and a row for every checkpoint, none left out; then each check with the
three probes, the drift and the evidence for the alarm. Decides nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from reports.drawing.series import SERIES_PICTURE, drawable
from reports.markdown.audit import MARKER
from reports.markdown.check import verdict_words
from reports.markdown.readings import check_section
from reports.markdown.text import code, fenced, folded, prose, table
from reports.record import ModelInfo, Provenance
from reports.series import CheckpointRow, SeriesReport
from reports.text import safe_text
from reports.views.series import (
    SeriesView,
    TrackView,
    compact,
    step_words,
    view_series,
)
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


def render_series_markdown(report: SeriesReport) -> str:
    """The series as Markdown; it shows the picture that `series_svg` draws, beside it."""
    view = view_series(report)
    return "\n\n".join(_paragraphs(view)) + "\n"


def _paragraphs(view: SeriesView) -> Iterator[str]:
    report = view.report
    yield f"{MARKER}\n# {verdict_words(report.verdict)} a series against {code(report.reference)}"
    yield f"{prose(view.summary)}. Exit code {report.exit_code}: {view.meaning}."
    if view.stop:
        stops = report.stop is not None and report.stop.on_flag != "warn"
        yield f"> **{'Stop' if stops else 'Alarm, which only warns'}:** {prose(view.stop, 2000)}"
    if drawable(report):
        yield f"![Rates over the checkpoints]({SERIES_PICTURE})"
    if report.checkpoints:
        yield f"## The checkpoints\n\n{_checkpoints(view)}"
    if view.tracks:
        yield f"## Alarm, onset, outlook\n\n{_tracks(view)}"
    yield f"## What was not measured\n\n{_not_measured(view)}"
    for key in view.checks:
        yield f"## {code('/'.join(key), 250)}"
        yield from check_section(view, key)
    if report.notes:
        yield "## Notes\n\n" + "\n".join(f"- {prose(note)}" for note in report.notes)
    yield folded("How to read this", READING)
    yield f"## How to reproduce\n\n{_reproduce(report)}"


def _checkpoints(view: SeriesView) -> str:
    """A row for every checkpoint, a column for every track."""
    lettered = len(view.tracks) > 1
    found = [f">Found {track.letter}, %" if lettered else ">Found, %" for track in view.tracks]
    header = ["Verdict", ">Step", "Checkpoint", *found, ">Behaviour, %", "State", "Its own record"]
    rows = []
    for index, row in enumerate(view.report.checkpoints):
        rows.append(
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
    legend = [f"{track.letter} is {_named(track)}" for track in view.tracks] if lettered else []
    limits = f"{'; '.join(legend)}.\n\n" if legend else ""
    return f"{limits}{table(header, rows)}"


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


def _tracks(view: SeriesView) -> str:
    parts = []
    for track in view.tracks:
        sentences = "\n".join(f"- {_bold_word(line)}" for line in [track.alarm, *track.sentences])
        letter = f"**{track.letter}:** " if len(view.tracks) > 1 else ""
        parts.append(f"{letter}{_named(track)}. On a flag: {track.track.on_flag}.\n\n{sentences}")
    alpha = percent(view.report.alpha)
    kept = f"The chance of any false alarm over the whole run, all together, is at most {alpha}."
    return "\n\n".join([*parts, kept])


def _bold_word(sentence: str) -> str:
    word, _, rest = sentence.partition(": ")
    return f"**{word}**: {prose(rest, 2000)}"


def _not_measured(view: SeriesView) -> str:
    report = view.report
    lines = [
        f"{verdict_words('error')} {code(row.name)}, step {step_words(row)}: "
        f"{'; '.join(map(prose, row.reasons)) or 'no reason was recorded'}"
        for row in view.broken
    ]
    lines += [
        f"{verdict_words(check.verdict)} {code(f'{key[0]}/{key[1]}', 250)} on {code(row.name)}: "
        f"{'; '.join(map(prose, check.reasons)) or 'no reason was recorded'}"
        for key in view.checks
        for row, check in view.readings(key)
        if check.verdict in {"error", "inconclusive"}
    ]
    if report.partial:
        lines.append("the series is partial (limited, selected or stopped): not for gating")
    if report.hidden:
        kept = ", ".join(map(code, report.hidden))
        lines.append(f"suites that the run never saw, with records of their own: {kept}")
    if not report.checkpoints:
        lines.append("nothing was audited")
    return "\n".join(f"- {line}" for line in lines) or "Everything that was asked for was measured."


def _reproduce(report: SeriesReport) -> str:
    origin = report.provenance
    options = ", ".join(f"{name} = {value}" for name, value in report.options.items())
    facts = [
        ("record", code(report.digest())),
        *(_model_facts(report.reference_model) if report.reference_model else []),
        *((f"suite {code(s.name)}, version {s.version}", code(s.digest)) for s in report.suites),
        ("seed", str(report.seed)),
        *([("options", prose(options))] if options else []),
        *(_origin_facts(origin) if origin else []),
    ]
    command = f"$ {safe_text(shlex.join(origin.command), 2000)}" if origin else ""
    return "\n\n".join([*([fenced([command])] if command else []), table(("What", "Which"), facts)])


def _model_facts(model: ModelInfo) -> list[tuple[str, str]]:
    shape = f"{model.architecture}, {model.n_layers} layers of width {model.d_model}, {model.dtype}"
    return [
        ("reference", f"{code(model.name)}, {prose(shape)}"),
        ("reference weights", code(model.weights_digest)),
        ("reference tokenizer", code(model.tokenizer_digest)),
    ]


def _origin_facts(origin: Provenance) -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {version}" for name, version in origin.packages.items())
    machine = f"Python {origin.python}, {origin.platform}, {origin.device}"
    return [
        ("made", prose(f"{origin.created} in {origin.duration_seconds:.3g} s")),
        ("on", prose(machine)),
        ("with", prose(versions)),
        *([("commit", code(origin.git_commit))] if origin.git_commit else []),
    ]
