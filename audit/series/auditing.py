"""One checkpoint against the reference: captured once, its checks read three ways and judged.

Two ways to a verdict share everything else. From disk a checkpoint gets a whole audit of its
own, layers, baselines and all; inside a training loop, where that is too dear, its verdict is
that of the probe which is believed, by the same gates and the same rules of validity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from audit.engine.gates import NEEDS_REFERENCE
from audit.engine.measure import Measurement
from audit.engine.measuring import Talk, measure_captured
from audit.engine.observing import Observed, observe
from audit.engine.plan import CheckWork, Plan
from audit.engine.results import Failed, Measured, results_of
from audit.errors import MeasurementError
from audit.models.capture import Captured
from audit.models.loading import LoadedModel
from audit.series.own_text import own_text, writes
from audit.series.readers import read_check, read_reference_itself
from audit.series.recording import Heard, check_reading
from audit.series.reference import Key, Reference
from audit.series.signals import signals
from audit.series.standing import Standing, stand
from reports.record import CheckResult
from reports.series import CheckReading, TwoWeights

Outcome = Measured | Failed


@dataclass(frozen=True, eq=False)
class Audited:
    """What came of one checkpoint.

    Attributes:
        outcomes: one a check, as a run has them.
        results: their verdicts, corrected over this checkpoint alone.
        readings: the same as a row of the series has them.
    """

    outcomes: tuple[Outcome, ...]
    results: tuple[CheckResult, ...]
    readings: tuple[CheckReading, ...]


def audit_reference(reference: Reference, *, seed: int) -> Audited:
    """The reference's own row: judged by itself; what compares with the reference is nothing."""
    standings: dict[Key, Standing | str] = {}
    for outcome in reference.outcomes:
        if isinstance(outcome, Measured):
            found = outcome.measurement
            readers = read_reference_itself(found, seed=seed)
            standings[found.work.key] = Standing(found.work.check, readers)
    itself = tuple(
        replace(outcome, reference=outcome.measurement)
        if isinstance(outcome, Measured)
        else outcome
        for outcome in reference.outcomes
    )
    audited = _audited(reference, itself, standings)
    return replace(audited, readings=tuple(map(_compared_with_itself, audited.readings)))


def _compared_with_itself(reading: CheckReading) -> CheckReading:
    reason = "this is the reference: there is nothing that it could exceed"
    gates = [
        gate.model_copy(update={"reason": reason, "p_value": None, "q_value": None})
        if gate.kind in NEEDS_REFERENCE and gate.verdict == "pass"
        else gate
        for gate in reading.gates
    ]
    return reading.model_copy(update={"gates": gates})


def audit_from_disk(
    reference: Reference,
    model: LoadedModel,
    plan: Plan,
    captured: Captured,
    *,
    seed: int,
    talk: Talk,
    reference_model: LoadedModel | None = None,
) -> Audited:
    """A checkpoint with a whole audit of its own.

    Args:
        reference: what it is held against.
        model: the checkpoint.
        plan: over the reference's tokens, on this model.
        captured: what the plan wants.
        seed: of folds and resampling.
        talk: where progress goes.
        reference_model: the reference's weights, for the text that a checkpoint writes itself.
    """
    outcomes = tuple(
        _beside(reference, outcome)
        for outcome in measure_captured(
            plan, reference.selected, model, captured, seed=seed, talk=talk
        )
    )
    seen = {
        o.measurement.work.key: Observed(o.measurement.behaviours, o.measurement.control_behaviours)
        for o in outcomes
        if isinstance(o, Measured)
    }
    standings = _stand(reference, plan, captured, seen.__getitem__, seen, seed)
    return _audited(reference, outcomes, standings, (model, reference_model))


def audit_live(
    reference: Reference,
    model: LoadedModel,
    plan: Plan,
    captured: Captured,
    *,
    seed: int,
    talk: Talk,
) -> Audited:
    """A model in training, judged by the probe that is believed.

    Raises:
        MeasurementError: a check cannot be measured; the message names it.
    """
    works = {work.key: work for work in plan.checks}
    standings = _stand(
        reference,
        plan,
        captured,
        lambda key: observe(plan, works[key], captured, talk.say),
        works,
        seed,
    )
    outcomes: list[Outcome] = []
    for one in reference.selected:
        standing = standings.get(one.key, reference.failure(one.key) or plan.failed.get(one.key))
        if not isinstance(standing, Standing):
            raise MeasurementError(f"{'/'.join(one.key)}: {standing}")
        source = standing.believed or standing.readers.frozen
        outcomes.append(Measured(source.measurement, reference=standing.before))
    return _audited(reference, tuple(outcomes), standings)


def _beside(reference: Reference, outcome: Outcome) -> Outcome:
    """An outcome with the same check on the reference, for the gates that compare."""
    if isinstance(outcome, Failed):
        return outcome
    key = outcome.measurement.work.key
    lacks = reference.failure(key) or "it was not measured"
    return Measured(
        outcome.measurement,
        reference=reference.measurement(key),
        reference_lacks=f"on the reference: {lacks}",
    )


def _stand(
    reference: Reference,
    plan: Plan,
    captured: Captured,
    seen: Callable[[Key], Observed],
    measured: Mapping[Key, object],
    seed: int,
) -> dict[Key, Standing | str]:
    """Every check that was measured here and there; in words why another was not compared."""
    standings: dict[Key, Standing | str] = {}
    for work in plan.checks:
        if work.key not in measured:
            continue
        before = reference.measurement(work.key)
        if before is None:
            standings[work.key] = f"not compared: on the reference {reference.failure(work.key)}"
            continue
        try:
            standings[work.key] = _one(reference, before, work, captured, seen(work.key), seed)
        except MeasurementError as error:
            standings[work.key] = f"not compared: {error}"
    return standings


def _one(
    reference: Reference,
    before: Measurement,
    work: CheckWork,
    captured: Captured,
    seen: Observed,
    seed: int,
) -> Standing:
    words = reference.words[work.key]
    readers = read_check(before, reference.captured, work, captured, seen, words, seed=seed)
    return stand(work.check, readers, before)


def _audited(
    reference: Reference,
    outcomes: tuple[Outcome, ...],
    standings: Mapping[Key, Standing | str],
    models: tuple[LoadedModel, LoadedModel | None] | None = None,
) -> Audited:
    results = tuple(results_of(outcomes))
    stood = {key: s for key, s in standings.items() if isinstance(s, Standing)}
    readings = []
    for result in results:
        key = (result.suite, result.id)
        line = check_reading(
            result, _heard(reference, key, stood, models) if key in stood else None
        )
        why = standings.get(key)
        if isinstance(why, str):
            line = line.model_copy(update={"notes": [*line.notes, why]})
        readings.append(line)
    return Audited(outcomes, results, tuple(readings))


def _heard(
    reference: Reference,
    key: Key,
    stood: Mapping[Key, Standing],
    models: tuple[LoadedModel, LoadedModel | None] | None,
) -> Heard:
    standing = stood[key]
    check = standing.check
    others = {
        f"{other.check.monitor.kind} monitor {suite}/{name}": other
        for (suite, name), other in stood.items()
        if suite == key[0]
        and name != key[1]
        and other.check.concept == check.concept
        and other.check.monitor.kind != check.monitor.kind
    }
    before = standing.before or standing.readers.frozen.measurement
    heard = tuple(signals(standing, gate, before, others) for gate in check.gates)
    two: TwoWeights | None = None
    notes: tuple[str, ...] = ()
    if models is not None and writes(check) and standing.before is not None:
        model, other_weights = models
        if other_weights is None:
            notes = ("the reference's weights are not at hand: its own text was not read twice",)
        else:
            two = own_text(standing, standing.before, model, other_weights)
    return Heard(standing, heard, two, notes)
