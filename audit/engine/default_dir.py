"""A folder for a run that nobody named one for: one that no other run has."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from audit.errors import UsageError

DEFAULT_PARENT = Path("audit-runs")


@contextmanager
def default_dir(suites: list[str], model: str, started: datetime) -> Iterator[Path]:
    """Make `audit-runs/20260131-101500-deception-my-model`, with `-2` where that is taken.

    It is made in one step, so that of runs begun in the same second each has its own; where
    nothing was written to it, it goes again.

    Raises:
        UsageError: it cannot be made.
    """
    words = "-".join((*suites[:3], model.rstrip("/").rsplit("/", 1)[-1]))
    name = f"{started:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9.]+', '-', words)[:80]}"
    new = not DEFAULT_PARENT.exists()
    try:
        folder = _made(name)
    except OSError as error:
        raise UsageError(
            f"cannot make a folder for the run in {DEFAULT_PARENT}: {error.strerror or error}; "
            f"name one (-o)"
        ) from None
    try:
        yield folder
    finally:
        for place in (folder, *([DEFAULT_PARENT] if new else [])):
            with suppress(OSError):  # it holds something, as it should
                place.rmdir()


def _made(name: str) -> Path:
    for number in itertools.count(1):
        folder = DEFAULT_PARENT / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not DEFAULT_PARENT.is_dir():
                raise
            continue
        return folder
    raise AssertionError("there is always another number")
