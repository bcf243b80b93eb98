"""All that came of a run, as one record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from audit.engine.afterwards import illustrated, with_curves
from audit.engine.plan import Plan
from audit.engine.provenance import provenance, this_command
from audit.engine.results import Failed, Measured, results_of
from audit.engine.selected import Selected
from audit.engine.verdict import exit_code, run_verdict, with_heeded
from audit.errors import UsageError
from audit.exit_codes import ExitCode
from audit.models.loading import DeviceMap, LoadedModel
from reports.record import AuditReport, ModelInfo, SuiteInfo, Work
from suites.load import LoadedSuite
from suites.schema import Severity


@dataclass(frozen=True)
class Options:
    """What may be asked of a run beside its suites and its models.

    `only` names checks by their suite and id, for callers that selected by themselves. `cache`
    takes from the user's cache what models were asked before, and keeps there what is new, of
    models that are given by name; one that comes loaded may have been changed by whoever had it.
    `device_map` spreads a model that is too large for one device over several (`load_model`).
    `ray` is the address of a Ray cluster that runs these models instead of this process.
    """

    seed: int = 0
    expression: str | None = None
    only: frozenset[tuple[str, str]] | None = None
    limit: int | None = None
    fail_on: Severity = "low"
    strict: bool = False
    exit_zero: bool = False
    device: str | None = None
    dtype: str | None = None
    allow_pickle: bool = False
    allow_half: bool = False
    cache: bool = True
    device_map: DeviceMap = None
    ray: str | None = None

    def __post_init__(self) -> None:
        if self.ray is not None and self.device_map is not None:
            raise UsageError(
                "--ray gives a model one GPU of a cluster, and --device-map several of this "
                "machine: give one of the two"
            )


@dataclass(eq=False)
class Progress:
    """Outcomes so far, so that an interruption keeps what was finished."""

    outcomes: list[Measured | Failed] = field(default_factory=list)
    interrupted: bool = False


def assemble(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    plan: Plan,
    subject: LoadedModel,
    reference: ModelInfo | None,
    options: Options,
    progress: Progress,
    started: datetime,
    say: Callable[[str], None] = lambda sentence: None,
) -> AuditReport:
    """The record of a run, interrupted or whole."""
    measurements = [o.measurement if isinstance(o, Measured) else None for o in progress.outcomes]
    checks = with_curves(results_of(progress.outcomes), measurements)
    if not progress.interrupted:  # else somebody is in a hurry to stop
        checks, progress.interrupted = illustrated(
            checks, measurements, subject, seed=options.seed, say=say
        )
    checks = with_heeded(checks, fail_on=options.fail_on)
    code = exit_code(
        checks, fail_on=options.fail_on, strict=options.strict, exit_zero=options.exit_zero
    )
    total = sum(len(suite.suite.checks) for suite in opened)
    return AuditReport(
        verdict=run_verdict(checks, fail_on=options.fail_on),
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
        model=model_info(subject),
        reference=reference,
        suites=[suite_info(suite) for suite in opened],
        checks=checks,
        not_measured=_not_measured(opened, selected, options, progress),
        work=_work(plan),
        provenance=provenance(started=started, device=subject.device, command=this_command()),
    )


def _not_measured(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    options: Options,
    progress: Progress,
) -> list[str]:
    chosen = {one.key for one in selected}
    why = f"not selected by -k {options.expression}" if options.expression else "not selected"
    left_out = [
        f"{suite.suite.name}/{check}: {why}"
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


def _work(plan: Plan) -> Work:
    return Work(
        prompts=plan.prompts,
        distinct_prompts=len(plan.sequences),
        tokens=plan.tokens,
        hook_names=sorted({read.hook_name for read in plan.reads}),
        deepest_layer=None if plan.deepest is None else plan.deepest.layer,
        truncated=plan.truncated,
    )


def model_info(model: LoadedModel) -> ModelInfo:
    """Which weights were audited, as a record says it."""
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


def suite_info(suite: LoadedSuite) -> SuiteInfo:
    """Which suite was asked, as a record says it."""
    return SuiteInfo(
        name=suite.suite.name,
        version=suite.suite.version,
        description=suite.suite.description,
        digest=suite.digest,
        source=suite.path.name,
    )
