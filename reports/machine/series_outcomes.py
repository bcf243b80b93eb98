"""What a series comes to for a program: alarms, checkpoints that are broken, gates over all of it.

A gate is told once, by the worst that any checkpoint came to, so that what is told keeps its
name from one audit of a growing run to the next. Nothing is decided here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from reports.machine.outcomes import (
    Outcome,
    audit_outcomes,
    gate_name,
    is_strict,
    numbered,
    reading_outcomes,
    suite_files,
)
from reports.machine.places import located
from reports.read import Record
from reports.series import CheckpointRow, CheckReading, GateReading, SeriesReport, Track
from reports.views.series import stop_sentence, view_series
from reports.views.standing import STANDINGS
from reports.views.wording import gate_words, percent

ALARM = "alarm"
CHECKPOINT = "checkpoint"
STOP = "stop"


def series_outcomes(report: SeriesReport) -> list[Outcome]:
    """Alarms, then checkpoints that could not be audited, then every gate by its worst."""
    broken = filter(None, map(broken_outcome, report.checkpoints))
    return [*alarm_outcomes(report), *broken, *_gates(report)]


def alarm_outcomes(report: SeriesReport) -> Iterator[Outcome]:
    """What each track came to; last, a stop that none of them explains."""
    tracks, files = view_series(report).tracks, suite_files(report)
    for view in tracks:
        track = view.track
        raised = track.alarm_step is not None
        binds = raised and track.on_flag != "warn"
        checks, gates = _readings(report, track)
        sources = [gate.source for gate in reversed(gates)]
        sources += [check.source for check in reversed(checks)]
        yield Outcome(
            suite=track.suite,
            check=track.check,
            kind=f"{ALARM}/{track.kind}",
            attribute=track.attribute,
            severity=gates[-1].severity if gates else "high",
            verdict="flag" if raised else "pass",
            standing="failed" if binds else "noted" if raised else "passed",
            word=ALARM if binds else f"{ALARM} (only warns)" if raised else "pass",
            about=f"{ALARM} on {gate_name(track.kind, track.attribute)}",
            sentence=view.alarm,
            gates=binds,
            limit=track.limit,
            place=located(*sources, files.get(track.suite, "")),
        )
    stop = report.stop
    bound = any(t.track.alarm_step is not None and t.track.on_flag != "warn" for t in tracks)
    if stop is not None and stop.on_flag != "warn" and not bound:
        yield Outcome(
            suite=None,
            check=stop.checkpoint,
            kind=STOP,
            attribute=None,
            severity="critical",
            verdict="flag",
            standing="failed",
            word=ALARM,
            about=STOP,
            sentence=stop_sentence(stop),
            gates=True,
        )


def _readings(report: SeriesReport, track: Track) -> tuple[list[CheckReading], list[GateReading]]:
    """The check and the gate of a track, checkpoint by checkpoint."""
    which = (track.suite, track.check)
    checks = [c for row in report.checkpoints for c in row.checks if (c.suite, c.check) == which]
    gate = (track.kind, track.attribute, track.limit)
    return checks, [g for c in checks for g in c.gates if (g.kind, g.attribute, g.limit) == gate]


def broken_outcome(row: CheckpointRow) -> Outcome | None:
    """What a checkpoint comes to that could not be audited, where none of its checks says so."""
    if row.verdict != "error" or any(check.verdict == "error" for check in row.checks):
        return None
    return Outcome(
        suite=None,
        check=row.name,
        kind=CHECKPOINT,
        attribute=None,
        severity="critical",
        verdict="error",
        standing="unmeasured",
        word="not measured",
        about=CHECKPOINT,
        sentence="; ".join(row.reasons) or "no reason was recorded",
        gates=True,
        on=(row.name,),
    )


def _gates(report: SeriesReport) -> Iterator[Outcome]:
    strict, files = is_strict(report), suite_files(report)
    found: dict[tuple[object, ...], list[tuple[str, Outcome]]] = defaultdict(list)
    for row in report.checkpoints:
        for check in row.checks:
            for one in reading_outcomes(check, strict=strict):
                key = (one.suite, one.check, one.kind, one.attribute, one.limit)
                found[key].append((row.name, one))
    for same in found.values():
        standing = min((one.standing for _, one in same), key=STANDINGS.index)
        those = [(name, one) for name, one in same if one.standing == standing]
        last = those[-1][1]
        yield replace(
            last,
            sentence=f"{_on([name for name, _ in those], len(same))}: {last.sentence}",
            on=tuple(name for name, _ in those),
            place=last.place or located(files.get(last.suite or "", "")),
        )


def _on(names: list[str], total: int) -> str:
    if len(names) == 1:
        return f"on {names[0]}, 1 of {total} checkpoints"
    return f"on {len(names)} of {total} checkpoints, last on {names[-1]}"


def alarm_facts(track: Track) -> list[str]:
    """What a track rests on, a line each."""
    words = gate_words(track.kind)
    return [
        f"limit: {words.share(track.limit)}",
        f"chance of a false alarm over the run: {percent(track.alpha)}",
        f"patience: {track.patience}",
        f"on a flag: {track.on_flag}",
    ]


def record_outcomes(report: Record) -> list[Outcome]:
    """What a record of either kind comes to, in the order of the record, each with its number."""
    if isinstance(report, SeriesReport):
        return list(numbered(series_outcomes(report)))
    return list(numbered(audit_outcomes(report)))
