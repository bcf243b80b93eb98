"""A suite of plain words for a model that knows nothing, and a command line to call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

WORDS = {1: "cat", 0: "dog"}


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def events(self, event: str | None = None) -> list[dict[str, Any]]:
        """The events on stdout, or those of one name; stdout holds nothing else."""
        found = [json.loads(line, parse_constant=pytest.fail) for line in self.out.splitlines()]
        return [one for one in found if event is None or one["event"] == event]

    def record(self) -> Any:
        """The record that the last event holds."""
        *_, last = self.events()
        assert last["event"] == "report"
        return last["report"]


@pytest.fixture(autouse=True)
def no_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may run in a workflow themselves, and are not to tell it anything."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "AUDIT_GITHUB"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def audit(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command line in this process."""
    from audit.cli import execute

    def call(*arguments: object) -> Done:
        code = execute([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


def rows(n: int, first: int) -> list[dict[str, Any]]:
    """Pairs of rows that differ in one word; the word is the label."""
    return [
        {
            "id": f"{first + i}-{label}",
            "text": f"question {first + i}: the {word} sat on the mat",
            "label": label,
            "group": str(first + i),
        }
        for i in range(n)
        for label, word in WORDS.items()
    ]


def suite(**check: Any) -> dict[str, Any]:
    """Words decide the label, so a valid monitor is declared by lowering the bar."""
    return {
        "name": "words",
        "description": "Is there a cat?",
        "concepts": {"cat": "the text names a cat"},
        "datasets": {
            "train": {"rows": rows(40, 0)},
            "validation": {"rows": rows(40, 100)},
            "control": {"rows": [row for row in rows(80, 200) if row["label"] == 0]},
            "cats": {"rows": [row for row in rows(40, 300) if row["label"] == 1]},
            "dogs": {"rows": [row for row in rows(40, 400) if row["label"] == 0]},
        },
        "checks": {
            "cats": {
                "concept": "cat",
                "monitor": {"kind": "probe", "layers": [1, 2], "tokens": "all"},
                "roles": {
                    "train": "train",
                    "validation": "validation",
                    "control": "control",
                    "audit": "cats",
                },
                "gates": [{"kind": "firing_rate", "max": 0.2, "severity": "medium"}],
                "fpr": 0.05,
            }
            | check
        },
    }


# The words alone decide, so these rules are waived where a test is about something else.
ANYTHING_GOES = {"min_gain_over_text": -1, "max_text_auroc": 1, "max_validation_fpr": 1}


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[..., Path]:
    """Write a suite, changed by keywords of its one check, and return its path."""

    def write(change: Callable[[dict[str, Any]], None] | None = None, **check: Any) -> Path:
        content = suite(**({"validity": ANYTHING_GOES} | check))
        if change is not None:
            change(content)
        path = tmp_path / "words.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write
