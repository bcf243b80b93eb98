"""Where a run stands, on a disk that takes no more: a run that ended never looks like one at work.

A limit on the size of files is a full disk that every system has.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.engine.run_dir import STATUS, add_unwritten, run_dir, write_status
from audit.errors import UsageError

ENDS = """
import resource, sys
from pathlib import Path
from audit.engine.run_dir import run_dir, write_status
folder, limit, ends = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if ends == "begins":
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with run_dir(folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if ends == "interrupted":
        raise KeyboardInterrupt
    (folder / "report.json").write_text("x" * 9999)
"""


def _ended(folder: Path, limit: int, ends: str) -> tuple[Any, str]:
    """The status after a run on a disk of so many bytes a file, and what it ended with."""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", ENDS, folder, str(limit), ends],
        capture_output=True,
        text=True,
        check=False,
    )
    status = json.loads((folder / STATUS).read_text()) if (folder / STATUS).exists() else None
    return status, done.stderr.splitlines()[-1]


@pytest.mark.parametrize("limit", [45, 90, 4096])
def test_a_full_disk_ends_a_run_as_failed(limit: int, tmp_path: Path) -> None:
    status, said = _ended(tmp_path / "run", limit, "failed")
    assert status["status"] == "failed"
    assert said == "OSError: [Errno 27] File too large"
    assert ("reason" in status) == (limit > 45)  # in place it needs less room


def test_an_interruption_on_a_full_disk_stays_one(tmp_path: Path) -> None:
    status, said = _ended(tmp_path / "run", 50, "interrupted")
    assert (status["status"], said) == ("interrupted", "KeyboardInterrupt")


@pytest.mark.parametrize("earlier", [False, True])
def test_a_run_does_not_begin_on_a_full_disk(earlier: bool, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    if earlier:
        folder.mkdir()
        write_status(folder, "complete", verdict="pass")
    status, said = _ended(folder, 10, "begins")
    assert "UsageError: cannot write the run to" in said
    assert status is None or status["status"] == "complete"


def test_a_folder_that_takes_no_new_file_still_says_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    def fall() -> None:
        with run_dir(tmp_path / "run"):
            monkeypatch.setattr("audit.engine.run_dir.write_text_atomic", refuse)
            raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        fall()
    status = json.loads((tmp_path / "run" / STATUS).read_text())
    assert (status["status"], status["reason"]) == ("failed", "ValueError: gone")
    with pytest.raises(UsageError, match="Read-only"), run_dir(tmp_path / "run"):
        pass


def test_what_came_after_the_record_is_added_to_its_status(tmp_path: Path) -> None:
    write_status(tmp_path, "complete", verdict="flag", exit_code=1, unwritten=["a"])
    add_unwritten(tmp_path, ["b"], 3)
    status = json.loads((tmp_path / STATUS).read_text())
    del status["pid"]
    assert status == {
        "status": "complete",
        "verdict": "flag",
        "exit_code": 3,
        "unwritten": ["a", "b"],
    }
