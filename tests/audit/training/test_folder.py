"""What an auditor writes: a fault in drawing never reaches whoever trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import UsageError
from audit.training.folder import ROWS_FILE, Folder
from reports.read import read_record
from reports.render import RENDERERS
from reports.series import SeriesReport
from tests.reports.series_factory import make_series


def broken(report: SeriesReport) -> str:
    raise ZeroDivisionError("of nothing")


def test_what_cannot_be_drawn_is_told_in_the_status_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, report = Folder(tmp_path / "out"), make_series()
    assert folder.path is not None
    folder.open()
    with monkeypatch.context() as patched:
        for format in ("md", "html"):
            patched.setitem(RENDERERS, format, replace(RENDERERS[format], series=broken))
        folder.write(report)
    status = json.loads((folder.path / "status.json").read_text("utf-8"))
    assert status["status"] == "running"
    assert [said.split(" ")[0] for said in status["unwritten"]] == ["report.md", "report.html"]
    assert read_record(folder.path) == report
    folder.write(report, "complete")
    status = json.loads((folder.path / "status.json").read_text("utf-8"))
    assert (status["status"], "unwritten" in status) == ("complete", False)
    assert (folder.path / "report.html").is_file()


def test_a_folder_belongs_to_one_process_and_one_request(tmp_path: Path) -> None:
    asked = {"kind": "training", "option seed": 0}
    first = Folder(tmp_path / "out", asked)
    first.open()
    first.begin(make_series().checkpoints[0])
    first.open()  # a loop that begins again in this process
    take = "import sys, pathlib, audit.engine.locking as l; l.hold(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", take, str(first.path)]
    other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"by process {os.getpid()}" in other.stderr
    first.write(make_series(), "complete")
    first.close()
    other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert other.returncode == 0, other.stderr
    with pytest.raises(UsageError, match="--seed: was 0, is 1"):
        Folder(tmp_path / "out", {**asked, "option seed": 1}).open()
    assert read_record(tmp_path / "out") == make_series()
    anew = Folder(tmp_path / "out", asked)
    anew.open()
    assert read_record(tmp_path / "out") == make_series(), "until there is another"
    assert (tmp_path / "out" / ROWS_FILE).is_file()
    anew.close()
