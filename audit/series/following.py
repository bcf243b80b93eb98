"""A series of checkpoints from disk: each audited once, kept, and put together as one record.

    OUT/report.json, .html, .md     the series
    OUT/checkpoints/NAME/           the audit of one checkpoint, a run directory like any other
    OUT/checkpoints/NAME/row.json   its row, with what it was made of

A checkpoint whose row is there, made of the same weights, suites, options and reference, is not
run again. One that cannot be audited is a row of its own and is tried again the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from audit.engine.assembly import Options, Progress, assemble
from audit.engine.measuring import Talk, capture_plan
from audit.engine.opening import SuiteSource
from audit.engine.plan import Plan
from audit.engine.request import of_model
from audit.engine.results import Measured
from audit.engine.run_dir import run_dir, write_report
from audit.engine.scores import scores_frame
from audit.engine.store import store_run
from audit.engine.watching import open_watches
from audit.errors import MeasurementError, UsageError
from audit.models.loading import LoadedModel, choose_device
from audit.series.ahead import in_turn
from audit.series.assembly import Told, broken_row, series_report
from audit.series.auditing import Audited, audit_from_disk, audit_reference
from audit.series.checkpoints import Checkpoint
from audit.series.fingerprints import fingerprint
from audit.series.flagged import left_before
from audit.series.kept_runs import begin_checkpoint, is_whole
from audit.series.opening import open_like
from audit.series.origin import Series, begin_series, open_checks
from audit.series.places import begin_in, series_folder
from audit.series.reference import plan_like
from audit.series.stored_rows import folder_name, keep_row, kept_row, left_out, stored_row
from reports.series import CheckpointRow, SeriesReport, Stop


def audit_series(
    sources: Sequence[SuiteSource],
    checkpoints: Sequence[Checkpoint],
    folder: Path,
    *,
    reference: Checkpoint | None = None,
    options: Options | None = None,
    talk: Talk | None = None,
    fresh: bool = False,
) -> SeriesReport:
    """Audit every checkpoint and write the record of the series.

    Args:
        sources: suites.
        checkpoints: in the order of training.
        folder: of the series; what it already holds is not done again.
        reference: what the others are held against; the first that can be audited if None.
        options: as of a single run.
        talk: where progress goes.
        fresh: start over whatever lies in the folder.

    Raises:
        SuiteError: mistakes in a suite or its data.
        UsageError: a folder or an option that cannot be had, or a folder of another series.
        MeasurementError: the reference cannot be audited.
    """
    options, talk = options or Options(), talk or Talk()
    opened, selected = open_checks(sources, options)
    with series_folder(folder, opened, selected, options, fresh=fresh, say=talk.say) as place:
        series, broken = begin_series(
            opened, selected, checkpoints, folder,
            reference=reference, options=place.options, talk=talk,
        )  # fmt: skip
        begin_in(place, series)
        rows: list[CheckpointRow] = []
        interrupted = False
        try:
            for number, checkpoint in enumerate(in_turn(series, checkpoints), start=1):
                series.talk.say(f"{checkpoint.name}: {number} of {len(checkpoints)}")
                known = broken.get(checkpoint.name)
                rows.append(known or audit_checkpoint(series, checkpoint))
        except KeyboardInterrupt:
            interrupted = True
            rows += _kept(series, checkpoints[len(rows) :])
        notes = _notes(series, checkpoints)
        return write_series(series, rows, interrupted=interrupted, notes=notes)


def _kept(series: Series, checkpoints: Sequence[Checkpoint]) -> list[CheckpointRow]:
    """Rows that an earlier attempt left: a record is not to hold less than the one before."""
    parent = series.folder / "checkpoints"
    rows = (kept_row(parent / folder_name(c.name), c, key=series.key) for c in checkpoints)
    return [row for row in rows if row is not None]


def _notes(series: Series, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """What a reader of the record would otherwise not know of the checkpoints asked for."""
    names, notes = [one.name for one in checkpoints], [*left_before(series.folder)]
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


def audit_checkpoint(series: Series, checkpoint: Checkpoint) -> CheckpointRow:
    """The row of one checkpoint: read again where it is there, else audited and kept.

    What is wrong with the checkpoint alone is a row with verdict `error`.
    """
    folder = series.folder / "checkpoints" / folder_name(checkpoint.name)
    try:
        made_of = fingerprint(checkpoint, series.key, series.options)
        stored = stored_row(folder, checkpoint, made_of=made_of)
        if stored is not None and is_whole(folder, made_of, series.talk.say):
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
        acknowledged: steps of alarms after which somebody let the run go on.
        stood: an alarm that was raised before and stands whatever came since.
        status: of the folder, where nothing cut it short: `running` while more is to come.
    """
    told = Told(
        reference=series.origin.name,
        reference_model=series.info,
        interrupted=interrupted,
        notes=tuple(notes),
        acknowledged=tuple(acknowledged),
        stood=stood,
        device=_device(series.options),
        started=series.started,
    )
    report = series_report(rows, series.opened, series.options, told)
    write_report(series.folder, report, "interrupted" if interrupted else status)
    return report


def _device(options: Options) -> str:
    if options.ray is not None:
        return options.device or "of the cluster"
    return str(choose_device(options.device))


def _audit(series: Series, checkpoint: Checkpoint, folder: Path, made_of: str) -> CheckpointRow:
    started = datetime.now(UTC)
    options, reference = series.options, series.reference
    crew = series.crews.get(checkpoint.name)
    model = open_like(checkpoint, series.like, options=options, bases=series.bases, crew=crew)
    # A folder that was overwritten since is a checkpoint like any other.
    itself = checkpoint == series.origin and of_model("reference", model) == series.against
    if itself:
        plan, audited = reference.plan, audit_reference(reference, seed=options.seed)
    else:
        plan, audited = _against_reference(series, model)
    progress = Progress(list(audited.outcomes))
    with run_dir(folder) as place:
        assert place is not None, "a checkpoint has a folder"
        begin_checkpoint(place, made_of)
        report = assemble(
            series.opened,
            series.selected,
            plan,
            model,
            None if itself else series.info,
            options,
            progress,
            started,
            series.talk.say,
        )
        measurements = [o.measurement for o in audited.outcomes if isinstance(o, Measured)]
        for sentence in store_run(folder, report, scores_frame(measurements), measurements):
            series.talk.say(f"{checkpoint.name}: {sentence}")
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
    if progress.interrupted:
        # What was asked to stop is the series: this row lacks its evidence, and comes again.
        raise KeyboardInterrupt
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
