"""What every checkpoint of a series is asked: what its reference was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from audit.cluster.crew import Asked
from audit.cluster.rehearsal import rehearsed
from audit.engine.plan import Plan
from audit.models.behaviours import BEHAVIOURS, Questions
from audit.models.cache.recalling import recalled_capture
from audit.models.loaded import LoadedModel
from audit.series.own_text import writes


def asked_of_each(plan: Plan, reference: LoadedModel) -> tuple[Asked, ...]:
    """The parts that a cluster will be asked of each checkpoint, if nothing is known of it.

    None where the reference is on no cluster; nor where a check reads features, for which of
    them a checkpoint has is seen only on itself.
    """
    if reference.crew is None or any(read.reader is not None for read in plan.reads):
        return ()

    def capture(stand_in: LoadedModel) -> object:
        return recalled_capture(stand_in, plan.sequences, plan.reads)

    calls: list[Callable[[LoadedModel], object]] = [capture]
    for check in plan.checks:
        for asked in (check.behaviour, check.control_behaviour):
            if writes(check.check) and asked is not None:
                calls.append(partial(_written, asked.questions))
    return tuple(rehearsed(reference, calls))


def _written(questions: Questions, stand_in: LoadedModel) -> object:
    judge = BEHAVIOURS[questions.spec.kind].judge
    return judge(replace(questions, loaded=stand_in), (), None)
