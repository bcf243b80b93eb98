"""One audit, from suites and a model to a record.

Suites are opened before a model is loaded, the model runs once for all checks, and each
check is then measured by itself: one that fails is an error and the rest go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from audit.engine.measure import Measurement, measure
from audit.engine.observing import observe
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import CheckWork, Plan, Selected, make_plan
from audit.engine.provenance import provenance, this_command
from audit.engine.results import Failed, Measured, results_of
from audit.engine.run_dir import open_run_dir
from audit.engine.scores import scores_frame
from audit.engine.store import store_run
from audit.engine.verdict import exit_code, run_verdict
from audit.errors import MeasurementError
from audit.exit_codes import ExitCode
from audit.models.capture import Captured, capture
from audit.models.loading import LoadedModel, load_model
from reports.record import AuditReport, ModelInfo, SuiteInfo, Work
from suites.load import LoadedSuite
from suites.schema import Severity

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


@dataclass(frozen=True)
class Options:
    """What may be asked of a run beside its suites and its models."""

    seed: int = 0
    expression: str | None = None
    limit: int | None = None
    fail_on: Severity = "low"
    strict: bool = False
    exit_zero: bool = False
    device: str | None = None
    dtype: str | None = None
    allow_pickle: bool = False


@dataclass(frozen=True, eq=False)
class Audit:
    """What came of a run: the record, every score, and the probes that gave them."""

    report: AuditReport
    scores: pd.DataFrame
    measurements: tuple[Measurement, ...]


@dataclass(eq=False)
class _Progress:
    """Outcomes so far, so that an interruption keeps what was finished."""

    outcomes: list[Measured | Failed] = field(default_factory=list)
    interrupted: bool = False


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
    if folder is not None:
        open_run_dir(folder)
    subject = _loaded(model, options, talk)
    plan = make_plan(selected, subject) if selected else None
    other = None if reference is None else _loaded(reference, options, talk)
    progress = _Progress()
    if plan is not None:
        _run(plan, selected, subject, other, options, talk, progress)
    report = _report(opened, selected, plan, subject, other, options, progress, started)
    audit = Audit(
        report=report,
        scores=scores_frame([o.measurement for o in progress.outcomes if isinstance(o, Measured)]),
        measurements=tuple(o.measurement for o in progress.outcomes if isinstance(o, Measured)),
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
    progress: _Progress,
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


def _report(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    plan: Plan | None,
    subject: LoadedModel,
    reference: LoadedModel | None,
    options: Options,
    progress: _Progress,
    started: datetime,
) -> AuditReport:
    checks = results_of(progress.outcomes)
    code = exit_code(
        checks, fail_on=options.fail_on, strict=options.strict, exit_zero=options.exit_zero
    )
    total = sum(len(suite.suite.checks) for suite in opened)
    return AuditReport(
        verdict=run_verdict(checks),
        exit_code=ExitCode.INTERRUPTED if progress.interrupted else code,
        partial=progress.interrupted or options.limit is not None or len(selected) < total,
        options={
            "expression": options.expression,
            "limit": options.limit,
            "fail_on": options.fail_on,
            "strict": options.strict,
            "exit_zero": options.exit_zero,
        },
        seed=options.seed,
        model=_model_info(subject),
        reference=None if reference is None else _model_info(reference),
        suites=[_suite_info(suite) for suite in opened],
        checks=checks,
        not_measured=_not_measured(opened, selected, options, progress),
        work=_work(plan),
        provenance=provenance(started=started, device=subject.device, command=this_command()),
    )


def _not_measured(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    options: Options,
    progress: _Progress,
) -> list[str]:
    chosen = {(one.suite.suite.name, one.id) for one in selected}
    left_out = [
        f"{suite.suite.name}/{check}: not selected by -k {options.expression}"
        for suite in opened
        for check in suite.suite.checks
        if (suite.suite.name, check) not in chosen
    ]
    interrupted = [
        f"{one.suite.suite.name}/{one.id}: the run was interrupted before it was measured"
        for one in selected[len(progress.outcomes) :]
    ]
    limited = (
        [f"--limit {options.limit}: no role saw more than {options.limit} rows"]
        if options.limit is not None
        else []
    )
    return [*limited, *left_out, *interrupted]


def _work(plan: Plan | None) -> Work:
    if plan is None:
        return Work(prompts=0, distinct_prompts=0, tokens=0, hook_names=[], deepest_layer=None)
    return Work(
        prompts=plan.prompts,
        distinct_prompts=len(plan.sequences),
        tokens=plan.tokens,
        hook_names=sorted({read.hook_name for read in plan.reads}),
        deepest_layer=plan.deepest.layer,
        truncated=plan.truncated,
    )


def _model_info(model: LoadedModel) -> ModelInfo:
    return ModelInfo(
        name=model.name,
        architecture=model.architecture,
        n_layers=model.n_layers,
        d_model=model.d_model,
        n_parameters=model.n_parameters,
        dtype=model.dtype,
        weights_digest=model.weights_digest,
        tokenizer_digest=model.tokenizer_digest,
    )


def _suite_info(suite: LoadedSuite) -> SuiteInfo:
    return SuiteInfo(
        name=suite.suite.name,
        version=suite.suite.version,
        description=suite.suite.description,
        digest=suite.digest,
        source=suite.path.name,
    )
