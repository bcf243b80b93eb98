"""Stand-ins that a shell finds on its PATH instead of a program, to see what it was given."""

from __future__ import annotations

from pathlib import Path

_RECORDER = """#!/bin/bash
printf '%s\\0' "$(basename "$0")" "$@" >> "{log}"
printf '\\0' >> "{log}"
{then}
"""


def stand_in(folder: Path, name: str, then: str = "exit 0") -> Path:
    """A program that notes the words it was called with, and then runs a line of bash."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(_RECORDER.format(log=folder / "calls", then=then))
    program.chmod(0o755)
    return program


AUDITED = 'mkdir -p "${2#--out=}"; echo > "${2#--out=}/report.json"'
"""What `audit run --out=FOLDER` leaves where it audited anything."""


def calls(folder: Path) -> list[list[str]]:
    """Every call of the stand-ins of a folder, word for word."""
    log = folder / "calls"
    text = log.read_bytes().decode() if log.exists() else ""
    return [call.split("\0") for call in text.split("\0\0") if call]
