"""A stored report comes back, or the message says why not and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.read import ReportError, read_report
from tests.reports.factory import make_report
from tests.reports.features_factory import make_feature_report


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(make_report().to_json(), encoding="utf-8")
    return path


def test_a_run_directory_and_its_report_are_the_same(stored: Path) -> None:
    assert read_report(stored) == read_report(stored.parent) == make_report()
    assert read_report(str(stored)) == make_report()


def broken(stored: Path, **changes: Any) -> None:
    content = json.loads(stored.read_text()) | changes
    stored.write_text(json.dumps(content))


def test_a_report_from_before_there_were_features_is_read(stored: Path) -> None:
    content = json.loads(stored.read_text())
    for check in content["checks"]:
        for field in ("sae", "fidelity", "watched", "discovery", "cards"):
            del check[field]
    stored.write_text(json.dumps(content))
    assert read_report(stored) == make_report()


def test_a_report_with_features_comes_back(stored: Path) -> None:
    stored.write_text(make_feature_report().to_json(), encoding="utf-8")
    assert read_report(stored) == make_feature_report()


def test_a_missing_report_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"no report at .*report\.json: give a run directory"):
        read_report(tmp_path)
    with pytest.raises(ReportError, match="no report at"):
        read_report(tmp_path / "nowhere")


def test_a_report_cut_anywhere_is_refused(stored: Path) -> None:
    whole = stored.read_text()
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 3):
        stored.write_text(whole[:cut])
        with pytest.raises(ReportError, match=r"not whole JSON \(line \d+, column \d+"):
            read_report(stored)


def test_another_version_names_both_and_the_mend(stored: Path) -> None:
    broken(stored, schema_version=2)
    with pytest.raises(ReportError, match=r"schema version 2, .* reads version 1: .*audit again"):
        read_report(stored)


def test_other_json_is_no_report(stored: Path) -> None:
    stored.write_text('{"a": 1}')
    with pytest.raises(ReportError, match="no schema_version"):
        read_report(stored)
    stored.write_text("[1]")
    with pytest.raises(ReportError, match="holds a JSON list"):
        read_report(stored)
    stored.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ReportError, match="not UTF-8 at byte 7"):
        read_report(stored)
    stored.write_text("[" * 100_000)
    with pytest.raises(ReportError, match="not a report"):
        read_report(stored)


def test_nan_is_refused_by_name(stored: Path) -> None:
    stored.write_text(stored.read_text().replace("0.31", "NaN", 1))
    with pytest.raises(ReportError, match="it holds NaN"):
        read_report(stored)
    stored.write_text(stored.read_text().replace("NaN", "1e999", 1))
    with pytest.raises(ReportError, match="finite"):
        read_report(stored)


def test_a_wrong_field_is_named_with_its_place(stored: Path) -> None:
    broken(stored, seed="x", colour="red", exit_code=None, options=1, work=2)
    with pytest.raises(ReportError, match=r"exit_code: .*; options: .*; and 2 more"):
        read_report(stored)


def test_no_message_carries_an_order_to_the_terminal(stored: Path) -> None:
    broken(stored, **{"\x1b[31m": 1})
    with pytest.raises(ReportError) as caught:
        read_report(stored)
    assert "\x1b" not in str(caught.value)
    assert "\\x1b" in str(caught.value)
