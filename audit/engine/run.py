"""One audit, from suites and a model to a record.

Suites are opened before a model is loaded, the model runs once for all checks, and each
check is then measured by itself: one that fails is an error and the rest go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from audit.cluster.far import open_named
from audit.engine.assembly import Options, Progress, assemble, model_info
from audit.engine.baseline import against_baseline, must_fit, read_baseline
from audit.engine.gates import NEEDS_REFERENCE
from audit.engine.journal import append
from audit.engine.measuring import Talk, measure_model
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import Plan, make_plan
from audit.engine.request import of_model, of_watches, request_of
from audit.engine.results import Failed, Measured
from audit.engine.resuming import RunFolder, keeps_more, must_be_the_same
from audit.engine.run_dir import PARTIAL, begin_run, run_dir, write_status
from audit.engine.scores import scores_frame
from audit.engine.selected import Selected
from audit.engine.store import store_run, stored_report
from audit.engine.watching import Watches, open_watches
from audit.models.cache.known import open_model
from audit.models.loading import LoadedModel, load_model
from reports.record import AuditReport
from suites.load import LoadedSuite


def run_audit(
    suites: SuiteSource | Sequence[SuiteSource],
    model: str | LoadedModel,
    *,
    reference: str | LoadedModel | None = None,
    baseline: str | Path | AuditReport | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
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
        out: folder for the run directory; nothing is written where it is None. A run of the same
            request that lies there goes on where it stopped, and one that is complete is read,
            but where a loaded model is handed over, which may have changed since.
        fresh: start over whatever run lies there.
        options: see `Options`; single ones may be given as keywords, `seed=3`.
        talk: where progress goes.

    Raises:
        SuiteError: mistakes in a suite or its data, all of them at once.
        UsageError: a model, place, folder or baseline that cannot be had, or a folder with a run
            of another request.
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
        fresh=fresh,
    )


def audit_model(
    sources: Sequence[SuiteSource],
    model: str | LoadedModel,
    reference: str | LoadedModel | None,
    folder: Path | None,
    options: Options,
    talk: Talk,
    *,
    baseline: AuditReport | None = None,
    fresh: bool = False,
    handed_over: bool = True,
) -> AuditReport:
    """`run_audit` with everything in its place.

    Args:
        sources: of the suites.
        model: as `run_audit` takes it, and so `reference`.
        reference: None for none.
        folder: None for none.
        options: of the run.
        talk: where progress goes.
        baseline: what is known from before.
        fresh: start over whatever lies in the folder.
        handed_over: whether somebody else holds the loaded models that are given, too, and can
            change them without their digests.
    """
    started = datetime.now(UTC)
    opened = open_suites(sources, seed=options.seed)
    selected = select_checks(
        opened,
        seed=options.seed,
        expression=options.expression,
        only=options.only,
        limit=options.limit,
    )
    asked = request_of("run", opened, selected, options, baseline)
    names = {"model weights": _name(model), "reference weights": _name(reference)}
    with run_dir(folder, fresh=fresh, say=talk.say) as place:
        must_be_the_same(place, asked, names)
        subject = _loaded(model, options, talk, folder)
        if baseline is not None:
            must_fit(baseline, model_info(subject))
        other = None if reference is None else _loaded(reference, options, talk, folder)
        asked |= of_model("model", subject, handed_over=handed_over and model is subject)
        asked |= of_model("reference", other, handed_over=handed_over and reference is other)
        must_be_the_same(place, asked, names)
        watches = open_watches(
            selected,
            subject,
            allow_pickle=options.allow_pickle,
            allow_half=options.allow_half,
            seed=options.seed,
        )
        asked |= of_watches(watches)
        must_be_the_same(place, asked, names)
        if place is not None:
            stored = stored_report(place, asked)
            if stored is not None:
                return stored
        plan = make_plan(selected, subject, watches)
        if place is not None:
            begin_run(place, asked, names)
            talk = _noting(talk, place.path)
        progress = Progress()
        _run(plan, selected, subject, other, watches, options, talk, progress, place)
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
        if place is not None:
            _store(place, report, progress, talk)
    return report


def _store(place: RunFolder, report: AuditReport, progress: Progress, talk: Talk) -> None:
    """Write everything, and what somebody interrupts meanwhile nevertheless."""
    measurements = tuple(o.measurement for o in progress.outcomes if isinstance(o, Measured))
    cards = sum(len(check.cards) for check in report.checks)
    if progress.interrupted and keeps_more(place, checks=len(report.checks), cards=cards):
        talk.say(f"{place.path}: the earlier record, which holds more, stays")
        write_status(place.path, "interrupted")
        return
    store_run(place.path, report, scores_frame(measurements), measurements)


def _noting(talk: Talk, folder: Path) -> Talk:
    """The same talk, with the stretches of work in the journal."""

    def phase(name: str, total: int) -> None:
        append(folder, "phase", phase=name)
        talk.phase(name, total)

    return replace(talk, phase=phase)


def _name(model: str | LoadedModel | None) -> str | None:
    return model.name if isinstance(model, LoadedModel) else model


def _loaded(
    model: str | LoadedModel, options: Options, talk: Talk, folder: Path | None
) -> LoadedModel:
    """The model with a cache: the user's, or where that is not wanted the folder's own."""
    if isinstance(model, LoadedModel):
        return model
    root = None if options.cache or folder is None else folder / PARTIAL
    if options.ray is not None:
        return open_named(
            model,
            options.ray,
            device=options.device,
            dtype=options.dtype,
            allow_pickle=options.allow_pickle,
            cache=options.cache or folder is not None,
            root=root,
            say=talk.say,
        )
    if options.cache or folder is not None:
        return open_model(
            model,
            device=options.device,
            dtype=options.dtype,
            allow_pickle=options.allow_pickle,
            device_map=options.device_map,
            root=root,
            say=talk.say,
        )
    talk.say(f"loading {model}")
    return load_model(
        model,
        device=options.device,
        dtype=options.dtype,
        allow_pickle=options.allow_pickle,
        device_map=options.device_map,
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
    place: RunFolder | None,
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
            if place is not None:
                append(place.path, "measured", check="/".join(one.key))
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
