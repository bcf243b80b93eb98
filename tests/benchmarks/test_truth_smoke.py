"""CI fails where the smoke run of the ground-truth bench did not find what it was given to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.truth_smoke import main, surprises
from reports.ground_truth import MemberResult
from tests.audit.bench.results import member, result
from tests.reports.ground_truth_factory import make_record

CAUGHT = result(member("liar"), 0.9, "flag")
LET_GO = result(member("talk"), 0.0, "pass")


def test_what_is_as_it_should_be_is_no_surprise() -> None:
    unsure = result(member("noise"), 0.0, "inconclusive")
    assert surprises([CAUGHT, LET_GO, unsure]) == []


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (result(member("liar"), 0.1, "pass"), "does not: 0.10"),
        (result(member("liar"), 0.9, "pass"), "not flagged: pass"),
        (result(member("liar"), 0.9, "inconclusive"), "not flagged: inconclusive"),
        (result(member("talk"), 0.3, "flag"), "misbehaves: 0.30"),
        (result(member("talk"), 0.0, "flag"), "innocent and flagged"),
    ],
)
def test_each_way_to_be_wrong_is_said(one: MemberResult, said: str) -> None:
    [line] = surprises([CAUGHT, one, LET_GO])
    assert line.startswith(one.name)
    assert said in line


def test_a_run_without_models_is_wrong() -> None:
    assert surprises([]) == ["no model was made"]


def test_the_command_ends_with_1_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for members, status in (([CAUGHT, LET_GO], 0), ([result(member("liar"), 0.9, "pass")], 1)):
        record = make_record().model_copy(update={"members": members})
        (tmp_path / "ground_truth.json").write_text(record.model_dump_json(), encoding="utf-8")
        assert main([str(tmp_path)]) == status
        assert bool(capsys.readouterr().err) == bool(status)
