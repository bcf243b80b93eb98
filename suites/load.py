"""From a YAML file, with all that it includes, to one `LoadedSuite`.

Knows files and the order in which mistakes are looked for; the mistakes themselves are
`yaml12`'s, `sentences`' and `references`'. Opens no data file: `dataset.py` does.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from suites.builtin import FOLDER, builtin_names
from suites.problems import Problem, SuiteError, capped, dotted, nearest, show
from suites.references import Names, Vocabulary, entries, mistaken_references
from suites.rows import Row
from suites.schema import Suite
from suites.sentences import problems_of
from suites.words import Role
from suites.yaml12 import MAX_BYTES, Document, parse

SECTIONS = ("concepts", "datasets", "checks")
_MOST_PROBLEMS = 100  # of one file


@dataclass(frozen=True, eq=False)
class LoadedSuite:
    """A valid suite, merged with what it includes, and where every part of it was written.

    Attributes:
        suite: the merged suite; its `include` is what the first file says.
        path: the file that was asked for.
        digest: sha256 of the content of all files, whatever their names and layout.
        rows_read: the datasets that `read_dataset` has read so far.
        rows_given: the roles of checks that `rows_by_role` has filled so far, by check and seed.
    """

    suite: Suite
    path: Path
    digest: str
    _root: Document = field(repr=False)
    _origins: Mapping[tuple[str, str], Document] = field(repr=False)
    rows_read: dict[str, tuple[Row, ...]] = field(default_factory=dict, repr=False)
    rows_given: dict[tuple[str, int], Mapping[Role, tuple[Row, ...]]] = field(
        default_factory=dict, repr=False
    )

    def document_of(self, loc: Sequence[str | int]) -> Document:
        """The file that holds a part of the merged suite."""
        if len(loc) >= 2 and (str(loc[0]), str(loc[1])) in self._origins:
            return self._origins[str(loc[0]), str(loc[1])]
        return self._root

    def place_of(self, loc: Sequence[str | int]) -> str:
        """Where a part of the suite was written, as `suite.yaml:12:3`."""
        document = self.document_of(loc)
        return "{}:{}:{}".format(document.file, *document.place(loc))

    def base_of(self, dataset: str) -> Path:
        """The folder that the `path` of a dataset is relative to.

        Raises:
            KeyError: the suite has no such dataset.
        """
        return Path(self._origins["datasets", dataset].file).parent

    def problem(
        self, loc: Sequence[str | int], message: str, hint: str = "", value: str = ""
    ) -> Problem:
        """A problem at a part of the suite."""
        document = self.document_of(loc)
        line, column = document.place(loc)
        return Problem(message, document.file, line, column, dotted(loc), value, hint)


def load_suite(
    path: str | Path, *, vocabulary: Vocabulary | None = None, today: date | None = None
) -> LoadedSuite:
    """Read a suite and everything that it includes.

    Args:
        path: the YAML file.
        vocabulary: for fields of a monitor what gives the names that exist, such as
            `{"fitter": fitter_names}`; fields that are not named here are not checked.
        today: the day that suppressions are measured against.

    Raises:
        SuiteError: every mistake of every file, all at once.
    """
    root = Path(path)
    files = _Files()
    files.read(root, circle=(), at=None)
    names = None if files.problems else _names(files.documents)
    _clashes(files)
    suites: list[Suite] = []
    for document in files.documents:
        found = list(document.problems)
        try:
            suites.append(Suite.model_validate(document.value))
        except ValidationError as error:
            found += problems_of(error, document)
        found += mistaken_references(document, names, vocabulary, today or date.today())
        found.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
        files.problems += capped(found, _MOST_PROBLEMS)
    if not files.problems and not any(suite.checks for suite in suites):
        message, hint = "no check is written here or included", "add one under `checks:`"
        files.problems.append(Problem(message, str(root), 1, 1, "checks", hint=hint))
    if files.problems:
        raise SuiteError(files.problems)
    merged = {
        section: {name: part for s in suites for name, part in getattr(s, section).items()}
        for section in SECTIONS
    }
    origins = {
        (section, name): document
        for document in files.documents
        for section in SECTIONS
        for name in entries(document.value, section)
    }
    return LoadedSuite(
        suite=suites[0].model_copy(update=merged),
        path=root,
        digest=_digest(files.documents),
        _root=files.documents[0],
        _origins=MappingProxyType(origins),
    )


def _names(documents: Sequence[Document]) -> Names:
    """What the checks of all files may refer to."""
    return Names(
        concepts=[name for d in documents for name in entries(d.value, "concepts")],
        datasets={n: v for d in documents for n, v in entries(d.value, "datasets").items()},
    )


@dataclass
class _Files:
    """The documents met so far, the first file first, each once."""

    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def read(self, path: Path, circle: tuple[Path, ...], at: Problem | None) -> None:
        """Read a file and what it includes; `at` is where it was included, if it was."""
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links; a NUL in the name
            self._complain(at, path, f"is no usable path: {error}")
            return
        if real in circle:
            names = " -> ".join(p.name for p in (*circle[circle.index(real) :], real))
            self._complain(at, path, f"includes itself: {names}")
            return
        if real in self.seen:
            return
        self.seen.add(real)
        try:
            document = parse(_bytes(path), str(path))
        except OSError as error:
            self._complain(at, path, _why_unreadable(path, error))
            return
        except SuiteError as error:
            self.problems += error.problems
            return
        self.documents.append(document)
        included = document.value.get("include") if isinstance(document.value, dict) else None
        for index, item in enumerate(included if isinstance(included, list) else []):
            if isinstance(item, str) and item:
                line, column = document.place(("include", index))
                here = Problem("", document.file, line, column, f"include[{index}]", item)
                self.read(_included(item, path.parent), (*circle, real), here)

    def _complain(self, at: Problem | None, path: Path, message: str) -> None:
        if at is None:
            self.problems.append(Problem(message, str(path)))
            return
        hint = nearest(at.value, builtin_names(), otherwise_list=False)
        message = f"{show(str(path), 200)} {message}"
        self.problems.append(
            Problem(message, at.file, at.line, at.column, at.field, at.value, hint)
        )


def _included(item: str, folder: Path) -> Path:
    """A file beside the suite, or else a built-in suite of that name."""
    path = Path(os.path.normpath(folder / item))
    if item in builtin_names() and not path.is_file():
        return FOLDER / f"{item}.yaml"
    return path


def _bytes(path: Path) -> bytes:
    """At most one byte more than a suite may have."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _why_unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "is a folder; a suite is one YAML file"
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    return f"cannot be read: {error.strerror or error}"


def _clashes(files: _Files) -> None:
    """A name that two files give to different things."""
    first: dict[tuple[str, str], Document] = {}
    for document in files.documents:
        for section in SECTIONS:
            for name in entries(document.value, section):
                other = first.setdefault((section, name), document)
                if other is document:
                    continue
                here = document.place((section, name), key=True)
                there = "{}:{}:{}".format(other.file, *other.place((section, name), key=True))
                message = f"{show(name)} is given in two files, first in {there}"
                loc = dotted((section, name))
                files.problems.append(Problem(message, document.file, *here, loc, name))


def _digest(documents: Sequence[Document]) -> str:
    values: list[Any] = [document.value for document in documents]
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
