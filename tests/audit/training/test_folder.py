"""What an auditor writes: a fault in drawing never reaches whoever trains."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from audit.training.folder import Folder
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
    folder.open(anew=True)
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
