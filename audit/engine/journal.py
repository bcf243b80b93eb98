"""The journal of a folder: what happened in it, a line an event, only ever added to.

    FOLDER/journal.jsonl    {"event": ..., "at": ..., ..., "sha256": ...}

Each line ends with a checksum of all that is before it, and is on the disk before the next step
is taken. A line that a crash cut short is passed over, and the next begins on a line of its own.
Knows lines and the kinds of their values; what an event means is its reader's business, and no
verdict is decided from one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.errors import UsageError
from reports.atomic import write_bytes_atomic

JOURNAL = "journal.jsonl"
_VALUES: Mapping[str, tuple[type, ...]] = {
    "asked": (str, int, float, bool, type(None)),
    "names": (str, type(None)),
    "saved": (str, type(None)),
}
"""Facts that are tables, with the kinds of their values."""
_KINDS: Mapping[str, type] = {"checks": int, "cards": int, "phase": str, "lines": list}
_NEEDED: Mapping[str, frozenset[str]] = {"begin": frozenset({"asked", "names"})}


@dataclass(frozen=True)
class Event:
    """A line: what happened, and what is said of it."""

    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Journal:
    """What could be read.

    Attributes:
        events: in order.
        damaged: numbers of the lines that could not be read, from 1.
    """

    events: tuple[Event, ...] = ()
    damaged: tuple[int, ...] = ()


def append(folder: Path, event: str, **facts: Any) -> None:
    """Add an event, and see to it that it is on the disk.

    Raises:
        OSError: it is not, or only a part of it, which no reader takes for an event.
    """
    file = folder / JOURNAL
    line = _line(event, facts)
    begins = not file.exists()
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        _write_all(handle, line)
        os.fsync(handle)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        os.close(handle)
    if begins:
        _sync(folder)


def start(folder: Path, event: str, **facts: Any) -> None:
    """Begin another journal with an event, in the place of the one that is there, in one step.

    Raises:
        OSError: it cannot be written; the one that was there is as it was.
    """
    write_bytes_atomic(folder / JOURNAL, _line(event, facts))


def _write_all(handle: int, line: bytes) -> None:
    if os.write(handle, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read(folder: Path) -> Journal:
    """All events of a folder that are whole; none where there is no journal.

    Raises:
        OSError: it is there and cannot be read.
        UsageError: it is no file; who opened a pipe would wait for ever.
    """
    file = folder / JOURNAL
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise UsageError(
                f"{file} is no regular file, and the journal of a run is one: move it away, or "
                f"name another folder (-o, or out=)"
            )
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Journal()
    events, damaged = [], []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        event = _event(line)
        if event is None:
            damaged.append(number)
        else:
            events.append(event)
    return Journal(tuple(events), tuple(damaged))


def _line(event: str, facts: Mapping[str, Any]) -> bytes:
    content = {"event": event, "at": datetime.now(UTC).isoformat(timespec="seconds"), **facts}
    text = json.dumps(content, allow_nan=False)
    return f'{text[:-1]}, "sha256": "{_checksum(text)}"}}\n'.encode("ascii")


def _event(line: bytes) -> Event | None:
    try:
        content: dict[str, Any] = json.loads(line)
        checksum, name = content.pop("sha256"), content["event"]
        whole = checksum == _checksum(json.dumps(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not whole or not isinstance(name, str) or not _can_be_used(name, content):
        return None
    return Event(name, content)


def _can_be_used(name: str, facts: Mapping[str, Any]) -> bool:
    """Whether an event has what every reader of it counts on."""
    for fact, kinds in _VALUES.items():
        table = facts.get(fact, {})
        if not isinstance(table, dict) or not all(isinstance(v, kinds) for v in table.values()):
            return False
    if not all(isinstance(facts.get(fact, kind()), kind) for fact, kind in _KINDS.items()):
        return False
    return facts.keys() >= _NEEDED.get(name, frozenset())


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _sync(folder: Path) -> None:
    """Make the new file itself last through a crash, where folders can be opened."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
