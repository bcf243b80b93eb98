"""The checkpoint that all others are held against: measured once, and kept.

What it keeps is what a comparison needs and a model is not: the plan with its tokens, the
pooled activations, the fitted monitors with their thresholds, and what the words alone score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from audit.engine.measure import Measurement
from audit.engine.measuring import Talk, capture_plan, measure_captured
from audit.engine.observing import Observed
from audit.engine.plan import BehaviourWork, CheckWork, Plan, make_plan
from audit.engine.results import Failed, Measured
from audit.engine.selected import Selected
from audit.engine.watching import Watches, open_watches
from audit.errors import MeasurementError
from audit.models.capture import Captured
from audit.models.loading import LoadedModel

Scores = NDArray[np.float64]
Key = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Reference:
    """One measured model that others are compared with.

    Attributes:
        name: of the checkpoint.
        selected: the checks.
        watches: the feature monitors among them, opened on this model.
        plan: with the tokens of every row.
        captured: its activations.
        outcomes: one a check, in the order of `selected`.
        words: by check, validation scores `[n]` of the text alone, which no checkpoint changes.
        tokenizer_digest: of the tokenizer that made the tokens.
        weights_digest: of its weights.
    """

    name: str
    selected: tuple[Selected, ...]
    watches: Watches
    plan: Plan
    captured: Captured
    outcomes: tuple[Measured | Failed, ...]
    tokenizer_digest: str
    weights_digest: str
    words: Mapping[Key, Scores] = field(default_factory=dict)

    def measurement(self, key: Key) -> Measurement | None:
        """The measurement of a check; None where it failed."""
        for outcome in self.outcomes:
            if isinstance(outcome, Measured) and outcome.measurement.work.key == key:
                return outcome.measurement
        return None

    def failure(self, key: Key) -> str | None:
        """Why a check could not be measured; None where it was."""
        for outcome in self.outcomes:
            if isinstance(outcome, Failed) and outcome.selected.key == key:
                return outcome.reason
        return None


def read_reference(
    selected: Sequence[Selected],
    model: LoadedModel,
    *,
    seed: int = 0,
    allow_pickle: bool = False,
    allow_half: bool = False,
    talk: Talk | None = None,
) -> Reference:
    """Measure every check on the reference.

    Raises:
        UsageError: what `make_plan` and `open_watches` refuse.
        MeasurementError: the model cannot be run.
    """
    telling = talk or Talk()
    watches = open_watches(
        selected, model, allow_pickle=allow_pickle, allow_half=allow_half, seed=seed
    )
    plan = make_plan(selected, model, watches)
    captured = capture_plan(plan, model, telling)
    return reference_of(selected, model, watches, plan, captured, seed=seed, talk=telling)


def reference_of(
    selected: Sequence[Selected],
    model: LoadedModel,
    watches: Watches,
    plan: Plan,
    captured: Captured,
    *,
    seed: int,
    talk: Talk,
    behaviours: Mapping[Key, Observed] | None = None,
) -> Reference:
    """A reference out of what was captured of it, and of what it did where that is known."""
    outcomes = tuple(
        measure_captured(
            plan, selected, model, captured, seed=seed, talk=talk, behaviours=behaviours
        )
    )
    plan, outcomes = without_model(plan), tuple(map(_without_model, outcomes))
    return Reference(
        name=model.name,
        selected=tuple(selected),
        watches=watches,
        plan=plan,
        captured=captured,
        outcomes=outcomes,
        tokenizer_digest=model.tokenizer_digest,
        weights_digest=model.weights_digest,
        words={
            o.measurement.work.key: o.measurement.words
            for o in outcomes
            if isinstance(o, Measured) and o.measurement.words is not None
        },
    )


def plan_like(reference: Reference, model: LoadedModel, watches: Watches) -> Plan:
    """The plan of the same checks on another model, over the reference's tokens.

    Raises:
        MeasurementError: the model's tokenizer turns the text into other tokens.
        UsageError: a place that this model does not have.
    """
    if model.tokenizer_digest == reference.tokenizer_digest:
        return make_plan(reference.selected, model, watches, like=reference.plan)
    plan = make_plan(reference.selected, model, watches)
    roles = {(check.key, role): work for check in reference.plan.checks
             for role, work in check.roles.items()}  # fmt: skip
    changed = [
        (here.text, len(there.ids), len(here.ids))
        for check in plan.checks
        for role, work in check.roles.items()
        if (check.key, role) in roles
        for here, there in zip(work.encoded, roles[check.key, role].encoded, strict=True)
        if here.ids != there.ids
    ]
    if changed:
        text, expected, found = changed[0]
        raise MeasurementError(
            f"its tokenizer is not the reference's: {len(changed)} of {plan.prompts} prompts "
            f"become other tokens ({text[:40]!r} has {found}, where {expected} were expected)"
        )
    return plan


def without_model(plan: Plan) -> Plan:
    """The plan without the weights that it was laid for: a reference shall not keep them."""
    return replace(plan, checks=tuple(map(_released, plan.checks)))


def _without_model(outcome: Measured | Failed) -> Measured | Failed:
    if isinstance(outcome, Failed):
        return outcome
    measured = outcome.measurement
    return replace(outcome, measurement=replace(measured, work=_released(measured.work)))


def _released(work: CheckWork) -> CheckWork:
    return replace(
        work,
        behaviour=_unasked(work.behaviour),
        control_behaviour=_unasked(work.control_behaviour),
    )


def _unasked(asked: BehaviourWork | None) -> BehaviourWork | None:
    if asked is None:
        return None
    questions = asked.questions
    released = replace(questions, loaded=replace(questions.loaded, model=None))
    return replace(asked, questions=released)
