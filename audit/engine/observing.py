"""What the model visibly did on the rows of a check, out of the same forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from audit.engine.plan import BehaviourWork, CheckWork, Plan
from audit.errors import MeasurementError
from audit.models.behaviours import BEHAVIOURS, Behaviour
from audit.models.capture import Captured, TokenSequence


@dataclass(frozen=True)
class Observed:
    """One behaviour per row of a role, in the role's order; none where none were asked for."""

    audit: tuple[Behaviour, ...] = ()
    control: tuple[Behaviour, ...] = ()


def observe(
    plan: Plan, work: CheckWork, captured: Captured, on_event: Callable[[str], None]
) -> Observed:
    """What the model did on the audit rows, and on control rows where a gate needs it.

    Raises:
        MeasurementError: the model's answers are not finite; the message counts the rows.
    """
    return Observed(
        _of_role(plan, work.behaviour, captured, "audit", on_event),
        _of_role(plan, work.control_behaviour, captured, "control", on_event),
    )


def _of_role(
    plan: Plan,
    work: BehaviourWork | None,
    captured: Captured,
    role: str,
    on_event: Callable[[str], None],
) -> tuple[Behaviour, ...]:
    if work is None:
        return ()
    answers = [[_log_probs(plan, captured, sequence) for sequence in asked] for asked in work.asked]
    silent = sum(not all(isfinite(p) for of in row for p in of) for row in answers)
    if silent:
        raise MeasurementError(
            f"log-probabilities of the choices are NaN or infinite on {silent} of {len(answers)} "
            f"{role} rows"
        )
    kind = BEHAVIOURS[work.questions.spec.kind]
    return tuple(kind.judge(work.questions, answers, on_event))


def _log_probs(plan: Plan, captured: Captured, asked: TokenSequence) -> list[float]:
    """The answers to what was asked of a sequence, among all that anybody asked of it."""
    index = plan.index[asked.ids]
    found = dict(zip(plan.sequences[index].next_tokens, captured.log_probs[index], strict=True))
    return [found[wanted] for wanted in asked.next_tokens]
