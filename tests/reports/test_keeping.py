"""The record comes first: what cannot be drawn costs one file and a sentence, a full disk all."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from reports import keeping, render
from reports.drawing.series import SERIES_PICTURE
from reports.keeping import keep
from reports.read import Record, read_record
from reports.render import files, makers
from tests.reports.factory import make_report
from tests.reports.series_factory import make_series

EITHER = pytest.mark.parametrize("record", [make_report(), make_series()], ids=["audit", "series"])


def broken(record: Record) -> str:
    raise ZeroDivisionError("of \x1b[31mnothing")


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@EITHER
def test_what_is_kept_is_what_is_rendered(record: Record, tmp_path: Path) -> None:
    assert keep(tmp_path, record, {"cards/one.md": lambda: "a card\n"}) == []
    expected = files(record) | {"cards/one.md": "a card\n"}
    assert {name: (tmp_path / name).read_text("utf-8") for name in names(tmp_path)} == expected


@EITHER
@pytest.mark.parametrize("format", [name for name in render.KEPT if name != "json"])
def test_a_format_that_cannot_be_made_costs_itself_alone(
    record: Record, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = f"report.{format}"
    (tmp_path / lost).write_text("of an earlier record")
    whole = replace(render.RENDERERS[format], audit=broken, series=broken)
    monkeypatch.setitem(render.RENDERERS, format, whole)
    [sentence] = keep(tmp_path, record)
    assert sentence.startswith(f"{lost} could not be made (ZeroDivisionError at test_keeping.py:")
    assert "please report it" in sentence
    assert "\x1b" not in sentence
    assert read_record(tmp_path) == record
    monkeypatch.undo()
    assert names(tmp_path) == set(files(record)) - {lost}


def test_neither_does_a_picture_or_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = make_series()
    monkeypatch.setattr(render, "series_svg", broken)
    told = keep(tmp_path, record, {"cards/one.md": lambda: broken(record)})
    assert [sentence.split(" ")[0] for sentence in told] == [SERIES_PICTURE, "cards/one.md"]
    assert read_record(tmp_path) == record
    assert names(tmp_path) == set(makers(record)) - {SERIES_PICTURE}


def test_the_record_is_there_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing that never ends, or takes the process along, leaves the record behind."""
    record = make_report()

    def stopped(record: Record) -> str:
        raise KeyboardInterrupt

    for format in render.KEPT[1:]:
        slow = replace(render.RENDERERS[format], audit=stopped)
        monkeypatch.setitem(render.RENDERERS, format, slow)
    with pytest.raises(KeyboardInterrupt):
        keep(tmp_path, record)
    assert names(tmp_path) == {"report.json"}
    assert read_record(tmp_path) == record


def test_a_full_disk_stays_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        if path.name == "report.html":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        path.write_text(text)

    monkeypatch.setattr(keeping, "write_text_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        keep(tmp_path, make_report())


def test_a_record_that_cannot_be_told_is_no_file_that_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(make_report()), "to_json", broken)
    with pytest.raises(ZeroDivisionError):
        keep(tmp_path, make_report())
