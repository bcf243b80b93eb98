"""What earlier runs leave in a folder beside the files of one run, and what is in a run's way.

    checkpoints/NAME/  reference/  watch.json     of a series or a watch
    rows.jsonl  reference.safetensors             of a training run

Knows names alone. What somebody else put there is never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from audit.engine.journal import JOURNAL
from audit.errors import UsageError

ROWS_FILE = "rows.jsonl"
FOLDERS = ("probes", "cards")
_ROW = "row.json"
_OF_A_CHECKPOINT = (_ROW, "status.json", JOURNAL)  # by one of them its folder is told
_OF_SERIES = (
    *("watch.json", "reference/reference.json", "reference/reference.safetensors"),
    *(ROWS_FILE, "reference.safetensors"),
)
# Of writers that were killed: `reports.atomic` and `probes.io`.
LEFT_OVER = (f".{'[0-9a-f]' * 16}.part", ".*.safetensors.*.tmp", ".*.json.*.tmp")


def sweep(path: Path) -> None:
    """Remove what writers that were killed left under other names."""
    for place in (path, *(path / name for name in FOLDERS)):
        for file in (file for pattern in LEFT_OVER for file in place.glob(pattern)):
            file.unlink(missing_ok=True)


def refuse_what_is_in_the_way(path: Path) -> None:
    """Refuse a folder that cannot be made, or whose own folders cannot.

    Raises:
        UsageError: something else has one of the names.
    """
    for place in (path, *(path / name for name in FOLDERS)):
        if place.is_symlink() and not place.exists():
            raise UsageError(
                f"{place} is a link to {place.readlink()}, which is not there: make that folder, "
                f"or name another (-o, or out=)"
            )
        if place.exists() and not place.is_dir():
            raise UsageError(
                f"{place} is a file, and a run has a folder of that name: move the file away, or "
                f"name another folder (-o, or out=)"
            )


def clear_series_dir(path: Path, clear_run: Callable[[Path], None]) -> None:
    """Remove what a series, a watch or a training run left; weights are never touched.

    Args:
        path: the folder of the series.
        clear_run: removes all that one run left in its own folder.

    Raises:
        UsageError: somebody writes to the folder of a checkpoint.
        OSError: a file cannot be removed.
    """
    ours = {file.parent for name in _OF_A_CHECKPOINT for file in path.glob(f"checkpoints/*/{name}")}
    for run in sorted(ours):
        (run / _ROW).unlink(missing_ok=True)
        clear_run(run)
        _remove_if_empty(run)
    for name in _OF_SERIES:
        (path / name).unlink(missing_ok=True)
    for name in ("checkpoints", "reference"):
        _remove_if_empty(path / name)


def remove_empty_folders(path: Path) -> None:
    """Remove the folders of a run that hold nothing any more."""
    for name in FOLDERS:
        _remove_if_empty(path / name)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it holds something that is not ours, or is not there
        folder.rmdir()
