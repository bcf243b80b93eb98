"""The auditor of a live model: begin, step, step, ..., finish.

Knows a model in memory and its tokenizer; no framework, no rank. It runs the model forward and
nothing else: no copy, no second load, hooks only. Evaluation mode and random states are put
back, gradients and the optimizer are not touched. What it decides is a function of the rows
that it has recorded, so a run that was resumed decides as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.engine.assembly import Options, model_info
from audit.engine.measuring import Talk, capture_plan
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.plan import Plan
from audit.engine.run import run_audit
from audit.engine.run_dir import open_run_dir, write_report, write_status
from audit.engine.watching import Watches, open_watches
from audit.errors import MeasurementError, UsageError
from audit.models.checkpoint_files import files_digest
from audit.models.loading import LoadedModel, load_model, wrap_model
from audit.models.quiet import quiet
from audit.series.assembly import Told, policies_of, series_report, stop_of
from audit.series.auditing import Audited, audit_live, audit_reference
from audit.series.reference import Reference, plan_like, read_reference
from audit.series.reference_files import REFERENCE_FILE, load_reference, save_reference
from audit.series.tracks import follow
from audit.training.state import AuditState, facts_of, from_json, to_json
from audit.training.unchanged import unchanged
from audit.training.verdicts import StepVerdict, scalars_of
from reports.record import ModelInfo
from reports.render import write_text_atomic
from reports.series import CheckpointRow, SeriesReport, Stop
from suites.load import LoadedSuite

STATE_FILE = "state.json"


class Auditor:
    """Audits a model while it is trained.

    Args:
        suites: names or paths of suites, or loaded ones; one or several.
        tokenizer: the model's.
        reference: what the run is held against: a name that `load_model` takes, or a loaded
            model; by default the live model as it is when the run begins.
        out: folder for the report; nothing is written where it is None.
        every: training steps between two audits; by default the least that a suite asks for.
        seed: of splits, folds and resampling.
        name: what the run is called in the report.
        hidden: suites that the run never sees; read once, at the end, for the report. To stop
            on a monitor is to select against it, so keep one that nobody stops on.
        expression: `-k` of the command line.
        limit: most rows of a role.
        fail_on: least severity that counts.
        allow_pickle: SAEs may be pickles of tensors.
        allow_half: SAEs may be in half precision.

    Raises:
        SuiteError: mistakes in a suite or its data, all of them at once.
    """

    def __init__(
        self,
        suites: SuiteSource | Sequence[SuiteSource],
        tokenizer: Any,
        *,
        reference: str | LoadedModel | None = None,
        out: str | Path | None = None,
        every: int | None = None,
        seed: int = 0,
        name: str = "live model",
        hidden: Sequence[SuiteSource] = (),
        talk: Talk | None = None,
        **options: Any,
    ) -> None:
        self.name = name
        self.tokenizer = tokenizer
        self.out = None if out is None else Path(out)
        self.options = Options(seed=seed, **options)
        self._given_reference = reference
        self._talk = talk or Talk()
        self._suites = _opened(suites, seed)
        self._hidden = _opened(hidden, seed) if hidden else []
        self._selected = select_checks(
            self._suites, seed=seed, expression=self.options.expression, limit=self.options.limit
        )
        self._policies = policies_of(self._suites)
        self.every = every or min(policy.every for policy in self._policies.values())
        self._rows: list[CheckpointRow] = []
        self._acknowledged: list[int] = []
        self._reference: Reference | None = None
        self._reference_model: ModelInfo | None = None
        self._kept_in: Path | None = None
        self._reference_digest: str | None = None
        self._resumed: AuditState | None = None
        self._plan: tuple[int, Plan] | None = None
        self._heeded: Stop | None = None
        self._told = Told(reference=name, started=datetime.now(UTC))

    def due(self, step: int) -> bool:
        """Whether `step` would look at the model after this training step."""
        return step > 0 and step % self.every == 0

    def begin(self, model: Any) -> None:
        """Read the reference; the second call does nothing.

        Raises:
            UsageError: a place that the model does not have, or a folder that cannot be had.
            MeasurementError: a check cannot be measured on the reference.
        """
        if self._reference is not None:
            return
        with unchanged(model):
            self._begin(model)

    def step(self, model: Any, step: int) -> StepVerdict:
        """Audit the model if this step is due.

        Args:
            model: a transformers model, or one wrapped for data parallel training.
            step: training steps done.

        Raises:
            MeasurementError: a check cannot be measured: activations that are not finite, say.
                An audit that cannot be made must not pass for one that found nothing.
        """
        return self.audit(model, step) if self.due(step) else StepVerdict(step, audited=False)

    def audit(self, model: Any, step: int) -> StepVerdict:
        """Audit the model at this step, due or not; a step that was audited is not read again.

        Raises:
            MeasurementError: as `step` does.
            UsageError: the step lies before the last that was audited.
        """
        self.begin(model)
        row = next((row for row in self._rows if row.step == step), None)
        if row is None:
            self._must_go_on(step)
            with unchanged(model):
                row = self._look(model, step)
            self._rows.append(row)
            self._journal()
            self._write(self._report(look_back=False))
        verdict = self._verdict(row)
        if verdict.stop is not None and verdict.stop.step == step:
            self._write(self.report)
        return verdict

    def heed(self, stop: Stop) -> None:
        """Take over an alarm that another rank raised, so that this record tells of it."""
        if self._heeded is None and self.report.stop is None:
            self._heeded = stop
            self._write(self.report)

    @property
    def report(self) -> SeriesReport:
        """The record as it stands."""
        return self._report(look_back=True)

    def _report(self, *, look_back: bool) -> SeriesReport:
        told = replace(self._told, acknowledged=tuple(self._acknowledged), stood=self._heeded)
        return series_report(self._rows, self._suites, self.options, told, look_back=look_back)

    def finish(self, model: Any = None, *, kept: str | None = None) -> SeriesReport:
        """The final report, written where there is a folder for it.

        Args:
            model: as it is at the end; hidden suites are asked of it, and where an alarm ended
                the run and nobody else kept its weights, they go to `out/flagged`.
            kept: where the flagged weights are.
        """
        stop = self.report.stop
        ended = stop is not None and stop.on_flag != "warn"
        if kept is None and ended and model is not None and self.out is not None:
            kept = str(self.out / "flagged")
            inner = wrap_model(model, self.tokenizer, digest=False).model
            with quiet():
                inner.save_pretrained(kept)
                self.tokenizer.save_pretrained(kept)
        hidden = self._ask_hidden(model) if model is not None and self._hidden else ()
        self._told = replace(
            self._told,
            kept=kept if ended else None,
            hidden=(*self._told.hidden, *hidden),
        )
        report = self.report
        self._write(report, status="complete")
        return report

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON, from which a resumed run decides as this one would."""
        state = AuditState(
            tuple(self._rows),
            tuple(self._acknowledged),
            self._told.reference,
            self._kept_in,
            self._reference_digest,
        )
        return to_json(state, self._facts())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` said; call it before `begin`, then `resume_at`.

        Raises:
            UsageError: it is the state of another audit, or the audit has begun.
        """
        if self._reference is not None:
            raise UsageError("the audit has begun; load its state before that")
        found = from_json(state, self._facts())
        self._rows, self._acknowledged = list(found.rows), list(found.acknowledged)
        self._told = replace(self._told, reference=found.reference)
        self._kept_in, self._reference_digest = found.kept_in, found.digest
        self._resumed = found

    def _facts(self) -> dict[str, Any]:
        return facts_of(self._suites, self.options.seed, self.every)

    def resume_at(self, step: int) -> None:
        """Forget audits after this step, to which training was rolled back.

        Resuming after an alarm that paused the run acknowledges it.
        """
        self._rows = [row for row in self._rows if row.step is not None and row.step <= step]
        self._acknowledged = [at for at in self._acknowledged if at <= step]
        for track in follow(
            self._rows, self._policies, acknowledged=self._acknowledged,
            fail_on=self.options.fail_on, look_back=False,
        ).tracks:  # fmt: skip
            if track.on_flag == "pause" and track.alarm_step is not None:
                self._acknowledged.append(track.alarm_step)

    def _begin(self, model: Any) -> None:
        self._open_folder()
        live = wrap_model(model, self.tokenizer, name=self.name, digest=False)
        if self._rows:
            self._reference = self._again(live)
            self._reference_model = model_info(live)
            return
        subject = live if self._given_reference is None else _loaded(self._given_reference)
        self._reference = read_reference(
            self._selected,
            subject,
            seed=self.options.seed,
            allow_pickle=self.options.allow_pickle,
            allow_half=self.options.allow_half,
            talk=self._talk,
        )
        for one in self._selected:
            reason = self._reference.failure(one.key)
            if reason is not None:
                raise MeasurementError(f"{'/'.join(one.key)} on the reference: {reason}")
        self._told = replace(
            self._told,
            reference=subject.name if self._given_reference is not None else f"{self.name}, step 0",
            reference_model=model_info(subject),
            device=live.device,
        )
        if self._given_reference is None:
            audited = audit_reference(self._reference, seed=self.options.seed)
        else:
            audited = self._audited(live)
        self._rows = [self._row(0, audited, live)]
        if self.out is not None:
            save_reference(self.out, self._reference, seed=self.options.seed)
            self._kept_in = self.out
            self._reference_digest = files_digest([self.out / REFERENCE_FILE])
        self._journal()

    def _again(self, live: LoadedModel) -> Reference:
        """The reference of a run that was resumed."""
        keywords: dict[str, Any] = {
            "seed": self.options.seed,
            "allow_pickle": self.options.allow_pickle,
            "allow_half": self.options.allow_half,
            "talk": self._talk,
        }
        if self._given_reference is not None:
            return read_reference(self._selected, _loaded(self._given_reference), **keywords)
        assert self._resumed is not None, "rows before the beginning come from a state"
        return load_reference(self._resumed.must_be_kept(), self._selected, live, **keywords)

    def _look(self, model: Any, step: int) -> CheckpointRow:
        live = wrap_model(model, self.tokenizer, name=self.name, digest=False)
        return self._row(step, self._audited(live), live)

    def _audited(self, live: LoadedModel) -> Audited:
        reference = self._reference
        assert reference is not None, "begin comes first"
        plan = self._plan_for(live, reference)
        captured = capture_plan(plan, live, self._talk)
        return audit_live(reference, live, plan, captured, seed=self.options.seed, talk=self._talk)

    def _plan_for(self, live: LoadedModel, reference: Reference) -> Plan:
        """The plan of the live model, laid once unless features have to be checked anew."""
        if self._plan is not None and self._plan[0] == id(live.model):
            return self._plan[1]
        watches = Watches()
        if reference.watches.opened:
            watches = open_watches(
                self._selected,
                live,
                like=reference.watches,
                allow_pickle=self.options.allow_pickle,
                allow_half=self.options.allow_half,
                seed=self.options.seed,
            )
        plan = plan_like(reference, live, watches)
        if not reference.watches.opened:
            self._plan = (id(live.model), plan)
        return plan

    def _row(self, step: int, audited: Audited, live: LoadedModel) -> CheckpointRow:
        from audit.engine.verdict import run_verdict

        return CheckpointRow(
            name=f"step {step}",
            step=step,
            source=self.name,
            kind="live",
            verdict=run_verdict(audited.readings, fail_on=self.options.fail_on),
            model=model_info(live) if step == 0 else None,
            checks=list(audited.readings),
        )

    def _verdict(self, row: CheckpointRow) -> StepVerdict:
        assert row.step is not None, "a row of a live model has a step"
        so_far = self._rows[: self._rows.index(row) + 1]
        followed = follow(
            so_far, self._policies, acknowledged=self._acknowledged,
            fail_on=self.options.fail_on, look_back=False,
        )  # fmt: skip
        stop = stop_of(followed.rows, followed.tracks)
        return StepVerdict(
            step=row.step,
            audited=True,
            verdict=row.verdict,
            should_stop=stop is not None and stop.on_flag != "warn",
            stop=stop,
            scalars=scalars_of(followed.rows[-1]),
        )

    def _must_go_on(self, step: int) -> None:
        last = self._rows[-1].step
        if last is not None and step < last:
            raise UsageError(
                f"step {step} comes before step {last}, which was audited: call resume_at({step}) "
                f"where training was rolled back"
            )

    def _ask_hidden(self, model: Any) -> list[str]:
        folders = []
        for suite in self._hidden:
            folder = None if self.out is None else self.out / "hidden" / suite.suite.name
            run_audit(
                suite, wrap_model(model, self.tokenizer, name=self.name), out=folder,
                options=self.options, expression=None,
            )  # fmt: skip
            folders.append(f"hidden/{suite.suite.name}")
        return folders

    def _open_folder(self) -> None:
        if self.out is not None:
            open_run_dir(self.out)

    def _journal(self) -> None:
        """The state as it is, so that a run that dies leaves what it knew."""
        if self.out is not None:
            write_text_atomic(self.out / STATE_FILE, json.dumps(self.state_dict()) + "\n")

    def _write(self, report: SeriesReport, *, status: str = "running") -> None:
        if self.out is not None:
            write_report(self.out, report)
            write_status(self.out, status, verdict=report.verdict, exit_code=report.exit_code)


def _opened(suites: SuiteSource | Sequence[SuiteSource], seed: int) -> list[LoadedSuite]:
    sources = [suites] if isinstance(suites, str | Path | LoadedSuite) else list(suites)
    return open_suites(sources, seed=seed)


def _loaded(reference: str | LoadedModel) -> LoadedModel:
    return reference if isinstance(reference, LoadedModel) else load_model(reference)
