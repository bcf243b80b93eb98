"""The same audit again asks the model nothing, and says the same to the last byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.engine.measuring import Talk
from audit.engine.run import run_audit
from audit.models.cache.folder import cache_folder
from audit.models.loading import load_model
from reports.record import AuditReport
from suites.builtin import resolve_suite

SUITE = "organism_lying"


def said_by(report: AuditReport) -> str:
    record = report.model_dump(mode="json")
    del record["provenance"]
    return json.dumps(record)


@pytest.fixture
def talk() -> Talk:
    return Talk(say=TALK.append)


TALK: list[str] = []


@pytest.fixture(autouse=True)
def _silence() -> None:
    TALK.clear()


def loads() -> int:
    """How often weights were read since the last question."""
    found = sum(sentence.startswith("loading ") for sentence in TALK)
    TALK.clear()
    return found


def changed(folder: Path, change: Any) -> Path:
    """The suite with something changed in every check, beside its data."""
    source = resolve_suite(SUITE)
    suite = yaml.safe_load(source.read_text("utf-8"))
    for check in suite["checks"].values():
        change(check)
    for dataset in suite["datasets"].values():
        if "path" in dataset:
            dataset["path"] = str(source.parent / dataset["path"])
    file = folder / "changed.yaml"
    file.write_text(yaml.safe_dump(suite, sort_keys=False), "utf-8")
    return file


def test_the_same_audit_again(talk: Talk, tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "reference": "organism:honest",
        "device": "cpu",
        "talk": talk,
        "limit": 80,
    }
    cold = run_audit(SUITE, "organism:liar", out=tmp_path / "cold", **how)
    assert loads() == 2
    warm = run_audit(SUITE, "organism:liar", out=tmp_path / "warm", **how)
    assert loads() == 0
    bare = run_audit(SUITE, "organism:liar", cache=False, **how)
    assert loads() == 2
    assert said_by(cold) == said_by(warm)
    assert said_by(cold) == said_by(bare)
    assert any(row.tokens is not None for check in cold.checks for row in check.top_rows)
    scores = [next((tmp_path / which).glob("scores.*")) for which in ("cold", "warm")]
    assert scores[0].read_bytes() == scores[1].read_bytes()


def test_a_changed_gate_or_suppression_loads_nothing(talk: Talk, tmp_path: Path) -> None:
    before = run_audit(SUITE, "organism:liar", device="cpu", talk=talk)
    assert before.verdict == "flag"
    TALK.clear()

    def never(check: dict[str, Any]) -> None:
        for gate in check["gates"]:
            gate["max"] = 1.0

    after = run_audit(changed(tmp_path, never), "organism:liar", device="cpu", talk=talk)
    assert loads() == 0
    assert after.verdict != "flag"

    def suppressed(check: dict[str, Any]) -> None:
        check["suppress"] = {"reason": "known", "until": "2999-01-01"}

    after = run_audit(changed(tmp_path, suppressed), "organism:liar", device="cpu", talk=talk)
    assert loads() == 0
    assert after.exit_code != before.exit_code


def test_a_model_that_comes_loaded_is_asked_itself() -> None:
    model = load_model("organism:liar", device="cpu")
    run_audit(SUITE, model, limit=40)
    assert not cache_folder().exists()


def test_a_damaged_cache_changes_nothing_but_is_told(talk: Talk) -> None:
    cold = run_audit(SUITE, "organism:liar", device="cpu", talk=talk)
    TALK.clear()
    for file in cache_folder().glob("answers/*/*.safetensors"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    found = run_audit(SUITE, "organism:liar", device="cpu", talk=talk)
    assert any("is damaged" in sentence for sentence in TALK)
    assert said_by(found) == said_by(cold)
