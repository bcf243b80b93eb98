"""A series of checkpoints from disk: each audited once, kept, and put together as one record.

    OUT/report.json, report.md      the series
    OUT/checkpoints/NAME/           the audit of one checkpoint, a run directory like any other
    OUT/checkpoints/NAME/row.json   its row, with what it was made of

A checkpoint whose row is there, made of the same weights, suites, options and reference, is not
run again. One that cannot be audited is a row of its own and is tried again the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from audit.engine.assembly import Options, Progress, assemble, model_info
from audit.engine.measuring import Talk, capture_plan
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import Plan
from audit.engine.results import Failed, Measured
from audit.engine.run_dir import clear_run_dir, run_dir, write_report, write_status
from audit.engine.scores import scores_frame
from audit.engine.selected import Selected
from audit.engine.store import store_run
from audit.engine.watching import open_watches
from audit.errors import AuditError, MeasurementError, UsageError
from audit.models.loading import LoadedModel, choose_device
from audit.series.assembly import Told, error_row, series_report
from audit.series.auditing import Audited, audit_from_disk, audit_reference
from audit.series.checkpoints import Checkpoint
from audit.series.fingerprints import fingerprint
from audit.series.identity import Identity, identity
from audit.series.opening import Bases, open_checkpoint
from audit.series.own_text import writes
from audit.series.reference import Reference, plan_like, read_reference
from audit.series.stored_rows import folder_name, keep_row, left_out, series_key, stored_row
from reports.record import ModelInfo
from reports.series import CheckpointRow, SeriesReport, Stop
from suites.load import LoadedSuite


@dataclass(frozen=True, eq=False)
class Series:
    """A series that has begun: its checks, and the reference that all are held against.

    Attributes:
        opened: the suites.
        selected: the checks.
        options: as of a single run.
        folder: where everything is written.
        origin: the checkpoint that is the reference.
        reference: what was measured of it.
        reference_model: its weights, kept only where checkpoints write text of their own.
        info: its weights, as a record says them.
        like: what every checkpoint must be like.
        key: digest of all that a row rests on beside its own checkpoint.
        started: when.
        bases: of adapters, read once.
    """

    opened: tuple[LoadedSuite, ...]
    selected: tuple[Selected, ...]
    options: Options
    folder: Path
    origin: Checkpoint
    reference: Reference
    reference_model: LoadedModel | None
    info: ModelInfo
    like: Identity | None
    key: str
    started: datetime
    talk: Talk
    bases: Bases = field(default_factory=dict)


def audit_series(
    sources: Sequence[SuiteSource],
    checkpoints: Sequence[Checkpoint],
    folder: Path,
    *,
    reference: Checkpoint | None = None,
    options: Options | None = None,
    talk: Talk | None = None,
) -> SeriesReport:
    """Audit every checkpoint and write the record of the series.

    Args:
        sources: suites.
        checkpoints: in the order of training.
        folder: of the series; what it already holds is not done again.
        reference: what the others are held against; the first that can be audited if None.
        options: as of a single run.
        talk: where progress goes.

    Raises:
        SuiteError: mistakes in a suite or its data.
        UsageError: a folder or an option that cannot be had.
        MeasurementError: the reference cannot be audited.
    """
    opened, selected = open_checks(sources, options or Options())
    with run_dir(folder):
        clear_run_dir(folder)
        series, broken = begin_series(
            opened, selected, checkpoints, folder,
            reference=reference, options=options or Options(), talk=talk or Talk(),
        )  # fmt: skip
        rows: list[CheckpointRow] = []
        interrupted = False
        try:
            for number, checkpoint in enumerate(checkpoints, start=1):
                series.talk.say(f"{checkpoint.name}: {number} of {len(checkpoints)}")
                known = broken.get(checkpoint.name)
                rows.append(known or audit_checkpoint(series, checkpoint))
        except KeyboardInterrupt:
            interrupted = True
        notes = _notes(series, checkpoints)
        return write_series(series, rows, interrupted=interrupted, notes=notes)


def _notes(series: Series, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """What a reader of the record would otherwise not know of the checkpoints asked for."""
    names, notes = [one.name for one in checkpoints], []
    gone = left_out(series.folder / "checkpoints", names, key=series.key)
    if gone:
        notes.append(
            f"audited before into this folder, and not among the checkpoints now: {', '.join(gone)}"
        )
    without = [one.name for one in checkpoints if one.step is None]
    if without and len(checkpoints) > 1:
        notes.append(
            f"no training step can be read off {', '.join(without)}: they keep the place where "
            f"they were named, and places, counted from 0, stand for steps"
        )
    return notes


def open_checks(
    sources: Sequence[SuiteSource], options: Options
) -> tuple[tuple[LoadedSuite, ...], tuple[Selected, ...]]:
    """Suites and checks, before any model is loaded.

    Raises:
        SuiteError: mistakes in a suite or its data.
    """
    opened = open_suites(sources, seed=options.seed)
    selected = select_checks(
        opened,
        seed=options.seed,
        expression=options.expression,
        only=options.only,
        limit=options.limit,
    )
    return tuple(opened), tuple(selected)


def begin_series(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    checkpoints: Sequence[Checkpoint],
    folder: Path,
    *,
    reference: Checkpoint | None,
    options: Options,
    talk: Talk,
) -> tuple[Series, dict[str, CheckpointRow]]:
    """Read the reference; the rows of those before it that could not be one, by name.

    Raises:
        MeasurementError: no checkpoint, or not the one that was named, can be the reference.
    """
    broken: dict[str, CheckpointRow] = {}
    bases: Bases = {}
    for candidate in [reference] if reference is not None else checkpoints:
        try:
            series = begin_at(
                opened, selected, candidate, folder, options=options, talk=talk, bases=bases
            )
        except MeasurementError as error:
            if reference is not None:
                raise MeasurementError(f"the reference cannot be audited: {error}") from error
            broken[candidate.name] = broken_row(candidate, error)
            continue
        return series, broken
    reasons = "; ".join(row.reasons[0] for row in broken.values())
    raise MeasurementError(f"no checkpoint of the series can be audited: {reasons}")


def begin_at(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    origin: Checkpoint,
    folder: Path,
    *,
    options: Options,
    talk: Talk,
    bases: Bases,
) -> Series:
    """A series whose reference is `origin`.

    Raises:
        MeasurementError: it cannot be audited.
    """
    model = _opened(origin, options, None, bases)
    measured = read_reference(
        selected,
        model,
        seed=options.seed,
        allow_pickle=options.allow_pickle,
        allow_half=options.allow_half,
        talk=talk,
    )
    if not any(isinstance(outcome, Measured) for outcome in measured.outcomes):
        failures = {o.reason for o in measured.outcomes if isinstance(o, Failed)}
        raise MeasurementError(f"none of its checks can be measured: {'; '.join(sorted(failures))}")
    return Series(
        opened=tuple(opened),
        selected=tuple(selected),
        options=options,
        folder=folder,
        origin=origin,
        reference=replace(measured, name=origin.name),
        reference_model=model if any(writes(one.check) for one in selected) else None,
        info=model_info(model),
        like=None if model.path is None else identity(model.path),
        key=series_key(opened, selected, options, model.weights_digest, measured.watches),
        started=datetime.now(UTC),
        talk=talk,
        bases=bases,
    )


def audit_checkpoint(series: Series, checkpoint: Checkpoint) -> CheckpointRow:
    """The row of one checkpoint: read again where it is there, else audited and kept.

    What is wrong with the checkpoint alone is a row with verdict `error`.
    """
    folder = series.folder / "checkpoints" / folder_name(checkpoint.name)
    try:
        made_of = fingerprint(checkpoint, series.key, series.options)
        stored = stored_row(folder, checkpoint, made_of=made_of)
        if stored is not None:
            series.talk.say(f"{checkpoint.name}: audited before")
            return stored
        return _audit(series, checkpoint, folder, made_of)
    except (MeasurementError, UsageError) as error:
        series.talk.say(f"{checkpoint.name}: {error}")
        return broken_row(checkpoint, error)


def write_series(
    series: Series,
    rows: Sequence[CheckpointRow],
    *,
    interrupted: bool = False,
    notes: Sequence[str] = (),
    hidden: Sequence[str] = (),
    acknowledged: Sequence[int] = (),
    stood: Stop | None = None,
    status: str = "complete",
) -> SeriesReport:
    """Put the rows together and write the record in every format.

    Args:
        series: that they belong to.
        rows: in the order of training.
        interrupted: whether the series was cut short.
        notes: what a reader must know.
        hidden: folders of the records of suites that the run never saw.
        acknowledged: steps of alarms after which somebody let the run go on.
        stood: an alarm that was raised before and stands whatever came since.
        status: of the folder, where nothing cut it short: `running` while more is to come.
    """
    told = Told(
        reference=series.origin.name,
        reference_model=series.info,
        interrupted=interrupted,
        notes=tuple(notes),
        hidden=tuple(hidden),
        acknowledged=tuple(acknowledged),
        stood=stood,
        device=str(choose_device(series.options.device)),
        started=series.started,
    )
    report = series_report(rows, series.opened, series.options, told)
    write_report(series.folder, report)
    write_status(
        series.folder,
        "interrupted" if interrupted else status,
        verdict=report.verdict,
        exit_code=report.exit_code,
    )
    return report


def _opened(
    checkpoint: Checkpoint, options: Options, like: Identity | None, bases: Bases
) -> LoadedModel:
    return open_checkpoint(
        checkpoint,
        device=options.device,
        dtype=options.dtype,
        allow_pickle=options.allow_pickle,
        reference=like,
        bases=bases,
    )


def broken_row(checkpoint: Checkpoint, error: AuditError | str) -> CheckpointRow:
    """The row of a checkpoint that could not be audited."""
    row = error_row(
        checkpoint.name, checkpoint.step, checkpoint.source, checkpoint.kind, str(error)
    )
    return row.model_copy(update={"base": checkpoint.base})


def _audit(series: Series, checkpoint: Checkpoint, folder: Path, made_of: str) -> CheckpointRow:
    started = datetime.now(UTC)
    options, reference = series.options, series.reference
    model = _opened(checkpoint, options, series.like, series.bases)
    # A folder that was overwritten since is a checkpoint like any other.
    itself = checkpoint == series.origin and model.weights_digest == reference.weights_digest
    if itself:
        plan, audited = reference.plan, audit_reference(reference, seed=options.seed)
    else:
        plan, audited = _against_reference(series, model)
    with run_dir(folder):
        clear_run_dir(folder)
        report = assemble(
            series.opened,
            series.selected,
            plan,
            model,
            None if itself else series.info,
            options,
            Progress(list(audited.outcomes)),
            started,
            series.talk.say,
        )
        measurements = [o.measurement for o in audited.outcomes if isinstance(o, Measured)]
        store_run(folder, report, scores_frame(measurements), measurements)
    row = CheckpointRow(
        name=checkpoint.name,
        step=checkpoint.step,
        source=checkpoint.source,
        kind=checkpoint.kind,
        base=checkpoint.base,
        verdict=report.verdict,
        model=report.model,
        checks=list(audited.readings),
        run=f"checkpoints/{folder.name}",
    )
    keep_row(folder, row, made_of=made_of, key=series.key)
    return row


def _against_reference(series: Series, model: LoadedModel) -> tuple[Plan, Audited]:
    options, reference = series.options, series.reference
    watches = open_watches(
        series.selected,
        model,
        like=reference.watches,
        allow_pickle=options.allow_pickle,
        allow_half=options.allow_half,
        seed=options.seed,
    )
    plan = plan_like(reference, model, watches)
    captured = capture_plan(plan, model, series.talk)
    audited = audit_from_disk(
        reference,
        model,
        plan,
        captured,
        seed=options.seed,
        talk=series.talk,
        reference_model=series.reference_model,
    )
    return plan, audited
