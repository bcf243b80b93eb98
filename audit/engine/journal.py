"""The journal of a folder: what happened in it, a line an event, only ever added to.

    FOLDER/journal.jsonl    {"event": ..., "at": ..., ..., "sha256": ...}

Each line ends with a checksum of all that is before it, and is on the disk before the next step
is taken. A line that a crash cut short is passed over, and the next begins on a line of its own.
Knows lines; what an event means is its reader's business, and no verdict is decided from one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JOURNAL = "journal.jsonl"


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
    line = _line({"event": event, "at": datetime.now(UTC).isoformat(timespec="seconds"), **facts})
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


def _write_all(handle: int, line: bytes) -> None:
    if os.write(handle, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read(folder: Path) -> Journal:
    """All events of a folder that are whole; none where there is no journal.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        lines = (folder / JOURNAL).read_bytes().split(b"\n")
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


def _line(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, allow_nan=False)
    return f'{text[:-1]}, "sha256": "{_checksum(text)}"}}\n'.encode("ascii")


def _event(line: bytes) -> Event | None:
    try:
        content: dict[str, Any] = json.loads(line)
        checksum, name = content.pop("sha256"), content["event"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if checksum != _checksum(json.dumps(content)):
        return None
    return Event(str(name), content)


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
