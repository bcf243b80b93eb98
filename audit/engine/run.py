"""One audit, from suites and a model to a record.

Suites are opened before a model is loaded, the model runs once for all checks, and each
check is then measured by itself: one that fails is an error and the rest go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from audit.cluster.far import open_named
from audit.engine.assembly import Options, Progress, assemble, model_info
from audit.engine.baseline import against_baseline, must_fit, read_baseline
from audit.engine.gates import NEEDS_REFERENCE
from audit.engine.measure import Measurement
from audit.engine.measuring import Talk, measure_model
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import Plan, make_plan
from audit.engine.results import Failed, Measured
from audit.engine.run_dir import clear_run_dir, run_dir
from audit.engine.scores import scores_frame
from audit.engine.selected import Selected
from audit.engine.store import store_run
from audit.engine.watching import Watches, open_watches
from audit.models.cache.known import open_model
from audit.models.loading import LoadedModel, load_model
from reports.record import AuditReport
from suites.load import LoadedSuite

if TYPE_CHECKING:
    import pandas as pd


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
    baseline: str | Path | AuditReport | None = None,
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
        baseline: an earlier run, or its record, whose flags are known and do not gate.
        out: folder for the run directory; nothing is written where it is None.
        options: see `Options`; single ones may be given as keywords, `seed=3`.
        talk: where progress goes.

    Raises:
        SuiteError: mistakes in a suite or its data, all of them at once.
        UsageError: a model, place, folder or baseline that cannot be had.
    """
    options = replace(options or Options(), **changes)  # type: ignore[arg-type]
    sources = [suites] if isinstance(suites, str | Path | LoadedSuite) else list(suites)
    folder = None if out is None else Path(out)
    return audit_model(
        sources,
        model,
        reference,
        folder,
        options,
        talk or Talk(),
        baseline=read_baseline(baseline),
    ).report


def audit_model(
    sources: Sequence[SuiteSource],
    model: str | LoadedModel,
    reference: str | LoadedModel | None,
    folder: Path | None,
    options: Options,
    talk: Talk,
    *,
    baseline: AuditReport | None = None,
) -> Audit:
    """`run_audit` for callers that want the scores too."""
    started = datetime.now(UTC)
    opened = open_suites(sources, seed=options.seed)
    selected = select_checks(
        opened,
        seed=options.seed,
        expression=options.expression,
        only=options.only,
        limit=options.limit,
    )
    with run_dir(folder):
        subject = _loaded(model, options, talk)
        if baseline is not None:
            must_fit(baseline, model_info(subject))
        watches = open_watches(
            selected,
            subject,
            allow_pickle=options.allow_pickle,
            allow_half=options.allow_half,
            seed=options.seed,
        )
        plan = make_plan(selected, subject, watches)
        other = None if reference is None else _loaded(reference, options, talk)
        progress = Progress()
        clear_run_dir(folder)
        _run(plan, selected, subject, other, watches, options, talk, progress)
        measurements = tuple(o.measurement for o in progress.outcomes if isinstance(o, Measured))
        report = assemble(
            opened,
            selected,
            plan,
            subject,
            None if other is None else model_info(other),
            options,
            progress,
            started,
            talk.say,
        )
        if baseline is not None:
            report = against_baseline(
                report,
                baseline,
                fail_on=options.fail_on,
                strict=options.strict,
                exit_zero=options.exit_zero,
            )
        audit = Audit(report, scores_frame(measurements), measurements)
        if folder is not None:
            store_run(folder, audit.report, audit.scores, audit.measurements)
    return audit


def _loaded(model: str | LoadedModel, options: Options, talk: Talk) -> LoadedModel:
    if isinstance(model, LoadedModel):
        return model
    if options.ray is not None:
        return open_named(
            model,
            options.ray,
            device=options.device,
            dtype=options.dtype,
            allow_pickle=options.allow_pickle,
            cache=options.cache,
            say=talk.say,
        )
    if options.cache:
        return open_model(
            model,
            device=options.device,
            dtype=options.dtype,
            allow_pickle=options.allow_pickle,
            say=talk.say,
        )
    talk.say(f"loading {model}")
    return load_model(
        model, device=options.device, dtype=options.dtype, allow_pickle=options.allow_pickle
    )


def _run(
    plan: Plan,
    selected: Sequence[Selected],
    subject: LoadedModel,
    reference: LoadedModel | None,
    watches: Watches,
    options: Options,
    talk: Talk,
    progress: Progress,
) -> None:
    """Capture, then measure check by check; an interruption keeps the finished ones.

    Only checks with a gate that needs the reference are measured on it.
    """
    same = reference is not None and reference.weights_digest == subject.weights_digest
    compared = [one for one in selected if _needs_reference(one)] if reference and not same else []
    reference_plan = None
    if reference is not None and compared:
        there = open_watches(compared, reference, like=watches, seed=options.seed)
        reference_plan = make_plan(compared, reference, there)
    try:
        before: dict[int, Measured | Failed] = {}
        if reference is not None and reference_plan is not None:
            found = measure_model(reference_plan, compared, reference, seed=options.seed, talk=talk)
            before = dict(zip(map(id, compared), found, strict=True))
        for one, outcome in zip(
            selected,
            measure_model(plan, selected, subject, seed=options.seed, talk=talk),
            strict=True,
        ):
            if same and isinstance(outcome, Measured):
                outcome = replace(outcome, reference_lacks="the reference has the same weights")
            progress.outcomes.append(_beside(outcome, before.get(id(one))))
    except KeyboardInterrupt:
        progress.interrupted = True


def _needs_reference(one: Selected) -> bool:
    return any(gate.kind in NEEDS_REFERENCE for gate in one.check.gates)


def _beside(outcome: Measured | Failed, before: Measured | Failed | None) -> Measured | Failed:
    """A check's outcome on the model with that on the reference."""
    if isinstance(outcome, Failed) or before is None:
        return outcome
    if isinstance(before, Failed):
        return replace(outcome, reference_lacks=f"on the reference model: {before.reason}")
    return replace(outcome, reference=before.measurement)
