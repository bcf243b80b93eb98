"""The handmade report still looks as it did when a person last read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.read import read_report
from tests.reports.features_factory import make_feature_report
from tests.reports.snapshot import FOLDER, snapshots


@pytest.mark.parametrize("path", sorted(snapshots()), ids=lambda path: path.name)
def test_the_report_looks_as_it_did(path: Path) -> None:
    assert snapshots()[path] == path.read_text(encoding="utf-8"), "see tests/reports/snapshot.py"


def test_a_stored_record_of_this_version_is_still_read() -> None:
    assert read_report(FOLDER / "report.json") == make_feature_report()
