"""Where a series begins: its checks, and the reference that all are held against.

The reference is the checkpoint that was named, or the first that can be audited. Knows nothing of
what is done with the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from audit.cluster.crew import Asked, RayCrew
from audit.engine.assembly import Options, model_info
from audit.engine.measuring import Talk
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.request import Request, of_model
from audit.engine.results import Failed, Measured
from audit.engine.selected import Selected
from audit.errors import MeasurementError
from audit.models.loading import LoadedModel
from audit.series.asking import asked_of_each
from audit.series.assembly import broken_row
from audit.series.checkpoints import Checkpoint
from audit.series.identity import Identity, identity
from audit.series.opening import Bases, open_like
from audit.series.own_text import writes
from audit.series.reference import Reference, read_reference
from audit.series.stored_rows import series_key
from reports.record import ModelInfo
from reports.series import CheckpointRow
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
        against: what a request says of it (`of_model`).
        key: digest of all that a row rests on beside its own checkpoint.
        started: when.
        bases: of adapters, read once.
        asked: on a cluster, the parts that each checkpoint is asked before its turn.
        crews: on a cluster, those that hold the checkpoints whose turn is next, by name.
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
    against: Request
    key: str
    started: datetime
    talk: Talk
    bases: Bases = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    crews: dict[str, RayCrew] = field(default_factory=dict)


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
    model = open_like(origin, None, options=options, bases=bases)
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
    against = of_model("reference", model)
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
        against=against,
        key=series_key(opened, selected, options, against, measured.watches),
        started=datetime.now(UTC),
        talk=talk,
        bases=bases,
        asked=asked_of_each(measured.plan, model),
    )
