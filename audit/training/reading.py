"""A live model read against a reference: described anew at each audit, its plan laid once."""

from __future__ import annotations

from typing import Any

from audit.engine.assembly import Options
from audit.engine.measuring import Talk, capture_plan
from audit.engine.plan import Plan
from audit.errors import UsageError
from audit.models.loading import LoadedModel, wrap_model
from audit.series.auditing import Audited, audit_live
from audit.series.reference import Reference
from audit.training.beginning import plan_of


class LiveReader:
    """Reads one model again and again while its weights change.

    Args:
        tokenizer: the model's.
        name: what the run is called in the report.
        options: as of a single run.
        talk: where progress goes.
    """

    def __init__(self, tokenizer: Any, name: str, options: Options, talk: Talk) -> None:
        self._tokenizer, self._name, self._options, self._talk = tokenizer, name, options, talk
        self._plan: tuple[Any, Plan] | None = None

    def described(self, model: Any, *, digest: bool = False) -> LoadedModel:
        """The model as it is now, and with `digest` its weights hashed.

        Raises:
            UsageError: there is no tokenizer.
        """
        if self._tokenizer is None:
            raise UsageError("the auditor has no tokenizer: give it the model's")
        return wrap_model(model, self._tokenizer, name=self._name, digest=digest)

    def against(self, live: LoadedModel, reference: Reference) -> Audited:
        """Every check on the live model, beside the reference."""
        plan = self._plan_for(live, reference)
        captured = capture_plan(plan, live, self._talk)
        return audit_live(reference, live, plan, captured, seed=self._options.seed, talk=self._talk)

    def forget(self) -> None:
        """Let go of the model; the next audit lays its plan anew."""
        self._plan = None

    def _plan_for(self, live: LoadedModel, reference: Reference) -> Plan:
        """The plan of the live model, laid once unless features have to be checked anew."""
        if self._plan is not None and self._plan[0] is live.model:
            return self._plan[1]
        plan = plan_of(reference, live, self._options)
        if not reference.watches.opened:
            self._plan = (live.model, plan)
        return plan
