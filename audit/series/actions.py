"""What an alarm does outside the report: STOP.json beside the checkpoints, and a command.

    {"version": 1, "reason": "alarm", "sentence": "...", "step": 2000,
     "checkpoint": "checkpoint-2000", "tracks": ["suite/check/gate"], "on_flag": "stop",
     "report": "audit/report.json", "time": "2026-01-31T10:15:00+00:00", "watch": "9f..."}

Whether there is an alarm, and whether this was done before, is not decided here.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import UsageError
from reports.render import write_text_atomic
from reports.series import Stop

STOP_FILE = "STOP.json"
STOP_VERSION = 1


@dataclass(frozen=True)
class Actions:
    """What is to be done on an alarm that stops or pauses.

    Attributes:
        stop_file: write STOP.json.
        command: program and arguments to run, none if empty.
    """

    stop_file: bool = True
    command: tuple[str, ...] = ()


def parse_command(text: str) -> tuple[str, ...]:
    """A command line as program and arguments; no shell sees it.

    Raises:
        UsageError: nothing in it, a quote left open, or no such program.
    """
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--on-flag {text!r} cannot be read: {error}") from None
    if not command:
        raise UsageError("--on-flag is empty; give a program and its arguments")
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"--on-flag {text!r}: there is no program {command[0]!r} to run; no shell is "
            f"involved, so for pipes and variables give: sh -c '...'"
        )
    return command


def stop_file_of(folder: Path) -> str | None:
    """Which watch wrote the STOP.json in `folder`; None where there is none.

    A file that cannot be read, or that says nothing of it, is nobody's: the empty text.
    """
    try:
        said = json.loads((folder / STOP_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return ""
    watch = said.get("watch") if isinstance(said, dict) else None
    return watch if isinstance(watch, str) else ""


def write_stop_file(folder: Path, stop: Stop, report: Path, watch: str) -> Path | None:
    """Write STOP.json; where to that of another watch was moved, None where there was none.

    Args:
        folder: of the checkpoints.
        stop: the alarm.
        report: the record of the series.
        watch: which watch writes it.
    """
    moved = None
    if stop_file_of(folder) not in (None, watch):
        moved = _free_name(folder)
        (folder / STOP_FILE).replace(moved)
    content = {
        "version": STOP_VERSION,
        "reason": stop.reason,
        "sentence": stop.sentence,
        "step": stop.step,
        "checkpoint": stop.checkpoint,
        "tracks": stop.tracks,
        "on_flag": stop.on_flag,
        "report": Path(os.path.relpath(report, folder)).as_posix(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "watch": watch,
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2)
    write_text_atomic(folder / STOP_FILE, text + "\n")
    return moved


def run_command(command: Sequence[str], stop: Stop, report: Path, stop_file: Path | None) -> str:
    """Run the command and say in words what came of it.

    It gets AUDIT_STEP, AUDIT_CHECKPOINT, AUDIT_REASON, AUDIT_REPORT and AUDIT_STOP_FILE, empty
    where there is none; what it prints goes to stderr, since stdout is for the record.
    """
    said = {
        "AUDIT_STEP": "" if stop.step is None else str(stop.step),
        "AUDIT_CHECKPOINT": stop.checkpoint,
        "AUDIT_REASON": stop.reason,
        "AUDIT_REPORT": str(report.absolute()),
        "AUDIT_STOP_FILE": "" if stop_file is None else str(stop_file.absolute()),
    }
    environment = os.environ | {key: value.replace("\0", "") for key, value in said.items()}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=2, check=False
        )
    except OSError as error:
        return f"could not be run: {error.strerror or error}"
    if done.returncode < 0:
        return f"was ended by {signal.Signals(-done.returncode).name}"
    return f"ended with {done.returncode}"


def _free_name(folder: Path) -> Path:
    number = 1
    while (free := folder / f"STOP.{number}.json").exists():
        number += 1
    return free
