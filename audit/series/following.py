"""A series of checkpoints from disk: each audited once, kept, and put together as one record.

    OUT/report.json, report.md      the series
    OUT/checkpoints/NAME/           the audit of one checkpoint, a run directory like any other
    OUT/checkpoints/NAME/row.json   its row, with what it was made of

A checkpoint whose row is there, made of the same weights, suites, options and reference, is not
run again. One that cannot be audited is a row of its own and is tried again the next time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from audit.engine.assembly import Options, Progress, assemble, model_info
from audit.engine.measuring import Talk, capture_plan
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import Plan
from audit.engine.results import Measured
from audit.engine.run_dir import clear_run_dir, run_dir, write_report, write_status
from audit.engine.scores import scores_frame
from audit.engine.selected import Selected
from audit.engine.store import store_run
from audit.engine.watching import open_watches
from audit.errors import AuditError, MeasurementError, UsageError
from audit.models.loading import LoadedModel
from audit.series.assembly import Told, error_row, series_report
from audit.series.auditing import Audited, audit_from_disk, audit_reference
from audit.series.checkpoints import Checkpoint
from audit.series.fingerprints import fingerprint
from audit.series.identity import Identity, identity
from audit.series.opening import Bases, open_checkpoint
from audit.series.own_text import writes
from audit.series.reference import Reference, plan_like, read_reference
from reports.record import ModelInfo
from reports.render import write_text_atomic
from reports.series import CheckpointRow, SeriesReport
from suites.load import LoadedSuite
from suites.splits import rows_digest

ROW_FILE = "row.json"
ROW_VERSION = 1


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
        return write_series(series, rows, interrupted=interrupted)


def open_checks(
    sources: Sequence[SuiteSource], options: Options
) -> tuple[tuple[LoadedSuite, ...], tuple[Selected, ...]]:
    """Suites and checks, before any model is loaded.

    Raises:
        SuiteError: mistakes in a suite or its data.
    """
    opened = open_suites(sources, seed=options.seed)
    selected = select_checks(
        opened, seed=options.seed, expression=options.expression, limit=options.limit
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
            model = _opened(candidate, options, None, bases)
            measured = read_reference(
                selected,
                model,
                seed=options.seed,
                allow_pickle=options.allow_pickle,
                allow_half=options.allow_half,
                talk=talk,
            )
        except MeasurementError as error:
            if reference is not None:
                raise MeasurementError(f"the reference cannot be audited: {error}") from error
            broken[candidate.name] = _broken(candidate, error)
            continue
        like = None if model.path is None else identity(model.path)
        series = Series(
            opened=tuple(opened),
            selected=tuple(selected),
            options=options,
            folder=folder,
            origin=candidate,
            reference=replace(measured, name=candidate.name),
            reference_model=model if any(writes(one.check) for one in selected) else None,
            info=model_info(model),
            like=like,
            key=_key(opened, selected, options, model.weights_digest),
            started=datetime.now(UTC),
            talk=talk,
            bases=bases,
        )
        return series, broken
    reasons = "; ".join(row.reasons[0] for row in broken.values())
    raise MeasurementError(f"no checkpoint of the series can be audited: {reasons}")


def audit_checkpoint(series: Series, checkpoint: Checkpoint) -> CheckpointRow:
    """The row of one checkpoint: read again where it is there, else audited and kept.

    What is wrong with the checkpoint alone is a row with verdict `error`.
    """
    folder = series.folder / "checkpoints" / folder_name(checkpoint.name)
    try:
        made_of = fingerprint(checkpoint, series.key, series.options)
        stored = _stored(folder, made_of, checkpoint)
        if stored is not None:
            series.talk.say(f"{checkpoint.name}: audited before")
            return stored
        return _audit(series, checkpoint, folder, made_of)
    except (MeasurementError, UsageError) as error:
        series.talk.say(f"{checkpoint.name}: {error}")
        return _broken(checkpoint, error)


def write_series(
    series: Series,
    rows: Sequence[CheckpointRow],
    *,
    interrupted: bool = False,
    notes: Sequence[str] = (),
    hidden: Sequence[str] = (),
) -> SeriesReport:
    """Put the rows together and write the record in every format."""
    told = Told(
        reference=series.origin.name,
        reference_model=series.info,
        interrupted=interrupted,
        notes=tuple(notes),
        hidden=tuple(hidden),
        device=series.options.device or "cpu",
        started=series.started,
    )
    report = series_report(rows, series.opened, series.options, told)
    write_report(series.folder, report)
    write_status(
        series.folder,
        "interrupted" if interrupted else "complete",
        verdict=report.verdict,
        exit_code=report.exit_code,
    )
    return report


def folder_name(name: str) -> str:
    """A checkpoint's name as that of a folder; one that had to be changed keeps a digest."""
    plain = re.sub(r"[^A-Za-z0-9._=-]+", "-", name).strip(".-") or "checkpoint"
    same = plain == name and len(name) <= 80
    return plain if same else f"{plain[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


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


def _broken(checkpoint: Checkpoint, error: AuditError) -> CheckpointRow:
    row = error_row(
        checkpoint.name, checkpoint.step, checkpoint.source, checkpoint.kind, str(error)
    )
    return row.model_copy(update={"base": checkpoint.base})


def _audit(series: Series, checkpoint: Checkpoint, folder: Path, made_of: str) -> CheckpointRow:
    started = datetime.now(UTC)
    options, reference = series.options, series.reference
    model = _opened(checkpoint, options, series.like, series.bases)
    if checkpoint == series.origin:
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
            None if checkpoint == series.origin else series.info,
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
    kept = {"made_of": made_of, "row": row.model_dump(mode="json")}
    write_text_atomic(folder / ROW_FILE, json.dumps(kept, allow_nan=False) + "\n")
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


def _stored(folder: Path, made_of: str, checkpoint: Checkpoint) -> CheckpointRow | None:
    """The row that is there, if it was made of the same; a row of another shape is made anew."""
    try:
        kept = json.loads((folder / ROW_FILE).read_text("utf-8"))
        if kept["made_of"] != made_of:
            return None
        row = CheckpointRow.model_validate(kept["row"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None
    return row.model_copy(update={"name": checkpoint.name, "step": checkpoint.step})


def _key(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    options: Options,
    reference_digest: str,
) -> str:
    """What every row rests on beside its own checkpoint."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version("alignment-audit")
    except PackageNotFoundError:
        installed = "unknown"
    rows: Mapping[str, dict[str, str]] = {
        "/".join(one.key): {role: rows_digest(of) for role, of in one.rows.items()}
        for one in selected
    }
    facts = {
        "row_version": ROW_VERSION,
        "version": installed,
        "suites": {suite.suite.name: suite.digest for suite in opened},
        "rows": rows,
        "seed": options.seed,
        "dtype": options.dtype,
        "reference": reference_digest,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
