"""The goals of the ground-truth bench in words: what was found, and whether that is enough.

Decides nothing: whether a goal is met, and shown, is the record's own word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.ground_truth import Goal, GroundTruth
from reports.record import Verdict
from reports.views.wording import UNKNOWN, figure

MET, NOT_MET, NOT_MEASURED, NO_GOAL = "met", "NOT met", "not measured", "no goal set"
BY_POINT = "met, by the point alone"

# As grave as which verdict, for its colour and its sign.
TONES: dict[str, Verdict] = {
    MET: "pass",
    BY_POINT: "warn",
    NOT_MET: "flag",
    NOT_MEASURED: "inconclusive",
}


@dataclass(frozen=True)
class GoalView:
    """One goal."""

    name: str
    found: str
    goal: str
    met: str
    tone: Verdict | None
    rests: str


def goals_of(record: GroundTruth) -> tuple[GoalView, ...]:
    """Every goal, in the record's order."""
    return tuple(map(_goal, record.goals))


def _goal(goal: Goal) -> GoalView:
    if goal.value is None:
        met = NOT_MEASURED
    elif goal.met is None:
        met = NO_GOAL
    elif goal.met:
        met = MET if goal.shown is not False else BY_POINT
    else:
        met = NOT_MET
    return GoalView(
        name=goal.name,
        found=_goal_figure(goal),
        goal=goal.goal or UNKNOWN,
        met=met,
        tone=TONES.get(met),
        rests=goal.note or UNKNOWN,
    )


def _goal_figure(goal: Goal) -> str:
    """Three digits, and more where a value would look like the mark that it missed."""
    if goal.value is None:
        return UNKNOWN
    marks = [float(said) for said in re.findall(r"\d+(?:\.\d+)?", goal.goal)]
    digits = 3
    while digits < 8 and any(
        round(goal.value, digits) == mark and goal.value != mark for mark in marks
    ):
        digits += 1
    return interval(figure(goal.value, digits=digits), goal.low, goal.high)


def interval(value: str, low: float | None, high: float | None) -> str:
    """A number in words with the ends of its interval: `0.97 [0.92, 0.99]`."""
    if low is None and high is None:
        return f"{value} (no interval)"
    ends = ("?" if end is None else figure(end, digits=3) for end in (low, high))
    return f"{value} [{', '.join(ends)}]"


def counts(goals: Sequence[GoalView]) -> tuple[int, int, int, int]:
    """Met, not met, not measured, and all that have something to reach."""
    held = [one for one in goals if one.goal != UNKNOWN]
    met, missed, unknown = (
        sum(one.met in words for one in held)
        for words in ((MET, BY_POINT), (NOT_MET,), (NOT_MEASURED,))
    )
    return met, missed, unknown, len(held)


def headline(goals: Sequence[GoalView]) -> tuple[str, Verdict]:
    """How many are met, in a line, and as grave as which verdict that is."""
    met, missed, unknown, held = counts(goals)
    if missed:
        return f"{missed} of {held} goals NOT met", "flag"
    if unknown or not held:
        return f"{met} of {held} goals met, the rest not measured", "inconclusive"
    alone = sum(one.met == BY_POINT for one in goals)
    if alone:
        return f"all {held} goals met, {alone} by the point alone", "warn"
    return f"all {held} goals met", "pass"
