"""One process to a folder: the second is refused and told who the first is.

The lock is the kernel's, on FOLDER/.lock, so that it goes with its process however that ends.
Where a file system offers no locks, the process that the file names is asked whether it lives.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit.errors import UsageError

LOCK_FILE = ".lock"
_TAKEN = (errno.EAGAIN, errno.EACCES)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the file goes when it is let go.

    Raises:
        UsageError: somebody holds it already; the message names the process.
        OSError: the file cannot be written.
    """
    handle = hold(folder)
    try:
        yield
    finally:
        let_go(folder, handle)


def hold(folder: Path) -> int:
    """A handle on the folder's lock, for who cannot hold it in a `with`; errors as `alone`."""
    while True:
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(handle, folder)
            if _is_there(handle, folder):
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # whoever held it took it away between our two steps


def let_go(folder: Path, handle: int) -> None:
    """Give back what `hold` gave."""
    with suppress(OSError):  # of a folder that went away, say
        if _is_there(handle, folder):
            (folder / LOCK_FILE).unlink()
    with suppress(OSError):  # a child that was forked meanwhile would hold on to it
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _is_there(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), (folder / LOCK_FILE).stat())
    except FileNotFoundError:
        return False


def _take(handle: int, folder: Path) -> None:
    holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN or _lives(holder):
            raise UsageError(
                f"{folder} is being written by process {holder or 'unknown'}; wait for it or stop "
                f"it, or name another folder (-o, or out=)"
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
