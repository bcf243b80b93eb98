"""A run over the folder of its own baseline can fail, and be given again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.cli import execute
from reports.read import read_report
from tests.audit.engine.test_resuming import small_suite


def test_after_a_failure_the_same_command_reads_the_same_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    words = ["run", str(small_suite(tmp_path)), "-m", "organism:honest", "--limit", "40", "-q"]
    words += ["-o", str(folder), "--fresh"]
    assert execute(words) in (0, 1, 6)
    first = read_report(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    words += ["--baseline", str(folder)]
    with monkeypatch.context() as patch:
        patch.setattr("audit.engine.store.write_scores", full)
        assert execute(words) == 3
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"
    assert read_report(folder / "report.json") == first
    assert execute(words) in (0, 1, 6), capsys.readouterr().err
    again = read_report(folder)
    assert again.baseline is not None
