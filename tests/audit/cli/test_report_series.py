"""`audit report`, `audit show` and `audit diff` on the folder of a series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reports.drawing.series import SERIES_PICTURE, series_svg
from reports.render import render
from tests.audit.cli.conftest import Done
from tests.reports.series_factory import make_series

Audit = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.json").write_text(make_series().to_json(), encoding="utf-8")
    return folder


def test_every_format_is_written_with_the_picture_it_shows(
    audit: Audit, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = audit("report", run, "--format", "md,json", "-o", out)
    assert done.code == 0
    series = make_series()
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == {
        "report.md": render(series, "md"),
        "report.json": (run / "report.json").read_text(encoding="utf-8"),
        SERIES_PICTURE: series_svg(series),
    }
    assert f"wrote {out / SERIES_PICTURE}" in done.err


def test_without_a_folder_the_text_is_printed_and_nothing_written(audit: Audit, run: Path) -> None:
    done = audit("report", run / "report.json")
    assert (done.code, done.out) == (0, render(make_series(), "md"))
    assert [path.name for path in run.iterdir()] == ["report.json"]


def test_an_unknown_format_leaves_nothing(audit: Audit, run: Path, tmp_path: Path) -> None:
    done = audit("report", run, "--format", "md,pdf", "-o", tmp_path / "out")
    assert done.code == 4
    assert "there is no report format 'pdf'" in done.err
    assert not (tmp_path / "out").exists()


def test_show_tells_the_series(audit: Audit, run: Path) -> None:
    done = audit("show", run)
    assert done.code == 0
    assert "alarm at step 800" in done.out


def test_diff_asks_for_a_checkpoint_of_it(audit: Audit, run: Path) -> None:
    done = audit("diff", run, run)
    assert done.code == 4
    assert "give the folder of one of its checkpoints" in " ".join(done.err.split())
