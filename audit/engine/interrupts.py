"""Ctrl-C, SIGTERM and a terminal that closes: the first ends the work in good order, the second at
once.

What must not be left half-done holds the first one back until it is done. Knows signals, and of
what they end no more than its last words.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from audit.exit_codes import ExitCode

_SHOW_CURSOR = b"\x1b[?25h"
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Interrupted(KeyboardInterrupt):
    """Ours, by a type of its own.

    Of a plain `KeyboardInterrupt` that passes through code made at run time, as the imports of
    many libraries do, CPython remembers that it came, and ends the process by SIGINT whatever exit
    code we give.
    """


class _State:
    """Of this process, as signals are."""

    heeding = False  # whether somebody further out takes the signals already
    ending = False
    words: list[Callable[[], None]] = []  # noqa: RUF012 - there is one process
    folder: Path | None = None  # in which the same command goes on
    came = False  # the first of them
    held = 0  # how many ask to hold it back
    owed = False  # it came while it was held back


@contextmanager
def in_good_order() -> Iterator[None]:
    """Take the first of these signals as a `KeyboardInterrupt`, and end at the second.

    Outside the main thread, and inside of another such block, nothing is changed.
    """
    if _State.heeding or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = heed_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _State.heeding = False


def heed_signals() -> dict[signal.Signals, Any]:
    """Take the signals until the process ends; what took them before.

    A closed terminal is nothing to a process that was told so, as by `nohup`.
    """
    _State.came = _State.owed = False
    _State.heeding, _State.folder = True, None
    deaf = getattr(signal, "SIGHUP", None)
    return {
        number: signal.signal(number, _heed)
        for number in _SIGNALS
        if number != deaf or signal.getsignal(number) is not signal.SIG_IGN
    }


def ignore_signals() -> None:
    """Let none of them change how the process ends, now that all is done."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def last_words(say: Callable[[], None], folder: Path | None) -> Iterator[None]:
    """Have something done before the process ends at a second signal.

    Args:
        say: does it; between any two steps of what it is called in the middle of.
        folder: in which the same command goes on, if it does.
    """
    if not _State.words:  # else it is a part of something larger, which goes on
        _State.folder = folder
    _State.words.append(say)
    try:
        yield
    finally:
        _State.words.pop()


def goes_on() -> str:
    """The end of a sentence: where the same command goes on, if it does anywhere."""
    return "" if _State.folder is None else f"; the same command goes on with -o {_State.folder}"


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
        raise Interrupted


def _heed(number: int, frame: FrameType | None) -> None:
    if _State.came:
        _end()
    _State.came = True
    if _State.held:
        _State.owed = True
    else:
        raise Interrupted


def _end() -> None:
    """End at once: what is being written is a file under another name, or a line cut short."""
    if _State.ending:
        os._exit(int(ExitCode.INTERRUPTED))
    _State.ending = True
    for say in reversed(_State.words):
        with suppress(Exception):
            say()
    with suppress(OSError):
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)  # that a progress bar may have hidden
        os.write(2, f"\naudit: interrupted twice{goes_on()}\n".encode("utf-8", "replace"))
    os._exit(int(ExitCode.INTERRUPTED))
