"""A file onto the disk as a whole or not at all. Knows bytes, and nothing of what they say."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_text_atomic(path: Path | str, text: str) -> None:
    """`write_bytes_atomic` of a text in UTF-8, with its ends of lines as they are."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_bytes_atomic(path: Path | str, content: bytes) -> None:
    """Write a file as a whole or not at all: temporary file, fsync, rename, fsync of the folder.

    Raises:
        OSError: with the path; what was there before is unharmed and nothing is left over.
    """
    target = Path(path)
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            _write_through(temporary, content)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _write_through(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last through a crash, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
