"""A stored series comes back, byte for byte, and a reader of single audits says what it wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.read import ReportError, read_record, read_report
from reports.series import SeriesReport
from tests.reports import series_factory as factory
from tests.reports.factory import make_report


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(factory.make_series().to_json(), encoding="utf-8")
    return path


def changed(stored: Path, **changes: Any) -> None:
    stored.write_text(json.dumps(json.loads(stored.read_text()) | changes))


@pytest.mark.parametrize(
    "make", [factory.make_series, factory.make_reference_only, factory.make_quiet]
)
def test_a_series_comes_back_byte_for_byte(
    tmp_path: Path, make: Callable[[], SeriesReport]
) -> None:
    text = make().to_json()
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    record = read_record(tmp_path)
    assert record == read_record(str(tmp_path / "report.json")) == make()
    assert record.to_json() == text
    assert record.digest() == make().digest()


def test_either_kind_is_told_by_what_it_says(stored: Path) -> None:
    assert isinstance(read_record(stored), SeriesReport)
    stored.write_text(make_report().to_json(), encoding="utf-8")
    assert read_record(stored) == read_report(stored) == make_report()


def test_a_reader_of_one_audit_names_a_checkpoint_to_give_instead(stored: Path) -> None:
    with pytest.raises(
        ReportError, match=r"record of a series, .*: give the folder of one of"
    ) as e:
        read_report(stored.parent)
    assert str(stored.parent / "checkpoints/checkpoint-1300") in str(e.value)
    for rows in ([], None, [3], [{"run": 3}], [{"run": None}], "x"):
        changed(stored, checkpoints=rows)
        with pytest.raises(ReportError, match="none of its checkpoints left a record of its own"):
            read_report(stored)


def test_a_folder_with_an_order_in_its_name_gives_none(stored: Path) -> None:
    changed(stored, checkpoints=[{"run": "\x1b[31m"}])
    with pytest.raises(ReportError) as caught:
        read_report(stored)
    assert "\x1b" not in str(caught.value)


def test_what_is_no_whole_series_is_refused_as_a_report_is(stored: Path) -> None:
    whole = stored.read_text()
    changed(stored, schema_version=2)
    with pytest.raises(ReportError, match=r"schema version 2, .* reads version 1: .*audit again"):
        read_record(stored)
    changed(stored, schema_version=1, alpha="x", colour="red")
    with pytest.raises(ReportError, match=r"not hold a whole report: alpha: .*; colour: "):
        read_record(stored)
    for cut in (0, 1, len(whole) // 2, len(whole) - 3):
        stored.write_text(whole[:cut])
        with pytest.raises(ReportError, match="not whole JSON"):
            read_record(stored)
    stored.write_text('{"kind": "series"}')
    with pytest.raises(ReportError, match="no schema_version"):
        read_record(stored)


@pytest.mark.parametrize("read", [read_record, read_report])
def test_an_unknown_kind_is_named(stored: Path, read: Callable[[Path], object]) -> None:
    changed(stored, kind="census\x1b")
    with pytest.raises(ReportError, match=r"kind 'census\\\\?x1b', .* reads audits and 'series'"):
        read(stored)


def test_a_failed_series_is_not_read_as_an_older_one(stored: Path) -> None:
    (stored.parent / "status.json").write_text('{"status": "failed"}')
    with pytest.raises(ReportError, match="the last run into this folder failed"):
        read_record(stored.parent)
