"""Where a part of a suite was written, as whoever reads the record can find it.

A path relative to the root of the repository is what code hosts put a finding beside; where the
file lies outside of any, its name alone tells least of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from suites.load import LoadedSuite

CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Variables in which a CI service names the root of its checkout."""


def place_of(suite: LoadedSuite, loc: Sequence[str | int]) -> str:
    """Where a part of a suite was written: `suites/deception.yaml:12:3`.

    The path is relative to the root of the CI service's checkout where the file lies in it, else
    to the git checkout that the file lies in, else to the working directory; a file outside of
    all of them goes by its name.
    """
    file, line, column = suite.place_of(loc).rsplit(":", 2)
    return f"{_shown(Path(file))}:{line}:{column}"


def _shown(file: Path) -> str:
    # The written path first: a link that leads out of a checkout was still committed in it.
    spellings = (Path(os.path.normpath(file.absolute())), file.resolve())
    for root in _roots(spellings):
        for spelling in spellings:
            if spelling.is_relative_to(root):
                return spelling.relative_to(root).as_posix()
    return file.name


def _roots(spellings: Sequence[Path]) -> Iterator[Path]:
    """Folders that a path may be relative to, the first that holds the file is taken."""
    for name in CHECKOUTS:
        if os.environ.get(name):
            root = Path(os.environ[name])
            yield from (root.absolute(), root.resolve())
    for spelling in spellings:
        yield from (folder for folder in spelling.parents if (folder / ".git").exists())
    yield from (Path.cwd(), Path.cwd().resolve())
