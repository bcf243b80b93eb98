"""The command line as a process whose stdout or stderr is full, closed, or read by nobody.

The exit code is the audit's own: Python's 1 would be read as a flag.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from audit.cli.streams import Outlet
from tests.reports.factory import make_report

ROOT = Path(__file__).resolve().parents[3]
FULL = Path("/dev/full")
RUN = f"'{sys.executable}' -m audit"
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


def bash(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one line of a shell, in which `audit` is the program."""
    return subprocess.run(
        ["bash", "-c", f'audit() {{ {RUN} "$@"; }}\n{line}'],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder in which `stored` is a run that flagged."""
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "report.json").write_text(make_report().to_json(), encoding="utf-8")
    return tmp_path


@needs_full
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("audit run nope.yaml -m organism:liar 2>/dev/full", 4),
        ("audit run --no-such-option 2>/dev/full", 4),
        ("audit show nowhere 2>/dev/full", 4),
        ("audit show stored 2>/dev/full", 0),
        ("AUDIT_DEBUG=1 audit validate nope.yaml 2>/dev/full", 4),
    ],
)
def test_a_full_stderr_changes_no_exit_code(line: str, code: int, run: Path) -> None:
    assert bash(line, run).returncode == code


@needs_full
@pytest.mark.parametrize("command", ["show stored", "report stored --format json", "--help"])
def test_a_full_stdout_is_a_failure_and_said(command: str, run: Path) -> None:
    done = bash(f"audit {command} >/dev/full", run)
    assert done.returncode == 3
    assert "stdout could not be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["show stored", "report stored --format json", "--help"])
def test_a_reader_that_has_enough_is_no_failure(command: str, run: Path) -> None:
    done = bash(f"audit {command} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}", run)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_never_open_is_nowhere(closed: str, run: Path) -> None:
    assert bash(f"audit show stored {closed}", run).returncode == 0
    assert bash(f"audit show nothing {closed}", run).returncode == 4


def test_no_file_takes_the_number_of_a_stream_that_is_closed(run: Path) -> None:
    """Else a library that writes to descriptor 2 would write into the report."""
    program = (
        "import os, sys; from audit.cli.streams import guard_streams; guard_streams()\n"
        "file = open('out', 'w'); os.write(2, b'from a library'); file.write('ours')\n"
    )
    (run / "program.py").write_text(program)
    done = bash(f"'{sys.executable}' program.py <&- >&- 2>&-", run)
    assert done.returncode == 0
    assert (run / "out").read_text() == "ours"


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("BaseException('a panic')", 3),
        ("SystemExit(1)", 3),
        ("SystemExit(0)", 3),
        ("MemoryError()", 3),
        ("RecursionError()", 3),
        ("EOFError('a file breaks off')", 3),
        ("KeyboardInterrupt()", 2),
    ],
)
def test_nothing_that_is_raised_is_an_exit_code_of_pythons(
    raised: str, code: int, run: Path
) -> None:
    program = f"import audit.cli as c\ndef fall(**_): raise {raised}\n"
    program += "c.cli.main = fall\nc.main(['show', 'stored'])\n"
    if "EOF" in raised:  # click takes it for the end of somebody's typing
        program = f"import click, audit.cli as c\n@click.command()\ndef fall(): raise {raised}\n"
        program += "c.cli.add_command(fall)\nc._COMMANDS['fall'] = 'fall'\n"
        program += "c.cli.get_command = lambda *_: fall\nc.main(['fall'])\n"
    (run / "program.py").write_text(program)
    full = f" 2>{FULL}" if FULL.exists() else ""
    assert bash(f"'{sys.executable}' program.py{full}", run).returncode == code


def test_a_mistake_in_the_last_handler_is_3(run: Path) -> None:
    program = "import audit.cli as c\ndef fall(*_, **k): raise ValueError('first')\n"
    program += "c.cli.main = fall\nc._known = fall\nc.main(['show'])\n"
    (run / "program.py").write_text(program)
    done = bash(f"'{sys.executable}' program.py", run)
    assert (done.returncode, done.stderr) == (3, "audit: internal error: ValueError\n")


@needs_full
@pytest.mark.slow
@pytest.mark.parametrize(("model", "code"), [("honest", 0), ("liar", 1)])
@pytest.mark.parametrize("streams", ["2>/dev/full", ">&-", "2>&1 >/dev/null | head -c 0"])
def test_the_verdict_is_that_of_the_model(
    model: str, code: int, streams: str, tmp_path: Path
) -> None:
    line = f"audit run organism_lying -m organism:{model} -o out {streams}"
    done = bash(f"{line}; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert done.returncode == code, done.stderr
    status = json.loads((tmp_path / "out" / "status.json").read_text())
    assert (status["status"], status["exit_code"]) == ("complete", code)


@needs_full
@pytest.mark.slow
def test_what_stdout_could_not_take_is_in_the_status_and_hides_no_file(tmp_path: Path) -> None:
    line = "audit run organism_lying -m organism:liar -o out --md a.md >/dev/full"
    assert bash(line, tmp_path).returncode == 3
    status = json.loads((tmp_path / "out" / "status.json").read_text())
    assert (status["status"], status["verdict"], status["exit_code"]) == ("complete", "flag", 3)
    assert status["unwritten"] == ["stdout could not be written: No space left on device"]
    assert (tmp_path / "a.md").is_file()


class _Slow(io.RawIOBase):
    """Takes three bytes at a time, and after ten says what is wrong."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        if len(self.taken) >= 9:
            raise OSError(28, "No space left on device")
        self.taken += bytes(content[:3])
        return len(content[:3])


def test_an_outlet_passes_all_on_until_it_fails_and_remembers_why() -> None:
    slow = _Slow()
    outlet = Outlet(cast("BinaryIO", slow))
    stream = io.TextIOWrapper(io.BufferedWriter(outlet), encoding="utf-8")
    stream.write("abcdefgh")
    stream.flush()
    assert (slow.taken, outlet.lost) == (b"abcdefgh", None)
    for text in ("ijklmno", "pq"):
        stream.write(text)
        stream.flush()
    assert slow.taken == b"abcdefghijk"
    assert str(outlet.lost) == "[Errno 28] No space left on device"
