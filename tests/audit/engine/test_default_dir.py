"""Runs that nobody named a folder for have one each, whenever they begin."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.engine.default_dir import default_dir
from audit.errors import UsageError

WHEN = datetime(2026, 1, 31, 10, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_runs_of_the_same_second_have_a_folder_each() -> None:
    with ExitStack() as stack:
        made = [stack.enter_context(default_dir(["lying"], "org/a model/", WHEN)) for _ in range(3)]
        names = [folder.name for folder in made]
        assert names == [f"20260131-101500-lying-a-model{end}" for end in ("", "-2", "-3")]
        assert all(folder.is_dir() for folder in made)


def test_a_folder_that_nothing_was_written_to_goes_again(tmp_path: Path) -> None:
    with default_dir(["a"], "m", WHEN):
        pass
    assert not list(tmp_path.iterdir())
    with default_dir(["a"], "m", WHEN) as folder:
        (folder / "report.json").touch()
    with default_dir(["a"], "m", WHEN) as second:
        assert second != folder
    assert [file.name for file in folder.iterdir()] == ["report.json"]


def test_where_none_can_be_made_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit-runs").write_text("")
    with pytest.raises(UsageError, match="cannot make a folder for the run in audit-runs"):
        default_dir(["a"], "m", WHEN).__enter__()
