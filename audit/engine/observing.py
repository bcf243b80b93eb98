"""What the model visibly did on the audit rows of a check, out of the same forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from audit.engine.plan import CheckWork, Plan
from audit.errors import MeasurementError
from audit.models.behaviours import BEHAVIOURS, Behaviour
from audit.models.capture import Captured, TokenSequence


def observe(
    plan: Plan, work: CheckWork, captured: Captured, on_event: Callable[[str], None]
) -> Sequence[Behaviour]:
    """One behaviour per audit row, in the role's order; none where the check asks for none.

    Raises:
        MeasurementError: the model's answers are not finite; the message counts the rows.
    """
    if work.behaviour is None:
        return ()
    answers = [
        [_log_probs(plan, captured, sequence) for sequence in asked]
        for asked in work.behaviour.asked
    ]
    silent = sum(not all(isfinite(p) for of in row for p in of) for row in answers)
    if silent:
        raise MeasurementError(
            f"log-probabilities of the choices are NaN or infinite on {silent} of {len(answers)} "
            f"audit rows"
        )
    kind = BEHAVIOURS[work.behaviour.questions.spec.kind]
    return kind.judge(work.behaviour.questions, answers, on_event)


def _log_probs(plan: Plan, captured: Captured, asked: TokenSequence) -> list[float]:
    """The answers to what was asked of a sequence, among all that anybody asked of it."""
    index = plan.index[asked.ids]
    found = dict(zip(plan.sequences[index].next_tokens, captured.log_probs[index], strict=True))
    return [found[wanted] for wanted in asked.next_tokens]
