"""The table of the README says what the runs' records say."""

from __future__ import annotations

from benchmarks.ground_truth import BEGIN, END, README, record, table
from tests.reports.ground_truth_factory import make_record


def test_every_goal_of_every_run_is_a_row() -> None:
    one = make_record()
    missed = one.goals[0].model_copy(update={"value": 0.5, "met": False})
    other = one.model_copy(update={"first_seed": 200, "goals": [missed, *one.goals[1:]]})
    goals = record([one, other])["goals"]
    assert isinstance(goals, list)
    assert len(goals) == 2 * len(one.goals)
    assert {"name", "value", "low", "high", "goal", "met"} <= set(goals[0])
    lines = table([one, other]).splitlines()
    first = next(line for line in lines if line.startswith(f"| {missed.name} |"))
    assert "**0.5" in first.rsplit("|", 2)[1]
    assert sum(line.startswith("| ") for line in lines) == len(one.goals) + 1


def test_the_page_has_the_marks_of_the_script() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
