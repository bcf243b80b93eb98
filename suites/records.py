"""What a source gives: records, each with its place, and the lines of text that hold them.

Knows UTF-8 and JSON, and no column. What cannot be read is a `Problem` in the record's stead,
so that one broken line hides no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suites.problems import Problem


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its cells, and where it stands (lines and columns from 1).

    Attributes:
        values: the cells by their columns.
        line: in its file; None where its file names it already.
        column: in that line.
        file: where the source is several files, the one it stands in, as a message names it.
        written: that file as the suite does.
    """

    values: Mapping[str, Any]
    line: int | None
    column: int | None = None
    file: str = ""
    written: str = ""

    @property
    def own_place(self) -> str:
        """Where it stands in its source, for a message about another record."""
        return self.file if self.line is None else f"{self.file} line {self.line}".strip()


Reading = Iterator[Record | Problem]


def text_lines(path: Path) -> Iterator[tuple[int, str | Problem]]:
    """Lines of a UTF-8 file, numbered from 1; a line that is not UTF-8 is a problem."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                message = f"byte 0x{line[error.start]:02x} is not UTF-8"
                hint = "save the file as UTF-8"
                yield number, Problem(message, str(path), number, error.start + 1, hint=hint)


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The value of every line that is not blank, numbered from 1, or a `Problem`."""
    for number, line in text_lines(path):
        if isinstance(line, Problem):
            yield number, line
        elif line.strip():
            yield number, _json_value(path, number, line)


def _json_value(path: Path, number: int, line: str) -> Any:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return Problem(message, str(path), number, error.colno, hint="one JSON object in a line")
    except (RecursionError, ValueError) as error:  # too deep; an integer of too many digits
        return Problem(f"not readable as JSON: {error}", str(path), number)
    if "\\ud" in line.lower() and (half := half_character(value)):
        message = f"holds half a character (the lone surrogate {half})"
        return Problem(message, str(path), number, hint="write the whole pair")
    return value


def half_character(values: Any) -> str:
    """The first lone surrogate in a JSON value, as it would be written; empty without one."""
    try:
        json.dumps(values, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        return f"\\u{ord(error.object[error.start]):04x}"
    return ""
