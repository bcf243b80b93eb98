"""What the cache holds, model by model, and how to be rid of it.

Knows the folders and their notes; not the answers in them. What is deleted disappears under its
name at once, so that a run that reads it just then misses it and computes again.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.models.cache.folder import ABOUT, ANSWERS, NOTES, read_note

LEFT_OVER = 3600.0  # seconds after which nobody can still be writing a file of one shard


@dataclass(frozen=True)
class KeptModel:
    """What is kept of one model.

    Attributes:
        folder: its folder in the cache.
        names: under which it was used, the last first.
        weights_digest: sha256 of its weights.
        dtype: number type of the weights.
        device: type of the device that it ran on.
        size: bytes.
        last_used: when an audit last asked for it, UTC.
    """

    folder: Path
    names: tuple[str, ...]
    weights_digest: str
    dtype: str
    device: str
    size: int
    last_used: datetime


def kept_models(root: Path) -> list[KeptModel]:
    """All models in the cache at `root`, the one that was used last first."""
    folders = [path for path in _entries(root / ANSWERS) if path.is_dir() and not _hidden(path)]
    return sorted(map(_kept, folders), key=lambda one: (one.last_used, one.folder), reverse=True)


def prune(
    root: Path, *, older_than: float | None = None, max_size: int | None = None
) -> list[KeptModel]:
    """Delete models from the cache at `root`, whole ones, and say which.

    Args:
        root: the cache.
        older_than: seconds; what was used within them stays.
        max_size: bytes; the models that were used last stay, each that still fits into them.

    Raises:
        OSError: something cannot be deleted.
    """
    now = time.time()
    gone, size = [], 0
    for one in kept_models(root):
        size += one.size
        old = older_than is not None and now - one.last_used.timestamp() > older_than
        if old or (max_size is not None and size > max_size):
            size -= one.size
            gone.append(one)
    _delete([one.folder for one in gone])
    if older_than is not None:
        for note in _notes(root):
            if now - note.stat().st_mtime > older_than:
                note.unlink(missing_ok=True)
    _sweep(root, now - LEFT_OVER)
    return gone


def clear(root: Path) -> list[KeptModel]:
    """Delete all that the cache at `root` keeps, and say which models.

    Raises:
        OSError: something cannot be deleted.
    """
    gone = kept_models(root)
    _delete([root / name for name in (ANSWERS, *NOTES) if (root / name).is_dir()])
    _sweep(root, time.time())
    return gone


def _kept(folder: Path) -> KeptModel:
    note = read_note(folder / ABOUT) or {"names": [], "identity": {}}
    identity = note["identity"]
    files = [file.stat() for file in _entries(folder) if file.is_file()]
    newest = max((file.st_mtime for file in files), default=folder.stat().st_mtime)
    return KeptModel(
        folder=folder,
        names=tuple(note["names"]),
        weights_digest=identity.get("weights", ""),
        dtype=identity.get("dtype", ""),
        device=identity.get("device", ""),
        size=sum(file.st_size for file in files),
        last_used=datetime.fromtimestamp(newest, UTC),
    )


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _notes(root: Path) -> Iterator[Path]:
    for name in NOTES:
        yield from (file for file in _entries(root / name) if not _hidden(file))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _delete(folders: Sequence[Path]) -> None:
    for folder in folders:
        doomed = folder.with_name(f".{secrets.token_hex(8)}.gone")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _sweep(root: Path, before: float) -> None:
    """Delete what writers and deleters that died have left."""
    folders = [root, root / ANSWERS, *(root / name for name in NOTES)]
    folders += [path for path in _entries(root / ANSWERS) if path.is_dir()]
    for folder in folders:
        for path in _entries(folder):
            if not path.name.endswith((".part", ".gone")) or not _hidden(path):
                continue
            with suppress(FileNotFoundError):  # its writer was alive
                if path.stat().st_mtime > before:
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
