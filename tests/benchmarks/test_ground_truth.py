"""The table of the README says what the runs' records say."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.ground_truth import BEGIN, DOC, END, README, monitors, picture, record, table
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
    measured = sum(goal.value is not None for goal in one.goals)
    assert sum(line.startswith("| ") for line in lines) == measured + 1


def test_every_monitor_of_every_run_is_a_row_and_the_picture_stands_alone() -> None:
    one = make_record()
    text = monitors([one, one])
    for monitor in one.monitors:
        assert text.count(f"| {monitor.monitor} |") == 2
    root = ElementTree.fromstring(picture(one))
    assert root.tag.endswith("svg")
    assert "style" in {element.tag.split("}")[-1] for element in root}


@pytest.mark.parametrize("page", [README, DOC])
def test_pages_have_the_marks_of_the_script(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
