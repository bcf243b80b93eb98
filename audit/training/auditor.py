"""The auditor of a live model: begin, step, step, ..., finish.

Knows a model in memory and its tokenizer; no framework, no rank. It runs the model forward and
nothing else: no copy, no second load, hooks only. Evaluation mode and random states are put
back, gradients and the optimizer are not touched. What it decides is a function of the rows
that it has recorded, so a run that was resumed decides as one that was not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.engine.assembly import Options, model_info
from audit.engine.measuring import Talk
from audit.engine.opening import SuiteSource, open_suites, select_checks
from audit.engine.request import Request, request_of
from audit.engine.verdict import run_verdict
from audit.errors import AuditError, UsageError
from audit.models.checkpoint_files import files_digest
from audit.models.loaded import DEFAULT_NAME
from audit.models.loading import LoadedModel
from audit.series.assembly import Told, policies_of, series_report, stop_of
from audit.series.auditing import Audited, audit_reference
from audit.series.flagged import left_before
from audit.series.reference import Reference
from audit.series.reference_files import REFERENCE_FILE, save_reference
from audit.series.tracks import follow
from audit.training.arguments import check_arguments, must_be_hidden
from audit.training.asking import of_live, of_reference
from audit.training.beginning import first_reference, loaded, taken_up
from audit.training.ending import ask_hidden, keep_flagged
from audit.training.folder import Folder
from audit.training.reading import LiveReader
from audit.training.state import AuditState, facts_of, from_json, to_json
from audit.training.unchanged import unchanged
from audit.training.verdicts import StepVerdict, scalars_of
from reports.series import CheckpointRow, SeriesReport, Stop
from suites.load import LoadedSuite


class Auditor:
    """Audits a model while it is trained.

    Args:
        suites: names or paths of suites, or loaded ones; one or several.
        tokenizer: the model's.
        reference: what the run is held against: a name that `load_model` takes, or a loaded
            model; by default the live model as it is when the run begins.
        out: folder for the report; nothing is written where it is None. One that holds the
            report of another audit is refused.
        fresh: start over whatever `out` holds.
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
        fresh: bool = False,
        every: int | None = None,
        seed: int = 0,
        name: str = DEFAULT_NAME,
        hidden: Sequence[SuiteSource] = (),
        talk: Talk | None = None,
        **options: Any,
    ) -> None:
        self.name = name
        self.tokenizer = tokenizer
        self.out = None if out is None else Path(out)
        check_arguments(seed, every, options)
        self.options = Options(seed=seed, **options)
        self._given_reference = reference
        self._talk = talk or Talk()
        self._suites = _opened(suites, seed)
        self._hidden = _opened(hidden, seed) if hidden else []
        must_be_hidden(self._hidden, self._suites)
        self._selected = select_checks(
            self._suites,
            seed=seed,
            expression=self.options.expression,
            limit=self.options.limit,
            only=self.options.only,
        )
        self._policies = policies_of(self._suites)
        self.every = every or min(policy.every for policy in self._policies.values())
        self._rows: list[CheckpointRow] = []
        self._acknowledged: list[int] = []
        self._reference: Reference | None = None
        self._kept_in: Path | None = None
        self._reference_digest: str | None = None
        self._resumed: AuditState | None = None
        self._reader = LiveReader(tokenizer, name, self.options, self._talk)
        self._before: tuple[str, ...] = ()
        self._heeded: Stop | None = None
        self._seen = 0
        self._folder = Folder(self.out, fresh=fresh)
        self._told = Told(reference=name, started=datetime.now(UTC))

    def due(self, step: int) -> bool:
        """Whether `step` would look at the model after this training step."""
        return step > 0 and step % self.every == 0

    def begin(self, model: Any, *, at: int = 0) -> None:
        """Read the reference; the second call does nothing.

        Call it before the first training step. Where nobody did, the first `step` does.

        Args:
            model: the live model.
            at: training steps done.

        Raises:
            UsageError: a place that the model does not have, or a folder that cannot be had.
            MeasurementError: a check cannot be measured on the reference.
        """
        if self._reference is not None:
            return
        before = left_before(self.out)
        if self.out is not None:
            fresh = self._folder.fresh and self._resumed is None  # whose reference lies there
            given = self._given_reference
            names = {"reference weights": given.name if isinstance(given, LoadedModel) else given}
            self._folder = Folder(self.out, self._asked(model), fresh, names)
        self._folder.open()  # one that cannot be had is none to leave word in
        self._before = before
        self._told = replace(self._told, notes=self._before)
        with unchanged(model), self._told_of():
            self._begin(model, at)

    def step(self, model: Any, step: int) -> StepVerdict:
        """Audit the model if this step is due.

        Args:
            model: a transformers model, or one wrapped for data parallel training.
            step: training steps done.

        Raises:
            MeasurementError: a check cannot be measured: activations that are not finite, say.
                An audit that cannot be made must not pass for one that found nothing.
        """
        self.begin(model, at=step)
        self._seen = max(self._seen, step)
        return self.audit(model, step) if self.due(step) else StepVerdict(step, audited=False)

    def audit(self, model: Any, step: int) -> StepVerdict:
        """Audit the model at this step, due or not; a step that was audited is not read again.

        Raises:
            MeasurementError: as `step` does.
            UsageError: the step lies before the last that was audited.
        """
        self.begin(model, at=step)
        row = next((row for row in self._rows if row.step == step), None)
        if row is None:
            self._must_go_on(step)
            with unchanged(model), self._told_of():
                row = self._look(model, step)
            self._rows.append(row)
            self._folder.add(row)
            if self._folder.wants_report(len(self._rows)):
                self._folder.write(self._report(look_back=False))
        verdict = self._verdict(row)
        if verdict.stop is not None and verdict.stop.step == step:
            self._folder.write(self.report)
        return verdict

    def heed(self, stop: Stop) -> None:
        """Take over an alarm that another rank raised, so that this record tells of it."""
        if self._heeded is None and self._report(look_back=False).stop is None:
            self._heeded = stop
            self._folder.write(self.report)

    @property
    def report(self) -> SeriesReport:
        """The record as it stands."""
        return self._report(look_back=True)

    def _report(self, *, look_back: bool) -> SeriesReport:
        told = replace(self._told, acknowledged=tuple(self._acknowledged), stood=self._heeded)
        return series_report(self._rows, self._suites, self.options, told, look_back=look_back)

    def finish(
        self, model: Any = None, *, kept: str | None = None, once_more: bool = True
    ) -> SeriesReport:
        """The final report, written where there is a folder for it.

        Args:
            model: as it is at the end: audited once more if it went on since the last audit, and
                asked the hidden suites. Where an alarm ended the run and nobody else kept its
                weights, they go to `out/flagged`, or `out/flagged-2` where older ones are there.
            kept: where the flagged weights are.
            once_more: False where the model is not what was trained last, as where a framework
                has put its best checkpoint back: then it is not audited.

        Raises:
            MeasurementError: the model cannot be audited as it is at the end.
        """
        if model is not None:
            self.begin(model)
            if once_more and self._seen > (self._rows[-1].step or 0):
                self.audit(model, self._seen)
        kept = kept or self._told.kept
        stop = self._report(look_back=False).stop
        ended = stop is not None and stop.on_flag != "warn"
        if kept is None and ended and model is not None and self.out is not None:
            kept = keep_flagged(model, self.tokenizer, self.out)
        hidden: list[str] = []
        if model is not None and self._hidden:
            live = self._reader.described(model, digest=True)
            hidden = ask_hidden(self._hidden, live, self.out, self.options)
        self._told = replace(
            self._told,
            kept=kept if ended else None,
            hidden=tuple(dict.fromkeys((*self._told.hidden, *hidden))),
            notes=(*self._before, *self._notes()),
        )
        self._reader.forget()
        report = self.report
        self._folder.open_again()
        self._folder.write(report, "complete")
        self._folder.close()
        return report

    def _notes(self) -> tuple[str, ...]:
        if len(self._rows) > 1 or self._given_reference is not None:
            return ()
        return ("no audit was due: the model was looked at once, and nothing that was trained was",)

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

    def _asked(self, model: Any) -> Request:
        asked = request_of("training", self._suites, self._selected, self.options)
        live = of_live(self._reader.described(model))
        return {
            **asked, **live, **of_reference(self._given_reference), "option every": self.every
        }  # fmt: skip

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
            if track.on_flag == "pause" and track.alarm_step is not None and self._rows:
                self._acknowledged.append(self._rows[-1].step or 0)
        self._seen = step
        self._told = replace(self._told, kept=None)

    @contextmanager
    def _told_of(self) -> Iterator[None]:
        """Leave word in the folder where an audit cannot be made."""
        try:
            yield
        except AuditError as error:
            self._folder.failed(str(error))
            raise

    def _begin(self, model: Any, at: int) -> None:
        live = self._reader.described(model)
        if self._rows:
            assert self._resumed is not None, "rows before the beginning come from a state"
            self._reference = taken_up(
                self._resumed, self._selected, live, self._given_reference, self.options, self._talk
            )
            self._told = replace(self._told, reference_model=model_info(live), device=live.device)
            return
        subject = live if self._given_reference is None else loaded(self._given_reference)
        reference = first_reference(self._selected, subject, self.options, self._talk)
        self._told = replace(
            self._told,
            reference=subject.name if self._given_reference else f"{self.name}, step {at}",
            reference_model=model_info(subject),
            device=live.device,
        )
        if self._given_reference is None:
            audited = audit_reference(reference, seed=self.options.seed)
        else:
            audited = self._reader.against(live, reference)
        if self.out is not None:
            save_reference(self.out, reference, seed=self.options.seed)
            self._kept_in = self.out
            self._reference_digest = files_digest([self.out / REFERENCE_FILE])
        self._rows = [self._row(at, audited, live)]
        self._reference = reference  # last, so that a beginning that failed can be tried again
        self._folder.begin(self._rows[0])
        self._folder.write(self._report(look_back=False))

    def _look(self, model: Any, step: int) -> CheckpointRow:
        live = self._reader.described(model)
        assert self._reference is not None, "begin comes first"
        return self._row(step, self._reader.against(live, self._reference), live)

    def _row(self, step: int, audited: Audited, live: LoadedModel) -> CheckpointRow:
        return CheckpointRow(
            name=f"step {step}",
            step=step,
            source=self.name,
            kind="live",
            verdict=run_verdict(audited.readings, fail_on=self.options.fail_on),
            model=model_info(live) if not self._rows else None,
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


def _opened(suites: SuiteSource | Sequence[SuiteSource], seed: int) -> list[LoadedSuite]:
    sources = [suites] if isinstance(suites, str | Path | LoadedSuite) else list(suites)
    return open_suites(sources, seed=seed)
