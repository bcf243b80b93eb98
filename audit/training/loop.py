"""An auditor in a framework's loop: made when the loop begins, asked on all ranks, spoken once.

What the callbacks for transformers and for Lightning have in common. Knows the auditor and the
ranks, and neither framework: how a run is stopped, where weights are kept and which logger
takes the scalars is each callback's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import UsageError
from audit.models.loaded import DEFAULT_NAME
from audit.series.stored_rows import folder_name
from audit.training import ranks
from reports.text import safe_text

if TYPE_CHECKING:
    from audit.training.auditor import Auditor
    from audit.training.verdicts import StepVerdict
    from reports.series import Stop


class LoopAudit:
    """One auditor from the beginning of a loop to its end, and through its interruptions.

    Attributes:
        auditor: None until the loop has begun, unless it was given ready made.
        stop: why the run is stopped, or should be; None as long as there is no alarm.
        name: what tells its state from that of another audit in the same checkpoint.
    """

    def __init__(self, suites: Any, tokenizer: Any, *, strict: bool, **options: Any) -> None:
        from audit.training.auditor import Auditor

        self.auditor: Auditor | None = None
        if isinstance(suites, Auditor):
            _refuse_both(tokenizer, options)
            self.auditor = suites
        self.name: str = self.auditor.name if self.auditor else options["name"]
        self.stop: Stop | None = None
        self._made_here = self.auditor is None
        self._suites, self._tokenizer, self._options = suites, tokenizer, options
        self._strict = strict
        self._asked: int | None = None
        self._begun = False

    @property
    def folder_name(self) -> str:
        """Where the report goes if nobody said: two audits in one run need two folders."""
        return "audit" if self.name == DEFAULT_NAME else f"audit-{folder_name(self.name)}"

    def begin(
        self,
        model: Any,
        find_tokenizer: Callable[[], Any],
        step: int,
        saved: Mapping[str, Any] | None,
        default_out: Path,
    ) -> None:
        """Read the reference, or go on from where a checkpoint left off.

        Args:
            model: as it will be trained.
            find_tokenizer: asked where no tokenizer was given.
            step: training steps already done.
            saved: what `saved` said when the checkpoint was written.
            default_out: folder for the report where none was given. There is always one: the
                reference is kept there, without which no run can be resumed.

        Raises:
            UsageError: the checkpoint holds no state of this audit, or of another one; or the
                run was stopped for good.
        """
        goes_on = self._begun and saved is None and step > 0
        if step > 0 and saved is None and self._strict and not goes_on:
            raise UsageError(
                f"the run resumes at step {step}, and its checkpoint holds no state of the audit "
                f"{self.name!r}: resume from one that was saved with it and under that name, or "
                f"give strict=False to begin the audit here"
            )
        if self._made_here and not goes_on:
            self.auditor = self._make(find_tokenizer, default_out)
        auditor = self._ready()
        self.stop, self._asked = None, None
        if saved is not None and step > 0:
            auditor.load_state_dict(saved["auditor"])
        ranks.all_or_none(lambda: auditor.begin(model, at=step))
        auditor.resume_at(step)
        self._begun = True
        self.stop = auditor.report.stop or _of_another_rank(saved, step)
        if self.stop is not None and self.stop.on_flag == "stop":
            raise UsageError(
                f"this run was stopped at step {self.stop.step} and stays so: "
                f"{self.stop.sentence}; resume from a checkpoint before that (on_flag: pause in "
                f"the suite's policy, from the start, makes of resuming an acknowledgement)"
            )

    def ask(self, model: Any, step: int, *, last: bool = False) -> StepVerdict | None:
        """The verdict of all ranks where this step is to be audited and has not been yet.

        Args:
            model: as it is after this step.
            step: training steps done.
            last: whether the training ends here, so that the step is audited due or not.

        Raises:
            MeasurementError: it could not be measured, on this rank or on another.
        """
        auditor = self._ready()
        if step == self._asked or not (last or auditor.due(step)):
            return None
        self._asked = step
        verdict = ranks.audit(auditor, model, step)
        if verdict.stop is not None and self.stop is None:
            self.stop = verdict.stop
            if ranks.is_first():
                sys.stderr.write(f"\naudit: {safe_text(verdict.stop.sentence)}\n")
        return verdict

    def finish(self, model: Any, kept: str | None) -> None:
        """Write the final report, with the place where the flagged weights are.

        The last weights were asked for by `ask`, which agrees with the other ranks; by now the
        framework may have put others in their place.
        """
        auditor = self._ready()
        ranks.all_or_none(lambda: auditor.finish(model, kept=kept, once_more=False))

    def saved(self) -> dict[str, Any]:
        """What a checkpoint has to hold so that the audit goes on from it: plain JSON."""
        state = self.auditor.state_dict() if self.auditor is not None else None
        stop = self.stop.model_dump(mode="json") if self.stop is not None else None
        return {"name": self.name, "auditor": state, "stop": stop}

    def _make(self, find_tokenizer: Callable[[], Any], default_out: Path) -> Auditor:
        """The auditor of what was given. Only the first rank is told where to write."""
        from audit.training.auditor import Auditor

        out = (self._options["out"] or default_out) if ranks.is_first() else None
        tokenizer = self._tokenizer if self._tokenizer is not None else find_tokenizer()
        return Auditor(self._suites, tokenizer, **{**self._options, "out": out})

    def _ready(self) -> Auditor:
        if self.auditor is None:
            raise UsageError(
                "the audit was asked before training began: add the callback before the run"
            )
        return self.auditor


def _of_another_rank(saved: Mapping[str, Any] | None, step: int) -> Stop | None:
    """The stop that a checkpoint records and this rank's rows alone do not lead to.

    One that paused was acknowledged by resuming, and one that warned has had its say.
    """
    if saved is None or saved["stop"] is None or step == 0:
        return None
    from reports.series import Stop

    stop = Stop.model_validate(saved["stop"])
    return stop if stop.on_flag == "stop" else None


def _refuse_both(tokenizer: Any, options: Mapping[str, Any]) -> None:
    """An auditor has its own tokenizer, reference and policy: given twice, one would be lost."""
    unset = {"seed": 0, "name": DEFAULT_NAME}
    given = {"tokenizer": tokenizer, **options}
    twice = [name for name, value in given.items() if value != unset.get(name)]
    if twice:
        raise UsageError(
            f"the callback was given an Auditor and also {', '.join(twice)}: give those to the "
            f"Auditor"
        )
