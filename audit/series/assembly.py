"""All that came of a series, as one record: the one place where its verdict is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.engine.assembly import Options, suite_info
from audit.engine.provenance import provenance, this_command
from audit.engine.verdict import series_exit_code, series_verdict, with_heeded
from audit.errors import AuditError
from audit.exit_codes import ExitCode
from audit.series.checkpoints import Checkpoint
from audit.series.correction import corrected
from audit.series.tracks import follow, steps_of
from reports.record import ModelInfo
from reports.series import CheckpointRow, SeriesReport, Stop, Track
from suites.gate_spec import reads_monitor
from suites.load import LoadedSuite
from suites.schema import Policy


@dataclass(frozen=True)
class Told:
    """What a record of a series says beside its rows.

    Attributes:
        reference: name of the checkpoint that all are held against.
        reference_model: its weights.
        kept: where the flagged weights are, if somebody kept them.
        hidden: folders of the records of suites that the run never saw.
        acknowledged: steps of alarms after which somebody let the run go on.
        interrupted: whether the series was cut short.
        stood: an alarm that was raised before, or elsewhere on the same run, and stands whatever
            these rows say.
        notes: what a reader must know.
        device: what it ran on.
        started: when.
    """

    reference: str
    reference_model: ModelInfo | None = None
    kept: str | None = None
    hidden: tuple[str, ...] = ()
    acknowledged: tuple[int, ...] = ()
    interrupted: bool = False
    stood: Stop | None = None
    notes: tuple[str, ...] = ()
    device: str = "cpu"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


def policies_of(suites: Sequence[LoadedSuite]) -> dict[str, Policy]:
    """The policy of each suite, by its name."""
    return {one.suite.name: one.suite.policy for one in suites}


def series_report(
    rows: Sequence[CheckpointRow],
    suites: Sequence[LoadedSuite],
    options: Options,
    told: Told,
    *,
    look_back: bool = True,
) -> SeriesReport:
    """The record of a series as it stands; onsets and outlooks only where it shall `look_back`."""
    policy = policies_of(suites)
    followed = follow(
        corrected(rows, fail_on=options.fail_on),
        policy,
        acknowledged=told.acknowledged,
        fail_on=options.fail_on,
        look_back=look_back,
    )
    rows = [
        row.model_copy(update={"checks": with_heeded(row.checks, fail_on=options.fail_on)})
        for row in followed.rows
    ]
    stop = stop_of(rows, followed.tracks, kept=told.kept) or told.stood
    code = series_exit_code(
        rows,
        stop,
        fail_on=options.fail_on,
        strict=options.strict,
        exit_zero=options.exit_zero,
    )
    return SeriesReport(
        verdict=series_verdict(rows, stop),
        exit_code=ExitCode.INTERRUPTED if told.interrupted else code,
        partial=told.interrupted
        or any(one is not None for one in (options.limit, options.expression, options.only)),
        options={
            "expression": options.expression,
            "limit": options.limit,
            "fail_on": options.fail_on,
            "strict": options.strict,
            "exit_zero": options.exit_zero,
        },
        seed=options.seed,
        reference=told.reference,
        reference_model=told.reference_model,
        suites=[suite_info(suite) for suite in suites],
        checkpoints=rows,
        tracks=list(followed.tracks),
        stop=stop,
        alpha=min(1.0, sum(one.alpha for one in policy.values())),
        hidden=list(told.hidden),
        notes=[*told.notes, *_acknowledged(rows, told.acknowledged)],
        provenance=provenance(started=told.started, device=told.device, command=this_command()),
    )


def _acknowledged(rows: Sequence[CheckpointRow], steps: Sequence[int]) -> list[str]:
    """An alarm that somebody let pass stays told."""
    return [
        f"an alarm was acknowledged by going on after {row.name}: what had alarmed by then began "
        f"again there, with what was left of its levels"
        for row in rows
        if row.step in steps
    ]


def stop_of(
    rows: Sequence[CheckpointRow], tracks: Sequence[Track], *, kept: str | None = None
) -> Stop | None:
    """Why the run should stop, by its first alarm; None while there is none.

    An alarm that stops counts before one that only warns.
    """
    raised = [track for track in tracks if track.alarm_step is not None]
    if not raised:
        return None
    binding = [track for track in raised if track.on_flag != "warn"] or raised
    first = min(binding, key=lambda track: track.alarm_step or 0)
    step = first.alarm_step
    at_once = [track for track in binding if track.alarm_step == step]
    names = [f"{one.suite}/{one.check}/{one.kind}" for one in at_once]
    row = next(
        row for place, row in zip(steps_of(rows), rows, strict=True) if place == step
    )  # where one has no step, places are counted
    return Stop(
        reason="paused" if first.on_flag == "pause" else "alarm",
        sentence=_sentence(first, row, names),
        step=row.step,
        checkpoint=row.name,
        on_flag=first.on_flag,
        tracks=names,
        kept=kept,
    )


def _sentence(track: Track, row: CheckpointRow, names: Sequence[str]) -> str:
    gate = next(
        (
            gate
            for check in row.checks
            for gate in check.gates
            if (check.suite, check.check, gate.kind, gate.attribute, gate.limit)
            == (track.suite, track.check, track.kind, track.attribute, track.limit)
        ),
        None,
    )
    read = ""
    if gate is not None and gate.by_reader is not None:
        number = gate.by_reader
        interval = "" if number.low is None else f" [{number.low:.2f}, {number.high or 1.0:.2f}]"
        who = "the monitor reads" if reads_monitor(gate.kind) else "the model shows"
        read = f" ({who} {number.value:.2f}{interval})"
    more = f" (and {', '.join(names[1:])})" if len(names) > 1 else ""
    by = f", by {gate.first}" if gate is not None and gate.first else ""
    seconded = gate.seconded_by if gate is not None else []
    second = f", seconded by {' and '.join(seconded)}" if seconded else ""
    audits = f"on {track.patience} audits in a row up to" if track.patience > 1 else "at"
    return (
        f"{names[0]}{more} exceeds its limit of {track.limit:.2f} {audits} {row.name}"
        f"{read}{by}{second}; over a whole run a false alarm of this gate has a chance of "
        f"{track.alpha:.2g} at most"
    )


def broken_row(checkpoint: Checkpoint, error: AuditError | str) -> CheckpointRow:
    """The row of a checkpoint that could not be audited, and why."""
    return CheckpointRow(
        name=checkpoint.name,
        step=checkpoint.step,
        source=checkpoint.source,
        kind=checkpoint.kind,
        base=checkpoint.base,
        verdict="error",
        reasons=[str(error)],
    )
