"""The cache's folder: where it is, its marks, and files that are written whole or not at all.

Knows files and checksums; not what is kept in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "AUDIT_CACHE_DIR"
ANSWERS = "answers"  # a folder a model in it
ABOUT = "about.json"  # a note in each of them
MODELS, DIGESTS = NOTES = ("models", "digests")
TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of alignment-audit and may be deleted at any time.\n"
    "# About such marks: https://bford.info/cachedir/\n"
)


def cache_folder() -> Path:
    """`AUDIT_CACHE_DIR`, else `alignment-audit` in `XDG_CACHE_HOME`, else in `~/.cache`."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    home = Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()
    return home / "alignment-audit"


@dataclass(eq=False)
class CacheFolder:
    """A folder to write into for as long as it can be written to.

    Attributes:
        root: the folder; made at the first write.
        say: told in a sentence what cannot be read or written.
        writable: turns false with the first write that fails, which is told once.
    """

    root: Path
    say: Callable[[str], None]
    writable: bool = True

    def put(self, place: str, content: bytes) -> None:
        """Write a file of the folder, all of it or nothing.

        It is not forced through to the disk: what a crash of the machine leaves half-written is
        found by its checksum.
        """
        if not self.writable:
            return
        target = self.root / place
        temporary = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            self._prepare()
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(content)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            self.writable = False
            self.say(
                f"the cache {self.root} cannot be written to ({error.strerror or error}): what "
                "this run computes is not kept"
            )

    def _prepare(self) -> None:
        """Mark the folder as a cache, unless it holds what others put there."""
        if self.root.is_dir() and any(self.root.iterdir()):
            return
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "CACHEDIR.TAG").write_text(TAG, "utf-8")
        (self.root / ".gitignore").write_text("*\n", "utf-8")

    def put_note(self, place: str, content: Mapping[str, Any]) -> None:
        """Write a small JSON file with its checksum."""
        text = json.dumps(content, sort_keys=True)
        note = {"content": content, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        self.put(place, json.dumps(note, sort_keys=True, indent=1).encode())

    def note(self, place: str) -> dict[str, Any] | None:
        """What `put_note` wrote; None where there is none, or not all of it. It counts as used."""
        found = read_note(self.root / place)
        if found is not None:
            with suppress(OSError):  # of a read-only cache nobody deletes the oldest
                os.utime(self.root / place)
        return found


def silent_folder() -> CacheFolder:
    """The user's cache, for who has nobody to tell what is wrong with it."""
    return CacheFolder(cache_folder(), lambda sentence: None)


def read_note(file: Path) -> dict[str, Any] | None:
    """A small JSON file with its checksum; None where it is missing or damaged."""
    try:
        note = json.loads(file.read_bytes())
        content: dict[str, Any] = note["content"]
        text = json.dumps(content, sort_keys=True)
        whole = hashlib.sha256(text.encode()).hexdigest() == note["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if whole else None
