"""The audit in Lightning's Trainer.

Knows Lightning's events and how it stops, saves and resumes, and where in a LightningModule
the Hugging Face model is. What is measured and what is decided is the auditor's. Lightning is
installed under two names, `lightning` and `pytorch_lightning`; either serves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import UsageError
from audit.models.loaded import DEFAULT_NAME
from audit.series.flagged import free_place
from audit.training.loop import LoopAudit

if TYPE_CHECKING:
    from audit.training.auditor import Auditor


def _lightning() -> Any:
    """Lightning as the program around it knows it, and otherwise whichever is installed."""
    names = [name for name in ("lightning", "pytorch_lightning") if find_spec(name) is not None]
    if not names:
        raise UsageError(
            "LightningAuditCallback needs Lightning, which is not installed: "
            "pip install 'alignment-audit[lightning]'"
        )
    entered = [name for name in names if name in sys.modules]
    name = (entered or names)[0]
    return import_module("lightning.pytorch" if name == "lightning" else name)


class LightningAuditCallback(_lightning().Callback):  # type: ignore[misc]
    """Audits the model while it is trained, and ends the training on an alarm.

    Steps are Lightning's `global_step`: optimizer steps, whatever the accumulation. On an alarm
    the flagged weights are saved and the trainer is told to stop; at the end, or when an
    exception ends the run, the report is written. What cannot be measured raises.

    Args:
        suites: names or paths of suites, or an `Auditor` that has them.
        tokenizer: the model's; by default the attribute `tokenizer` of the LightningModule.
        reference: what the run is held against; by default the model as training begins.
        out: folder for the report, and for what a resumed run needs; by default `audit` in the
            trainer's root. Only the first rank writes.
        every: training steps between audits; by default as the suite's policy says.
        seed: of all resampling.
        name: what the run is called in the report, and its state in the checkpoint.
        model: finds the Hugging Face model in the LightningModule; by default its attribute
            `model`, or the only one there is.
        keep: folder for the flagged weights; by default `flagged` in the trainer's root.
        strict: whether to raise where a checkpoint that is resumed from was saved without
            this audit, and not to begin it there.
        options: `hidden`, `limit` and whatever else an `Auditor` takes.

    Attributes:
        stopping_reason: a word: `alarm`, `paused`, ...; None without an alarm.
        stopping_reason_message: the same as a sentence.
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
        model: Callable[[Any], Any] | None = None,
        keep: str | Path | None = None,
        strict: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        self._audit = LoopAudit(
            suites,
            tokenizer,
            strict=strict,
            reference=reference,
            out=out,
            every=every,
            seed=seed,
            name=name,
            **options,
        )
        self._model, self._keep = model, keep
        self._kept: str | None = None
        self._restored: Mapping[str, Any] | None = None
        self._running = False

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

    @property
    def state_key(self) -> str:
        """Under what the state stands in a checkpoint: two audits have two names."""
        return str(self._generate_state_key(name=self._audit.name))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to hold so that the audit goes on from it."""
        return self._audit.saved()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint held; it is used when training begins."""
        self._restored = state_dict if state_dict["auditor"] is not None else None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Read the reference, or go on from the checkpoint that the trainer resumes.

        By now the weights lie where they are trained, and the step is known; at `on_fit_start`
        Lightning has not yet restored it.
        """
        if trainer.fast_dev_run:
            return
        self._kept = None

        def find_tokenizer() -> Any:
            found = getattr(pl_module, "tokenizer", None)
            if found is None:
                raise UsageError(
                    f"LightningAuditCallback has no tokenizer: give it one, or give "
                    f"{type(pl_module).__name__} an attribute `tokenizer`"
                )
            return found

        model = find_model(pl_module, self._model)
        self._audit.begin(
            model,
            find_tokenizer,
            trainer.global_step,
            self._restored,
            default_out=Path(trainer.default_root_dir) / self._audit.folder_name,
        )
        self._restored, self._running = None, True

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Audit where an optimizer step makes it due; on an alarm save and stop."""
        if trainer.fast_dev_run or trainer.sanity_checking:
            return
        self._ask(trainer, pl_module, last=False)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Audit the last weights, and write the final report."""
        if self._running:
            self._ask(trainer, pl_module, last=True)
            self._running = False
            self._audit.finish(find_model(pl_module, self._model), self._kept)

    def _ask(self, trainer: Any, pl_module: Any, *, last: bool) -> None:
        model = find_model(pl_module, self._model)
        verdict = self._audit.ask(model, trainer.global_step, last=last)
        if verdict is None:
            return
        for logger in trainer.loggers:
            logger.log_metrics(dict(verdict.scalars), step=trainer.global_step)
        # The ranks have agreed where torch.distributed carries them; a strategy may have
        # another way.
        stop = trainer.strategy.reduce_boolean_decision(verdict.should_stop, all=False)
        if stop:
            folder = Path(self._keep or Path(trainer.default_root_dir) / "flagged")
            kept = free_place(folder, f"step={trainer.global_step}", ".ckpt")
            kept = trainer.strategy.broadcast(kept)  # what the first rank found free
            trainer.save_checkpoint(kept)
            self._kept = str(kept)
            trainer.should_stop = True
            # Until its minimum of steps and epochs Lightning goes on in spite of `should_stop`.
            trainer.fit_loop.min_epochs = 0
            trainer.fit_loop.epoch_loop.min_steps = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Write the report of what was audited before the run broke off."""
        if self._running and self._audit.auditor is not None:
            self._running = False
            # On this rank alone: the others may never come here.
            self._audit.auditor.finish(kept=self._kept)


def find_model(module: Any, choose: Callable[[Any], Any] | None = None) -> Any:
    """The Hugging Face model in a LightningModule.

    Raises:
        UsageError: there is none, or there are several and none is called `model`; lists them.
    """
    if choose is not None:
        chosen = choose(module)
        if not _is_model(chosen):
            raise UsageError(
                f"model=... of LightningAuditCallback gave {type(chosen).__name__}, which is no "
                f"Hugging Face model: it has no config with a model_type"
            )
        return chosen
    found = {name: child for name, child in module.named_children() if _is_model(child)}
    if "model" in found:
        return found["model"]
    if len(found) == 1:
        return next(iter(found.values()))
    seen = found or dict(module.named_children())
    listed = ", ".join(f"{name} ({type(child).__name__})" for name, child in seen.items())
    what = "several Hugging Face models" if found else "no Hugging Face model as an attribute"
    raise UsageError(
        f"{type(module).__name__} has {what}; it holds {listed or 'nothing'}: say which with "
        f"LightningAuditCallback(..., model=lambda module: module.NAME)"
    )


def _is_model(module: Any) -> bool:
    """Whether it is a transformers model, or a wrapper that shows its config."""
    return hasattr(getattr(module, "config", None), "model_type")
