"""The audit in transformers' Trainer, and in TRL's trainers, which are the same.

Knows the Trainer's events and how it stops, saves and resumes. What is measured and what is
decided is the auditor's. Imports transformers; nothing imports this module until it is used.

The state travels in `trainer_state.json`. By default the Trainer reads it back and gives it to
nobody, so the callback takes its own from there. With `restore_callback_states_from_checkpoint`
the Trainer instead makes the callback anew of the stored arguments: that works where all of
them are names and numbers, and where not, the callback refuses to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import ExportableState

from audit.errors import UsageError
from audit.models.loaded import DEFAULT_NAME
from audit.training.loop import LoopAudit

if TYPE_CHECKING:
    from audit.training.auditor import Auditor

Log = Callable[[dict[str, float]], None]

NOT_STORED = "not stored"


class AuditCallback(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Audits the model while it is trained, and ends the training on an alarm.

    On an alarm the Trainer is told to stop and to save, so that the flagged weights are kept
    as `checkpoint-STEP`; at the end the report is written. What cannot be measured raises.

    Args:
        suites: names or paths of suites, or an `Auditor` that has them.
        tokenizer: the model's; by default the Trainer's processing class.
        reference: what the run is held against; by default the model as training begins.
        out: folder for the report, and for what a resumed run needs; by default `audit` in the
            Trainer's output folder. Only the first rank writes.
        every: training steps between audits; by default as the suite's policy says.
        seed: of all resampling.
        name: what the run is called in the report, and its state in the checkpoint. Two of
            these callbacks in one Trainer need two names.
        log: gets the scalars of each audit; give `trainer.log`, and they go to whatever the
            Trainer reports to (`trainer.add_callback(AuditCallback(..., log=trainer.log))`). What
            a subclass adds to each log is left out; give a function of your own to have it.
        strict: whether to raise where a checkpoint that is resumed from was saved without
            this audit, and not to begin it there.
        options: `hidden`, `limit` and whatever else an `Auditor` takes.

    Attributes:
        stopping_reason: a word: `alarm`, `paused`, ...; None without an alarm.
        stopping_reason_message: the same as a sentence.

    Raises:
        UsageError: an argument was restored from a checkpoint that could not hold it.
    """

    def __init__(
        self,
        suites: Any,
        tokenizer: Any = None,
        *,
        reference: Any = None,
        out: str | Path | None = None,
        every: int | None = None,
        seed: int = 0,
        name: str = DEFAULT_NAME,
        log: Log | None = None,
        strict: bool = True,
        **options: Any,
    ) -> None:
        options |= {
            "reference": reference,
            "out": out,
            "every": every,
            "seed": seed,
            "name": name,
        }
        given = {
            "suites": suites,
            "tokenizer": tokenizer,
            **options,
            "log": log,
            "strict": strict,
        }
        _refuse_restored(given)
        self._given = {key: _stored(value) for key, value in given.items()}
        self._audit = LoopAudit(suites, tokenizer, strict=strict, **options)
        self._log = _undisturbing(log)
        self._flagged: int | None = None
        self._kept: str | None = None

    @property
    def auditor(self) -> Auditor | None:
        """What audits; None until training begins, unless it was given."""
        return self._audit.auditor

    @property
    def stopping_reason(self) -> str | None:
        """Why the run is stopped, or should be, in a word; None without an alarm."""
        return self._audit.stop.reason if self._audit.stop else None

    @property
    def stopping_reason_message(self) -> str | None:
        """Why the run is stopped, or should be, in a sentence; None without an alarm."""
        return self._audit.stop.sentence if self._audit.stop else None

    def state(self) -> dict[str, Any]:
        """What the Trainer stores in `trainer_state.json`."""
        return {"args": dict(self._given), "attributes": {"restored": self._audit.saved()}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Read the reference, or go on from the checkpoint that the Trainer resumes."""
        _refuse_rotation(args)
        self._flagged, self._kept = None, None

        def find_tokenizer() -> Any:
            # Before transformers 5 the processing class was called a tokenizer.
            found = kwargs.get("processing_class") or kwargs.get("tokenizer")
            if found is None:
                raise UsageError(
                    "AuditCallback has no tokenizer: give it one, or give the Trainer a "
                    "processing_class"
                )
            return getattr(found, "tokenizer", found)

        stored = state.stateful_callbacks
        saved = _newest(stored.get(type(self).__name__), self._audit.name)
        self._audit.begin(
            kwargs["model"],
            find_tokenizer,
            state.global_step,
            saved,
            default_out=Path(args.output_dir) / self._audit.folder_name,
        )
        # The Trainer looks its callbacks up here when it saves, and fails on a missing one.
        stored.setdefault(type(self).__name__, self.state())

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Audit where it is due, and the last step; on an alarm stop and save."""
        last = state.global_step >= state.max_steps
        verdict = self._audit.ask(kwargs["model"], state.global_step, last=last)
        if verdict is None:
            return control
        if self._log is not None and verdict.scalars:
            # Logging takes down the flag by which the Trainer's own numbers are logged.
            should_log = control.should_log
            self._log(dict(verdict.scalars))
            control.should_log = should_log
        if verdict.should_stop:
            self._flagged = state.global_step
            control.should_training_stop = True
            control.should_save = True
            if str(getattr(args.save_strategy, "value", args.save_strategy)) == "best":
                # An evaluation would overrule `should_save` unless these weights are the best.
                control.should_evaluate = False
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remember where the flagged weights are."""
        if self._flagged == state.global_step:
            self._kept = str(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Audit the last weights where the run ended early, and write the final report."""
        if not args.load_best_model_at_end:  # else these are no longer the last
            self._audit.ask(kwargs["model"], state.global_step, last=True)
        self._audit.finish(kwargs["model"], self._kept)


def _undisturbing(log: Log | None) -> Log | None:
    """`trainer.log` without what a subclass does there.

    TRL's trainers add their averages to whatever is logged and begin them anew: the audit's
    numbers would take them away from the trainer's own.
    """
    trainer = getattr(log, "__self__", None)
    if isinstance(trainer, Trainer) and log == trainer.log:
        return partial(Trainer.log, trainer)
    return log


def _stored(value: Any) -> Any:
    """A constructor's argument as JSON, or a note that it could not be stored."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str | Path) for item in value):
        return [str(item) for item in value]
    return {NOT_STORED: type(value).__name__}


def _refuse_restored(given: Mapping[str, Any]) -> None:
    """Do not go on with less than was given: without its tokenizer the audit is another one."""
    lost = {
        key: value[NOT_STORED]
        for key, value in given.items()
        if isinstance(value, dict) and NOT_STORED in value
    }
    if lost:
        listed = ", ".join(f"{key} ({kind})" for key, kind in lost.items())
        raise UsageError(
            f"AuditCallback cannot be restored from trainer_state.json, which does not hold its "
            f"{listed}: leave restore_callback_states_from_checkpoint off; the callback given to "
            f"the Trainer finds its own state in the checkpoint"
        )


def _refuse_rotation(args: Any) -> None:
    """With these two the Trainer deletes the last checkpoint at the end: the flagged one."""
    if args.save_total_limit == 1 and args.load_best_model_at_end:
        raise UsageError(
            "save_total_limit=1 with load_best_model_at_end=True deletes the checkpoint of the "
            "flagged weights when training ends: give save_total_limit=2"
        )


def _newest(stored: Any, name: str) -> Mapping[str, Any] | None:
    """The last state of the audit called `name` among those of all these callbacks.

    Of two callbacks of one class the Trainer keeps a list, and adds to it at every save.
    """
    states = stored if isinstance(stored, list) else [stored]
    found = [
        state["attributes"]["restored"]
        for state in states
        if state is not None and state["attributes"]["restored"]["name"] == name
    ]
    if not found or found[-1]["auditor"] is None:
        return None
    return dict(found[-1])
