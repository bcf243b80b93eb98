"""stdout and stderr that outlive whoever reads them. Knows streams, and nothing of what is said.

A pipe that nobody reads any more, a full disk under a log, a descriptor that was never open: none
of them is a reason to end an audit. stderr is talk and may be lost; stdout is data, so that what it
could not take is remembered for the exit code. A reader that has had enough is no loss.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any, BinaryIO, TextIO, cast


class Outlet(io.RawIOBase):
    """Passes bytes on until that fails once; from then on they are dropped, and `lost` says why."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner = inner
        self.lost: OSError | ValueError | None = None

    def writable(self) -> bool:
        """It always seems to be."""
        return True

    def isatty(self) -> bool:
        """Whether somebody looks on."""
        return self._inner.isatty()

    def fileno(self) -> int:
        """The descriptor below."""
        return self._inner.fileno()

    def write(self, content: Any) -> int:
        """Pass bytes on or drop them; how many are done with, which is never an error."""
        dropped = memoryview(content).nbytes
        if self.lost is not None:
            return dropped
        try:
            while (written := cast("int | None", self._inner.write(content))) is None:
                select.select([], [self._inner.fileno()], [])  # somebody made it non-blocking
        except (OSError, ValueError) as error:
            self.lost = error
            return dropped
        return written


def guard_streams() -> None:
    """Put streams that never raise in the place of the process's own.

    What the encoding of a stream does not have is shown as an escape. Streams that somebody else
    put there stay.
    """
    _fill_descriptors()
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout, talk=False)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.stderr, talk=True)


def lost_stdout() -> str | None:
    """Why stdout could not take all that was written; None where it did, or nobody reads on."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(raw, Outlet) or raw.lost is None or isinstance(raw.lost, BrokenPipeError):
        return None
    return getattr(raw.lost, "strerror", None) or str(raw.lost)


def _guarded(stream: TextIO | None, *, talk: bool) -> TextIO:
    if stream is None:  # its number may be another file's by now
        nowhere = cast("BinaryIO", io.FileIO(os.devnull, "w"))
        return io.TextIOWrapper(io.BufferedWriter(Outlet(nowhere)), encoding="utf-8")
    inner = getattr(stream.buffer, "raw", stream.buffer)  # there is no buffer under `python -u`
    return io.TextIOWrapper(
        io.BufferedWriter(Outlet(cast("BinaryIO", inner))),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=talk or stream.isatty() or getattr(stream, "write_through", False),
    )


def _fill_descriptors() -> None:
    """Open nothing under the standard numbers that are closed.

    Else the next file that is opened would have one of them, and hold what others say.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
