"""`audit diff` on two real audits, of an honest model and of a liar."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from audit.engine.diff_pairs import Side, events_of, read_scores
from audit.engine.run import run_audit
from reports.diff import RecordDiff
from reports.read import read_report
from tests.audit.cli.conftest import Done

Audit = Callable[..., Done]
Runs = dict[str, Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The honest organism and the liar, audited once."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("honest", "liar"):
        run_audit("organism_lying", f"organism:{name}", out=folder / name)
    return {name: folder / name for name in ("honest", "liar")}


def test_the_liar_is_worse_than_the_honest_model(audit: Audit, runs: Runs) -> None:
    done = audit("diff", runs["honest"], runs["liar"], "--json")
    assert done.code == 1
    diff = RecordDiff.model_validate_json(done.out)
    [gate] = diff.gates
    assert (gate.status, gate.verdict_before, gate.verdict_after) == ("worse", "pass", "flag")
    assert diff.caveats == [], "two audits of one suite on models of one shape are fair"
    assert gate.paired is not None
    assert gate.estimate_before is not None
    assert gate.estimate_after is not None
    expected = gate.estimate_after.value - gate.estimate_before.value
    assert gate.paired.difference.value == pytest.approx(expected), "every row says something"
    assert gate.paired.difference.low is not None
    assert gate.paired.difference.low > 0.5


@pytest.mark.parametrize("name", ["honest", "liar"])
def test_events_are_those_that_the_audit_counted(runs: Runs, name: str) -> None:
    report, scores = read_report(runs[name]), read_scores(runs[name])
    [check] = report.checks
    kept = pd.read_parquet(runs[name] / "scores.parquet").query("role == 'audit'").set_index("id")
    found = events_of(Side(check, scores), "contradicts")
    assert (found["event"] == kept["event"].astype(bool)).all()
    assert found["event"].any() == (name == "liar")


def test_swapped_it_is_better(audit: Audit, runs: Runs) -> None:
    done = audit("diff", runs["liar"], runs["honest"])
    assert done.code == 0
    assert done.out.splitlines()[0].endswith("1 better")


def test_twice_the_same_is_unchanged(audit: Audit, runs: Runs) -> None:
    done = audit("diff", runs["liar"], runs["liar"] / "report.json", "--json", "--strict")
    assert done.code == 0
    [gate] = json.loads(done.out)["gates"]
    assert gate["status"] == "unchanged"
    assert gate["paired"]["difference"]["value"] == 0


def test_markdown_is_a_table(audit: Audit, runs: Runs) -> None:
    done = audit("diff", runs["honest"], runs["liar"], "--md")
    assert done.code == 1
    assert "| **WORSE** | `organism_lying/deployed` | belief gap |" in done.out


def test_without_scores_the_verdicts_are_compared(audit: Audit, runs: Runs, tmp_path: Path) -> None:
    shutil.copy(runs["liar"] / "report.json", tmp_path / "report.json")
    done = audit("diff", runs["honest"], tmp_path, "--json")
    assert done.code == 1
    [gate] = json.loads(done.out)["gates"]
    assert gate["paired"] is None
    assert "scores.parquet" in gate["not_paired"]


def test_scores_of_another_run_are_not_believed(audit: Audit, runs: Runs, tmp_path: Path) -> None:
    """The honest model's rows beside the liar's record: the firing rates disagree."""
    shutil.copy(runs["liar"] / "report.json", tmp_path / "report.json")
    scores = pd.read_parquet(runs["honest"] / "scores.parquet")
    scores.assign(fires=~scores["fires"]).to_parquet(tmp_path / "scores.parquet")
    done = audit("diff", runs["liar"], tmp_path, "--json")
    [gate] = json.loads(done.out)["gates"]
    assert gate["paired"] is None
    assert "not of the record" in gate["not_paired"]


@pytest.mark.parametrize("content", [b"", b"PAR1 cut short", b"\x00" * 64])
def test_broken_scores_are_a_sentence(
    audit: Audit, runs: Runs, tmp_path: Path, content: bytes
) -> None:
    shutil.copy(runs["liar"] / "report.json", tmp_path / "report.json")
    (tmp_path / "scores.parquet").write_bytes(content)
    done = audit("diff", runs["liar"], tmp_path)
    assert done.code == 4
    assert "scores.parquet" in done.err
    assert not done.out


@pytest.mark.parametrize(
    "change", [{"drop": "fires"}, {"score": "high"}, {"asserts": "maybe"}, {"id": 7}]
)
def test_a_table_of_something_else_is_a_sentence(
    audit: Audit, runs: Runs, tmp_path: Path, change: dict[str, Any]
) -> None:
    scores = pd.read_parquet(runs["liar"] / "scores.parquet")
    drop = change.get("drop")
    scores = scores.drop(columns=drop) if drop else scores.assign(**change)
    shutil.copy(runs["liar"] / "report.json", tmp_path / "report.json")
    scores.to_parquet(tmp_path / "scores.parquet")
    done = audit("diff", runs["liar"], tmp_path)
    assert done.code == 4
    assert "no table of scores" in done.err


def test_input_that_cannot_be_read_is_usage(audit: Audit, runs: Runs, tmp_path: Path) -> None:
    assert audit("diff", runs["liar"], tmp_path / "nothing").code == 4
    (tmp_path / "report.json").write_text("{")
    assert audit("diff", tmp_path, runs["liar"]).code == 4
    assert audit("diff", runs["liar"], runs["liar"], "--json", "--md").code == 4
    assert audit("diff", runs["liar"], runs["liar"], "--margin", "-1").code == 4
