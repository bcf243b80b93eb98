"""One watch to a folder: the second is refused and told who the first is.

The lock is the kernel's, on OUT/watch.lock, so that it goes with its process however that ends.
Where a file system offers no locks, the process that the file names is asked whether it lives.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.errors import UsageError

LOCK_FILE = "watch.lock"
_TAKEN = (errno.EAGAIN, errno.EACCES)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process.

    Raises:
        UsageError: another process holds it; the message names it.
    """
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(handle, folder)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN or _lives(holder):
            raise UsageError(
                f"{folder} is being written by process {holder or 'unknown'}, which watches "
                f"already; stop that one, or name another folder with -o"
            ) from None


def _lives(process: str) -> bool:
    if not process.isdigit() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and alive
        return True
    return True
