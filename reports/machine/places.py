"""A place in a suite, as the record writes it and as a program wants it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

# From the right: what stands before the two numbers may hold colons of its own.
_PLACE = re.compile(
    r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8}):(?P<column>[1-9][0-9]{0,8})", re.DOTALL
)

BUILTIN = "builtin:"


@dataclass(frozen=True)
class Place:
    """A file, and where in it, counted from 1; None where only the file is known."""

    file: str
    line: int | None = None
    column: int | None = None

    @property
    def in_repository(self) -> bool:
        """Whether a reader of the repository can have that file; a built-in suite is none."""
        return not self.file.startswith(BUILTIN)

    @property
    def uri(self) -> str:
        """The file as a relative URI reference: no scheme, host or root, whatever its name is."""
        return quote(self.file.replace("\\", "/").lstrip("/"), safe="/") or "-"


def located(*sources: str) -> Place | None:
    """The first of the sources that says a place (`suites/a.yaml:31:9`), else the last of them.

    Sources go from the most to the least exact: of the gate, of its check, and the suite's file,
    which has no line.
    """
    for source in sources:
        found = _PLACE.fullmatch(source)
        if found:
            return Place(found["file"], int(found["line"]), int(found["column"]))
    files = [source for source in sources if source.strip()]
    return Place(files[-1]) if files else None
