"""Ctrl-C and SIGTERM: the first ends the work in good order, the second at once.

What must not be left half-done holds the first one back until it is done. Knows signals and
nothing of what they end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from audit.exit_codes import ExitCode

_SHOW_CURSOR = b"\x1b[?25h"


class _State:
    """Of this process, as signals are."""

    came = False  # the first of them
    held = 0  # how many ask to hold it back
    owed = False  # it came while it was held back


@contextmanager
def in_good_order() -> Iterator[None]:
    """Take the first of these signals as a `KeyboardInterrupt`, and end at the second.

    Outside the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.came = _State.owed = False
    before = {number: signal.signal(number, _heed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold the first signal back until this is done; the second still ends the process."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
    if _State.owed and not _State.held:
        _State.owed = False
        raise KeyboardInterrupt


def _heed(number: int, frame: FrameType | None) -> None:
    if _State.came:
        _end()
    _State.came = True
    if _State.held:
        _State.owed = True
    else:
        raise KeyboardInterrupt


def _end() -> None:
    """End at once: what is being written is a file under another name, or a line cut short."""
    with suppress(OSError):
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)  # that a progress bar may have hidden
        os.write(2, b"\naudit: interrupted twice; the same command goes on\n")
    os._exit(int(ExitCode.INTERRUPTED))
