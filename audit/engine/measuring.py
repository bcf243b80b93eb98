"""A plan carried out on one model: the model runs once, then each check is measured by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit.engine.known import Known
from audit.engine.measure import measure
from audit.engine.observing import Observed, observe
from audit.engine.plan import CheckWork, Plan
from audit.engine.results import Failed, Measured
from audit.engine.selected import Selected
from audit.errors import MeasurementError
from audit.models.cache.recalling import recalled_capture
from audit.models.capture import Captured
from audit.models.loading import LoadedModel


@dataclass(frozen=True)
class Talk:
    """How a run tells of its progress; the default says nothing.

    `phase(name, total)` opens a stretch of work, `reached(done)` says how far it has come,
    `say(sentence)` is worth a line.
    """

    phase: Callable[[str, int], None] = lambda name, total: None
    reached: Callable[[int], None] = lambda done: None
    say: Callable[[str], None] = lambda sentence: None


def measure_model(
    plan: Plan, selected: Sequence[Selected], model: LoadedModel, *, seed: int, talk: Talk
) -> Iterator[Measured | Failed]:
    """Run the model once, then measure check by check, each as it is asked for.

    A check that fails is one outcome and the rest go on; where the model cannot be run at all,
    every check fails with that reason.
    """
    try:
        captured = capture_plan(plan, model, talk)
    except MeasurementError as error:
        yield from (Failed(one, plan.failed.get(one.key, str(error))) for one in selected)
        return
    yield from measure_captured(plan, selected, model, captured, seed=seed, talk=talk)


def capture_plan(plan: Plan, model: LoadedModel, talk: Talk) -> Captured:
    """Everything that the plan wants of the model.

    Raises:
        MeasurementError: not even one sequence fits into memory.
    """
    talk.phase(f"reading {model.name}", plan.tokens)
    if model.cache is not None:  # who opened the model may not have known whom to tell
        model.cache.folder.say = talk.say
    return recalled_capture(
        model, plan.sequences, plan.reads, progress=talk.reached, on_event=talk.say
    )


def measure_captured(
    plan: Plan,
    selected: Sequence[Selected],
    model: LoadedModel,
    captured: Captured,
    *,
    seed: int,
    talk: Talk,
    behaviours: Mapping[tuple[str, str], Observed] | None = None,
) -> Iterator[Measured | Failed]:
    """Measure check by check what was captured, in the order of `selected`.

    `behaviours`, by check, are taken as they are where the model is not there to be asked.
    Checks that share rows share what was fitted on them.
    """
    talk.phase(f"measuring {model.name}", len(plan.checks))
    works, shared = iter(plan.checks), Known()
    for done, one in enumerate(selected):
        talk.reached(done)
        if one.key in plan.failed:
            yield Failed(one, plan.failed[one.key])
        else:
            work = next(works)
            seen = None if behaviours is None else behaviours.get(one.key)
            yield _outcome(plan, work, one, captured, seed, talk, seen, shared)


def _outcome(
    plan: Plan,
    work: CheckWork,
    one: Selected,
    captured: Captured,
    seed: int,
    talk: Talk,
    seen: Observed | None,
    shared: Known,
) -> Measured | Failed:
    try:
        done = observe(plan, work, captured, talk.say) if seen is None else seen
        measurement = measure(work, captured, done, seed=seed, known=shared)
    except MeasurementError as error:
        return Failed(one, str(error))
    return Measured(measurement)
