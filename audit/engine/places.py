"""Where a part of a suite was written, as whoever reads the record can find it.

A path relative to the root of the repository is what code hosts put a finding beside; where the
file lies outside of any, its name alone tells least of the machine. A suite that comes with the
package is named as such: its path in another repository would be another file's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from suites.builtin import FOLDER
from suites.load import LoadedSuite

CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Variables in which a CI service names the root of its checkout."""
BUILTIN = "builtin:"
"""Before the name of a suite that comes with the package, in the place of a path."""


def place_of(suite: LoadedSuite, loc: Sequence[str | int]) -> str:
    """Where a part of a suite was written: `suites/deception.yaml:12:3`.

    The path is relative to the root of the CI service's checkout where one is named, else to the
    git checkout that the file lies in, else to the working directory; a file outside of these goes
    by its name. A built-in suite is `builtin:deception:12:3`, which is no path, except in the
    checkout of this project itself.
    """
    file, line, column = suite.place_of(loc).rsplit(":", 2)
    return f"{_shown(Path(file))}:{line}:{column}"


def _shown(file: Path) -> str:
    # The written path first: a link that leads out of a checkout was still committed in it.
    spellings = (Path(os.path.normpath(file.absolute())), file.resolve())
    if spellings[1].parent == FOLDER and not _at_home():
        return f"{BUILTIN}{file.stem}"
    for root in _roots(spellings):
        for spelling in spellings:
            if spelling.is_relative_to(root):
                return spelling.relative_to(root).as_posix()
    return file.name


def _at_home() -> bool:
    """Whether the checkout that is worked in is the one that holds the built-in suites."""
    home = FOLDER.parent
    named = [Path(root).resolve() for root in map(os.environ.get, CHECKOUTS) if root]
    places = named or [Path.cwd().resolve()]
    return (home / ".git").exists() and any(place.is_relative_to(home) for place in places)


def _roots(spellings: Sequence[Path]) -> Iterator[Path]:
    """Folders that a path may be relative to, the first that holds the file is taken.

    In a CI service's checkout a path of any other repository would name another file.
    """
    named = [Path(root) for root in map(os.environ.get, CHECKOUTS) if root]
    if named:
        yield from (path for root in named for path in (root.absolute(), root.resolve()))
        return
    for spelling in spellings:
        yield from (folder for folder in spelling.parents if (folder / ".git").exists())
    yield from (Path.cwd(), Path.cwd().resolve())
