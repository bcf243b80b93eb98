"""A record and all that is drawn of it, into a folder: the record first.

What was measured took hours and stands in the record; what is drawn of it can be drawn again. So
a fault in drawing is told in a sentence and costs one file, never the record and never the others.
A disk that is full stays an error: then the record may be lost, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reports.atomic import write_text_atomic
from reports.read import REPORT_FILE, Record
from reports.render import Maker, makers
from reports.text import safe_text


def keep(folder: Path, record: Record, more: Mapping[str, Maker] | None = None) -> list[str]:
    """Write a record in every format that is kept with a run.

    Args:
        folder: where to.
        record: what was found.
        more: other files of it, by their names relative to the folder.

    Returns:
        A sentence for each file that could not be made. One of an earlier record does not stay in
        its place.

    Raises:
        OSError: a file could not be written.
    """
    write_text_atomic(folder / REPORT_FILE, record.to_json())
    of_it = {**makers(record), **(more or {})}
    return draw(folder, {name: make for name, make in of_it.items() if name != REPORT_FILE})


def draw(folder: Path, of_it: Mapping[str, Maker]) -> list[str]:
    """Write what is made of a record, by the names of the files; returns and errors as `keep`."""
    unmade = []
    for name, make in of_it.items():
        try:
            text = make()
        except Exception as error:  # noqa: BLE001 - whatever drawing stumbles over, the record is whole
            (folder / name).unlink(missing_ok=True)
            unmade.append(_sentence(name, error))
            continue
        (folder / name).parent.mkdir(exist_ok=True)
        write_text_atomic(folder / name, text)
    return unmade


def _sentence(name: str, error: Exception) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    at = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
    return (
        f"{name} could not be made ({type(error).__name__}{at}: {safe_text(str(error), 200)}); the "
        f"record in {REPORT_FILE} is whole. This is a bug: please report it"
    )
