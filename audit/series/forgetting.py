"""A series is started over: what it left goes, all of it, and nothing that it did not write.

Weights are never touched: those that an alarm kept, nor those of checkpoints that lie where the
audits of others are.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from audit.engine.journal import JOURNAL
from audit.engine.locking import alone
from audit.engine.run_dir import PARTIAL, STATUS, clear_run_dir
from audit.series.kept_reference import FOLDER, forget_reference
from audit.series.reference_files import REFERENCE_FILE
from audit.series.remembered import MEMORY_FILE
from audit.series.stored_rows import ROW_FILE

_OF_OURS = (ROW_FILE, STATUS, JOURNAL)
"""By one of them a checkpoint's folder is told; the last of them goes last."""

_OF_A_SERIES = (MEMORY_FILE, REFERENCE_FILE, "rows.jsonl")
"""Beside its record; the last two of a training run."""


def forget(path: Path) -> None:
    """Remove from the folder of a series what earlier attempts left.

    Raises:
        UsageError: somebody writes to the folder of a checkpoint.
        OSError: a file cannot be removed.
    """
    for folder in sorted((path / "checkpoints").glob("*")):
        if any((folder / name).is_file() for name in _OF_OURS):
            _forget_checkpoint(folder)
    forget_reference(path)
    for name in _OF_A_SERIES:
        (path / name).unlink(missing_ok=True)
    _remove_empty(path / FOLDER)
    _remove_empty(path / "checkpoints")


def _forget_checkpoint(folder: Path) -> None:
    with alone(folder):
        (folder / ROW_FILE).unlink(missing_ok=True)
        clear_run_dir(folder)
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        (folder / STATUS).unlink(missing_ok=True)
        for name in ("probes", "cards"):
            _remove_empty(folder / name)
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not there, or holds what others put into it
        folder.rmdir()
