"""Each gate over the whole series: alarm, onset, lead, outlook.

A pure function of the rows of a record, so that a run that was interrupted, resumed or rolled
back comes to the same decision: nothing is remembered but what was recorded. The alarm is
decided by `probes.sequential`, row by row; onset and outlook look back and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit.engine.verdict import reaches
from audit.series.signals import SECOND_ALPHA
from probes.changepoint import FEWEST, Series, lead_time, onset, series
from probes.changepoint import Onset as FoundOnset
from probes.forecast import backtest, forecast
from probes.sequential import AlarmRule, AlarmState, Reading, advance
from reports.series import (
    CheckpointRow,
    CheckReading,
    GateReading,
    Lead,
    Onset,
    Outlook,
    Phase,
    Prediction,
    Track,
)
from suites.gate_spec import reads_monitor
from suites.schema import Policy, Severity

Key = tuple[str, str, str, str | None, float]
CONFIDENCE = 0.975  # of each onset, so that a lead between two holds at 95 %


@dataclass(frozen=True)
class Followed:
    """Rows with the phase of every gate, and the tracks of the series."""

    rows: tuple[CheckpointRow, ...]
    tracks: tuple[Track, ...]


def steps_of(rows: Sequence[CheckpointRow]) -> list[int]:
    """The training step of each row; its place in the series where one of them has none."""
    steps = [row.step for row in rows]
    known = [step for step in steps if step is not None]
    return known if len(known) == len(steps) else list(range(len(steps)))


def _reached(rows: Sequence[CheckpointRow]) -> list[int]:
    """How far training was at each row, told by this row and those before it alone.

    A row without a step is where the one before it was; until one has a step, places count. No
    later row changes it, as it may change `steps_of`: a decision that was made stays made.
    """
    reached: list[int] = []
    last: int | None = None
    for place, row in enumerate(rows):
        last = row.step if row.step is not None else last
        reached.append(place if last is None else last)
    return reached


def follow(
    rows: Sequence[CheckpointRow],
    policies: Mapping[str, Policy],
    *,
    acknowledged: Sequence[int] = (),
    fail_on: Severity = "low",
    look_back: bool = True,
) -> Followed:
    """Decide the alarms of a series, row by row.

    Args:
        rows: in the order of training.
        policies: by name of the suite.
        acknowledged: steps of audits after which somebody let the run go on: what had alarmed
            starts again there, with what is left of its levels.
        fail_on: an alarm of a gate below this severity only warns, as one of a suppressed check.
        look_back: whether to look for onsets and ahead as well, which decides nothing.
    """
    keys = list(dict.fromkeys(_key(c, g) for row in rows for c in row.checks for g in c.gates))
    found = {key: _track(key, rows, policies[key[0]], keys, acknowledged, fail_on) for key in keys}
    phased = tuple(
        row.model_copy(
            update={
                "checks": [
                    c.model_copy(
                        update={"gates": [found[_key(c, g)].at(index, g) for g in c.gates]}
                    )
                    for c in row.checks
                ]
            }
        )
        for index, row in enumerate(rows)
    )
    tracks = (_recorded(one, look_back=look_back) for one in found.values())
    return Followed(phased, tuple(tracks))


def _key(check: CheckReading, gate: GateReading) -> Key:
    return check.suite, check.check, gate.kind, gate.attribute, gate.limit


@dataclass(frozen=True, eq=False)
class _Found:
    """A track while it is made; `levels` and `phases` are by index of the row."""

    key: Key
    policy: Policy
    rule: AlarmRule
    state: AlarmState
    alarm_step: int | None
    limit: float
    levels: Mapping[int, float]
    phases: Mapping[int, Phase]
    steps: tuple[int, ...]
    gates: tuple[GateReading, ...]
    checks: tuple[CheckReading, ...]
    blind: tuple[int, ...]
    binds: bool

    def at(self, index: int, gate: GateReading) -> GateReading:
        return gate.model_copy(
            update={
                "level": self.levels.get(index),
                "phase": self.phases.get(index, "not measured"),
            }
        )


def _track(
    key: Key,
    rows: Sequence[CheckpointRow],
    policy: Policy,
    keys: Sequence[Key],
    acknowledged: Sequence[int],
    fail_on: Severity,
) -> _Found:
    rule = AlarmRule(
        alpha=policy.alpha,
        patience=policy.patience,
        horizon=policy.horizon,
        second_alpha=SECOND_ALPHA,
        series=sum(other[0] == key[0] for other in keys),
    )
    state, first_alarm, limit, binds = AlarmState(rule), None, 0.0, True
    levels: dict[int, float] = {}
    phases: dict[int, Phase] = {}
    read: list[tuple[int, GateReading, CheckReading]] = []
    blind: list[int] = []
    places = zip(steps_of(rows), _reached(rows), rows, strict=True)
    for index, (step, reached, row) in enumerate(places):
        held = [(c, g) for c in row.checks for g in c.gates if _key(c, g) == key]
        if not held:
            continue
        check, gate = held[0]
        limit = gate.limit
        binds = check.suppressed is None and reaches(gate.severity, fail_on)
        if gate.by_reader is not None:
            read.append((step, gate, check))
        if check.state == "monitor no longer valid" and reads_monitor(gate.kind):
            blind.append(step)
        if reached < policy.warmup:
            phases[index] = "warming up"
        elif gate.alarm_p is not None:
            levels[index] = rule.level(state.audits + 1)
            state = advance(state, Reading(step, gate.alarm_p, gate.second_p))
            phases[index] = state.phase
            first_alarm = first_alarm if first_alarm is not None else state.alarm_step
        if (index if row.step is None else row.step) in acknowledged and state.alarm:
            state = replace(state, alarm_step=None, exceeded=0, first_exceeded=None, confirmed=None)
            first_alarm = None
    steps, gates, checks = zip(*read, strict=True) if read else ((), (), ())
    return _Found(
        key, policy, rule, state, first_alarm, limit, levels, phases, steps, gates, checks,
        tuple(blind), binds,
    )  # fmt: skip


def _recorded(one: _Found, *, look_back: bool) -> Track:
    rates = [gate.by_reader for gate in one.gates if gate.by_reader is not None]
    does = [check.behaviour for check in one.checks]
    track = Track(
        suite=one.key[0],
        check=one.key[1],
        kind=one.key[2],
        attribute=one.key[3],
        limit=one.limit,
        alpha=one.rule.alpha / one.rule.series,
        patience=one.rule.patience,
        warmup=one.policy.warmup,
        on_flag=one.policy.on_flag if one.binds else "warn",
        phase=list(one.phases.values())[-1] if one.phases else "not measured",
        alarm_step=one.alarm_step,
        first_exceeded=one.state.first_exceeded,
        steps=list(one.steps),
        rates=[rate.value for rate in rates],
        behaviours=[None if b is None else b.value for b in does],
        blind=list(one.blind),
    )
    if not look_back or len(one.steps) < FEWEST:
        return track
    of = _series(one.steps, [(r.value, r.n_groups) for r in rates])
    began = onset(of, confidence=CONFIDENCE)
    known = [(s, b.value, b.n_groups) for s, b in zip(one.steps, does, strict=True) if b]
    did = None
    if len(known) >= FEWEST and reads_monitor(one.key[2]):  # else it is the rate itself
        did = onset(_series([s for s, _, _ in known], [(v, n) for _, v, n in known]),
                    confidence=CONFIDENCE)  # fmt: skip
    lead = None if did is None else lead_time(began, did)
    return track.model_copy(
        update={
            "onset": _onset(began),
            "behaviour_onset": None if did is None else _onset(did),
            "lead": None
            if lead is None
            else Lead(value=lead.value, low=lead.low, high=lead.high, confidence=lead.confidence),
            "outlook": _outlook(of, one.policy.hazard),
        }
    )


def _series(steps: Sequence[int], rates: Sequence[tuple[float, int]]) -> Series:
    values = np.clip([value for value, _ in rates], 0.0, 1.0)
    return series(np.array(steps, dtype=np.float64), values, np.array([n for _, n in rates]))


def _onset(found: FoundOnset) -> Onset:
    return Onset(
        found=found.found,
        p=found.p,
        kind=found.kind,
        step=found.step,
        low=found.low,
        high=found.high,
        before=found.before,
        after=found.after,
        confidence=found.confidence,
    )


def _outlook(of: Series, limit: float) -> Outlook:
    ahead = forecast(of, float(of.steps[-1] + np.median(np.diff(of.steps))), limit=limit)
    skill, coverage = "too few audits to tell", None
    if len(of) > FEWEST:
        score = backtest([of])
        skill = f"the trend was {score.interval.verdict}, the hazard {score.brier.verdict}"
        coverage = score.coverage
    return Outlook(
        step=ahead.step,
        trend=Prediction(rate=ahead.trend.rate, low=ahead.trend.low, high=ahead.trend.high),
        persistence=Prediction(
            rate=ahead.persistence.rate, low=ahead.persistence.low, high=ahead.persistence.high
        ),
        change_points=list(ahead.change_points),
        hazard=ahead.hazard,
        base_hazard=ahead.base_hazard,
        warning=ahead.warning,
        limit=limit,
        skill=skill,
        coverage=coverage,
    )
