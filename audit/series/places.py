"""The folder of a series: to which request it belongs, and how it is started over.

Checkpoints may be added to a series. Another suite, other data, options or versions, or another
reference, would be another series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.engine.assembly import Options
from audit.engine.leftovers import clear_series_dir
from audit.engine.request import of_watches, request_of
from audit.engine.resuming import MEND, RunFolder, must_be_the_same
from audit.engine.run_dir import begin_run, clear_whole_run, run_dir, write_status
from audit.engine.selected import Selected
from audit.errors import UsageError
from audit.series.kept_reference import kept_reference
from audit.series.origin import Series
from suites.load import LoadedSuite


@dataclass(frozen=True, eq=False)
class SeriesFolder:
    """The folder of a series that this process holds.

    Attributes:
        held: the folder.
        asked: of the series, as far as it is known before any model is.
        options: as they were given, with a cache to keep activations in.
    """

    held: RunFolder
    asked: dict[str, str | int | bool | None]
    options: Options


@contextmanager
def series_folder(
    path: Path,
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    options: Options,
    *,
    fresh: bool,
    say: Callable[[str], None],
) -> Iterator[SeriesFolder]:
    """Hold the folder of a series.

    Raises:
        UsageError: it cannot be had, or is of another series.
    """
    asked = request_of("series", opened, selected, options)
    asked["option dtype"] = options.dtype
    with run_dir(path, fresh=fresh, say=say) as held:
        assert held is not None, "a series has a folder"
        must_be_the_same(held, asked)
        yield SeriesFolder(held, asked, options)


def must_be_held_against(place: SeriesFolder, given: str | None) -> None:
    """Refuse a reference that is not called what the one that is kept was called.

    Raises:
        UsageError: it is another.
    """
    kept = None if place.held.fresh else kept_reference(place.held.path)
    if kept is not None and kept.given != given:
        raise UsageError(
            f"{place.held.path} holds another audit (reference: was "
            f"{kept.given or 'not given'}, is {given or 'not given'}): {MEND}"
        )


def start_over(place: SeriesFolder) -> None:
    """Say that the series is at work again; where that was asked for, from nothing."""
    if place.held.fresh:
        clear_series_dir(place.held.path, clear_whole_run)
    place.held.begun = True
    write_status(place.held.path, "running")


def begin_in(place: SeriesFolder, series: Series) -> None:
    """Note what the series is held against.

    Raises:
        UsageError: the folder is of a series with another reference.
    """
    reference = {**series.against, **of_watches(series.reference.watches)}
    names = {"reference weights": series.origin.name}
    must_be_the_same(place.held, reference, names)
    if not place.held.begun:
        start_over(place)
    begin_run(place.held, {**place.asked, **reference}, names)
