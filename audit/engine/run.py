"""One audit, from suites and a model to a record.

Suites are opened before a model is loaded, the model runs once for all checks, and each
check is then measured by itself: one that fails is an error and the rest go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from audit.engine.assembly import Options, Progress, assemble
from audit.engine.measure import Measurement, measure
from audit.engine.observing import observe
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import CheckWork, Plan, Selected, make_plan
from audit.engine.results import Failed, Measured
from audit.engine.run_dir import run_dir
from audit.engine.scores import scores_frame
from audit.engine.store import store_run
from audit.errors import MeasurementError
from audit.models.capture import Captured, capture
from audit.models.loading import LoadedModel, load_model
from reports.record import AuditReport
from suites.load import LoadedSuite

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Talk:
    """How a run tells of its progress; the default says nothing.

    `phase(name, total)` opens a stretch of work, `reached(done)` says how far it has come,
    `say(sentence)` is worth a line.
    """

    phase: Callable[[str, int], None] = lambda name, total: None
    reached: Callable[[int], None] = lambda done: None
    say: Callable[[str], None] = lambda sentence: None


@dataclass(frozen=True, eq=False)
class Audit:
    """What came of a run: the record, every score, and the probes that gave them."""

    report: AuditReport
    scores: pd.DataFrame
    measurements: tuple[Measurement, ...]


def run_audit(
    suites: SuiteSource | Sequence[SuiteSource],
    model: str | LoadedModel,
    *,
    reference: str | LoadedModel | None = None,
    out: str | Path | None = None,
    options: Options | None = None,
    talk: Talk | None = None,
    **changes: object,
) -> AuditReport:
    """Audit a model with one suite or several and return the record.

    Args:
        suites: paths, built-in names or loaded suites.
        model: a folder, a hub id with `@revision`, `organism:NAME`, or a loaded model.
        reference: the model that `excess_over_reference` compares with.
        out: folder for the run directory; nothing is written where it is None.
        options: see `Options`; single ones may be given as keywords, `seed=3`.
        talk: where progress goes.

    Raises:
        SuiteError: mistakes in a suite or its data, all of them at once.
        UsageError: a model, place or folder that cannot be had.
    """
    options = replace(options or Options(), **changes)  # type: ignore[arg-type]
    sources = [suites] if isinstance(suites, str | Path | LoadedSuite) else list(suites)
    folder = None if out is None else Path(out)
    return audit_model(sources, model, reference, folder, options, talk or Talk()).report


def audit_model(
    sources: Sequence[SuiteSource],
    model: str | LoadedModel,
    reference: str | LoadedModel | None,
    folder: Path | None,
    options: Options,
    talk: Talk,
) -> Audit:
    """`run_audit` for callers that want the scores too."""
    started = datetime.now(UTC)
    opened = open_suites(sources, seed=options.seed)
    selected = select_checks(
        opened, seed=options.seed, expression=options.expression, limit=options.limit
    )
    with run_dir(folder):
        subject = _loaded(model, options, talk)
        plan = make_plan(selected, subject)
        other = None if reference is None else _loaded(reference, options, talk)
        progress = Progress()
        _run(plan, selected, subject, other, options, talk, progress)
        measurements = tuple(o.measurement for o in progress.outcomes if isinstance(o, Measured))
        audit = Audit(
            report=assemble(opened, selected, plan, subject, other, options, progress, started),
            scores=scores_frame(measurements),
            measurements=measurements,
        )
        if folder is not None:
            store_run(folder, audit.report, audit.scores, audit.measurements)
    return audit


def _loaded(model: str | LoadedModel, options: Options, talk: Talk) -> LoadedModel:
    if isinstance(model, LoadedModel):
        return model
    talk.say(f"loading {model}")
    return load_model(
        model, device=options.device, dtype=options.dtype, allow_pickle=options.allow_pickle
    )


def _run(
    plan: Plan,
    selected: Sequence[Selected],
    subject: LoadedModel,
    reference: LoadedModel | None,
    options: Options,
    talk: Talk,
    progress: Progress,
) -> None:
    """Capture, then measure check by check; an interruption keeps the finished ones."""
    try:
        captured = _capture(plan, subject, talk, "reading")
        before: list[Measurement | None] = [None] * len(selected)
        if reference is not None:
            before = _measure_reference(selected, reference, options, talk)
        talk.phase("measuring", len(plan.checks))
        for work, one, earlier in zip(plan.checks, selected, before, strict=True):
            progress.outcomes.append(_outcome(plan, work, one, captured, earlier, options, talk))
            talk.reached(len(progress.outcomes))
    except KeyboardInterrupt:
        progress.interrupted = True


def _capture(plan: Plan, model: LoadedModel, talk: Talk, verb: str) -> Captured:
    talk.phase(f"{verb} {model.name}", plan.tokens)
    return capture(model, plan.sequences, plan.reads, progress=talk.reached, on_event=talk.say)


def _outcome(
    plan: Plan,
    work: CheckWork,
    one: Selected,
    captured: Captured,
    earlier: Measurement | None,
    options: Options,
    talk: Talk,
) -> Measured | Failed:
    try:
        behaviours = observe(plan, work, captured, talk.say)
        measurement = measure(work, captured, behaviours, seed=options.seed)
    except MeasurementError as error:
        return Failed(one, str(error))
    return Measured(measurement, earlier)


def _measure_reference(
    selected: Sequence[Selected], reference: LoadedModel, options: Options, talk: Talk
) -> list[Measurement | None]:
    """The same checks on the reference model, each with a monitor of its own."""
    plan = make_plan(selected, reference)
    captured = _capture(plan, reference, talk, "reading the reference")
    found: list[Measurement | None] = []
    for work, one in zip(plan.checks, selected, strict=True):
        outcome = _outcome(plan, work, one, captured, None, options, talk)
        if isinstance(outcome, Failed):
            talk.say(f"{one.id} on the reference: {outcome.reason}")
            found.append(None)
        else:
            found.append(outcome.measurement)
    return found
