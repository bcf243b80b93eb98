"""Digests of large files, remembered as long as the files stay as they were.

A file is taken to be unchanged where path, size, inode and both its times to the nanosecond are.
One that was written to a moment ago is not remembered: a second write within the clock's tick
would leave no trace.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from audit.models.cache.folder import DIGESTS, CacheFolder
from audit.models.checkpoint_files import files_digest

LARGE = 2**23  # bytes; what is smaller is read in no time
SETTLED = 2.0  # seconds without a write, above the ticks of file systems in use

FileState = list[list[str | int]]


def remembered_digest(
    files: Sequence[Path], folder: CacheFolder, *, large: int | None = None
) -> str:
    """`files_digest`, from memory where none of the files changed since it was taken.

    Args:
        files: as `files_digest` takes them.
        folder: where it is remembered.
        large: bytes, all files together, from which it is; by default `LARGE`.
    """
    before = file_state(files)
    if sum(path.stat().st_size for path in files) < (LARGE if large is None else large):
        return files_digest(files)
    names = "\0".join(str(line[0]) for line in before)
    place = f"{DIGESTS}/{hashlib.sha256(names.encode()).hexdigest()[:32]}.json"
    known = folder.note(place)
    if known is not None and known.get("files") == before:
        return str(known["digest"])
    started = time.time()
    digest = files_digest(files)
    last = max(int(time_ns) for line in before for time_ns in line[3:])
    if file_state(files) == before and last < (started - SETTLED) * 1e9:
        folder.put_note(place, {"files": before, "digest": digest})
    return digest


def file_state(files: Sequence[Path]) -> FileState:
    """Path, size, inode, and the times of content and of inode, of every file."""
    state: FileState = []
    for file in sorted(files, key=lambda file: file.name):
        path = file.resolve()
        found = path.stat()
        state.append([str(path), found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns])
    return state
