"""How a watch comes by its reference: as it was kept, as it was named, or the first that can be.

The reference stays what it was when the watch first began, even where an earlier checkpoint
comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.engine.assembly import Options
from audit.engine.measuring import Talk
from audit.engine.selected import Selected
from audit.errors import MeasurementError, UsageError
from audit.series.assembly import broken_row
from audit.series.checkpoints import Checkpoint, find_checkpoints
from audit.series.kept_reference import keep_reference, kept_reference, resume_series
from audit.series.origin import Series, begin_at
from reports.series import CheckpointRow
from suites.load import LoadedSuite


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a series needs beside a checkpoint.

    Attributes:
        opened: the suites.
        selected: the checks.
        options: as of a single run.
        folder: of the watch.
        talk: where progress goes.
        reference: what the user calls the reference; the first that can be audited if None.
        base: the model that adapters go on, above what they name.
    """

    opened: tuple[LoadedSuite, ...]
    selected: tuple[Selected, ...]
    options: Options
    folder: Path
    talk: Talk
    reference: str | None
    base: str | None


def begin_watch(
    what: Beginning, found: Sequence[Checkpoint], ready: Sequence[Checkpoint]
) -> tuple[Series | None, list[CheckpointRow]]:
    """The series, or None while it has to wait; and those that could not be its reference.

    Args:
        what: what it is made of.
        found: the checkpoints that are there.
        ready: those of them that are complete.

    Raises:
        UsageError: the kept reference was made of something else, or the named is none.
        MeasurementError: the reference that was named cannot be audited.
    """
    kept = kept_reference(what.folder)
    if kept is not None and kept.given == what.reference:
        series = resume_series(
            kept, what.opened, what.selected, ready, what.folder,
            options=what.options, talk=what.talk,
        )  # fmt: skip
        return series, []
    named = what.reference
    broken = []
    for origin in ready if named is None else [_named(named, what.base, found)]:
        try:
            series = begin_at(
                what.opened, what.selected, origin, what.folder,
                options=what.options, talk=what.talk, bases={},
            )  # fmt: skip
        except MeasurementError as error:
            if named is not None:
                raise MeasurementError(f"the reference cannot be audited: {error}") from error
            broken.append(broken_row(origin, error))
            continue
        keep_reference(series, named)
        return series, broken
    return None, broken


def _named(given: str, base: str | None, found: Sequence[Checkpoint]) -> Checkpoint:
    means = find_checkpoints([given], base=base)
    if len(means) > 1:
        raise UsageError(f"--reference {given} means {len(means)} checkpoints; name one")
    return next((one for one in found if one.place == means[0].place), means[0])
