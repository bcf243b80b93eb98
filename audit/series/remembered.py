"""What a watch has to remember so that it can be ended and begun again at any moment.

    OUT/watch.json      which checkpoints were seen, which alarms were raised, what was done

The findings themselves are in the rows. An act is written down before it is done, so that it
is done at most once, whatever happens meanwhile.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from audit.errors import UsageError
from audit.series.checkpoints import Checkpoint, Kind
from reports.parts import Part
from reports.render import write_text_atomic
from reports.series import Stop, Track

MEMORY_FILE = "watch.json"


class Seen(Part):
    """A checkpoint that was there once, and why it could not be audited where that is so."""

    name: str
    source: str
    step: int | None
    kind: Kind
    base: str | None = None
    reason: str | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        """As it was found."""
        return Checkpoint(self.name, self.source, self.step, self.kind, self.base)


class Alarm(Part):
    """An alarm that was raised, and what was done about it.

    `command` is what was run, `outcome` what came of it in words; it is `begun` while nobody
    knows. An alarm that was acknowledged binds no longer.
    """

    stop: Stop
    tracks: list[str]
    stop_file: bool = False
    command: list[str] = Field(default_factory=list)
    outcome: str = ""
    acknowledged: bool = False

    @property
    def binding(self) -> bool:
        """Whether the watch ends on it."""
        return self.stop.on_flag != "warn" and not self.acknowledged


class Memory(Part):
    """All that a watch remembers.

    `watch` tells its STOP.json from that of another; `folder` is that of the checkpoints, from
    where this is kept, so that both may be moved together.
    """

    version: Literal[1] = 1
    watch: str
    folder: str = ".."
    seen: list[Seen] = Field(default_factory=list)
    alarms: list[Alarm] = Field(default_factory=list)
    acknowledged: list[int] = Field(default_factory=list)

    @property
    def stands(self) -> Alarm | None:
        """The first alarm that still binds."""
        return next((alarm for alarm in self.alarms if alarm.binding), None)

    def raised(self, track: Track) -> bool:
        """Whether this track's alarm was raised before and nobody acknowledged it."""
        return any(key_of(track) in a.tracks for a in self.alarms if not a.acknowledged)


def key_of(track: Track) -> str:
    """`suite/check/gate above LIMIT`, with the attribute where the gate has one."""
    parts = (track.suite, track.check, track.kind, track.attribute)
    return f"{'/'.join(part for part in parts if part)} above {track.limit:g}"


def recall(out: Path, folder: Path) -> Memory:
    """What the watch that writes to `out` remembers; a new memory where there is none.

    Args:
        out: of the watch.
        folder: of the checkpoints.

    Raises:
        UsageError: the file is there and cannot be read, or is of another run.
    """
    file = out / MEMORY_FILE
    where = Path(os.path.relpath(folder.resolve(), out.resolve())).as_posix()
    try:
        memory = Memory.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Memory(watch=secrets.token_hex(8), folder=where)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "its beginning"
        raise UsageError(
            f"{file} is not what a watch wrote: {first['msg']} at {place}; restore it, or name "
            f"another folder with -o"
        ) from None
    if memory.folder != where:
        raise UsageError(
            f"{out} is of a watch on {(out / memory.folder).resolve()} and not on {folder}: name "
            f"another folder with -o"
        )
    return memory


def remember(out: Path, memory: Memory) -> None:
    """Write it down, all of it or nothing."""
    write_text_atomic(out / MEMORY_FILE, memory.model_dump_json(indent=2) + "\n")
