"""The table of formats, and a file that is there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from reports.read import ReportError
from reports.record import AuditReport
from reports.render import RENDERERS, UnknownFormatError, render, write_text_atomic
from tests.reports.factory import make_report
from tests.reports.strategies import reports


@pytest.mark.parametrize("format", sorted(RENDERERS))
def test_every_renderer_is_total_and_pure(format: str) -> None:
    @settings(max_examples=30, deadline=None)
    @given(reports)
    def holds(report: AuditReport) -> None:
        before = report.model_dump()
        text = render(report, format)
        assert text == render(AuditReport.model_validate(before), format)
        assert report.model_dump() == before
        assert text.endswith("\n")
        text.encode("utf-8")

    holds()


def test_suffixes_are_distinct() -> None:
    suffixes = [renderer.suffix for renderer in RENDERERS.values()]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") for suffix in suffixes)


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UnknownFormatError, match=r"no report format 'jsn'; did you mean json\?"):
        render(make_report(), "jsn")
    with pytest.raises(ReportError, match=r"\(known: .*json, junit, md, sarif\)"):
        render(make_report(), "\x1b[2J")


def test_rendering_needs_no_model_library() -> None:
    code = (
        "import sys, reports.render, reports.terminal.audit;"
        "print(*{'torch', 'transformers', 'sklearn', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write_text_atomic(path, "one ü\n")
    write_text_atomic(str(path), "two\r\n")
    assert path.read_bytes() == b"two\r\n"
    assert left_over(tmp_path) == ["report.md"]


def test_a_new_file_has_the_mode_that_any_file_gets(tmp_path: Path) -> None:
    plain, written = tmp_path / "plain", tmp_path / "written"
    plain.write_text("x")
    write_text_atomic(written, "x")
    assert written.stat().st_mode == plain.stat().st_mode


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.md"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_text_atomic(path, "new")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert left_over(tmp_path) == ["report.md"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """The kernel itself refuses to write more than 4 KiB to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_write_that_stops_half_way_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write_text_atomic(path, "fits")
    with pytest.raises(OSError, match=str(path)) as caught:
        write_text_atomic(path, "x" * 100_000)
    assert caught.value.errno == errno.EFBIG
    assert path.read_text() == "fits"
    assert left_over(tmp_path) == ["report.md"]


def test_a_folder_that_cannot_be_written_is_named_as_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        write_text_atomic(tmp_path / "none" / "report.md", "x")
    assert missing.value.filename == str(tmp_path / "none" / "report.md")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        write_text_atomic(tmp_path / "file" / "report.md", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text_atomic(tmp_path / "folder", "x")
    assert left_over(tmp_path) == ["file", "folder"]


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text_atomic(tmp_path / "report.md", "x")
    assert left_over(tmp_path) == []
