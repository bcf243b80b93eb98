"""Weights that an alarm left in a folder: under which name, and whose they are.

Nothing here removes or overwrites any. What lies there from before is named in the next record,
lest it be taken for what that record flags.
"""

from __future__ import annotations

from pathlib import Path

FLAGGED = "flagged"


def free_place(folder: Path, name: str = FLAGGED, suffix: str = "") -> Path:
    """Where flagged weights can be written: `name`, or where that is taken `name-2`, `name-3`."""
    place, number = folder / f"{name}{suffix}", 1
    while place.exists():
        number += 1
        place = folder / f"{name}-{number}{suffix}"
    return place


def left_before(folder: Path | None) -> tuple[str, ...]:
    """What a record written to `folder` from now on has to say of flagged weights that it holds.

    Call it before anything is written there.
    """
    if folder is None:
        return ()
    there = sorted(path.name for path in folder.glob(f"{FLAGGED}*") if path.is_dir())
    if not there:
        return ()
    return (
        f"{', '.join(there)} in this folder: weights that an earlier alarm left there, before this "
        f"report was begun; weights that this report flags are named with its alarm",
    )
