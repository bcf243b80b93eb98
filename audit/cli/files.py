"""Files that may be asked for beside a run's own folder: one table, the same for every command.

Knows where each is to go and what it is made of; how a format looks is the renderers' business.
A place that cannot be written is found before anything is measured; `writing` writes it.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reports.read import Record

SCORES = "scores.parquet"


@dataclass(frozen=True)
class Output:
    """A kind of file: its option, what is in it, and how it is made of a record and its folder."""

    option: str
    holds: str
    make: Callable[[Record, Path], str | bytes]
    format: str | None = None

    @property
    def parameter(self) -> str:
        """The name under which the option's value comes."""
        return f"file_{self.option.removeprefix('--').replace('-', '_')}"


@dataclass(frozen=True)
class AskedFile:
    """A file that somebody asked for."""

    output: Output
    path: Path


def _of(option: str, format: str, holds: str) -> Output:
    """A file in one of the formats of a report."""

    def make(record: Record, folder: Path) -> str:
        from reports.render import render

        return render(record, format)

    return Output(option, holds, make, format)


def _scores(folder: Path) -> bytes:
    try:
        return (folder / SCORES).read_bytes()
    except OSError as error:
        raise _unreadable(folder, error) from None


def _scores_csv(folder: Path) -> str:
    import pandas as pd

    from audit.errors import UsageError
    from reports.machine.csv_scores import scores_csv

    try:
        frame = pd.read_parquet(folder / SCORES)
    except OSError as error:
        raise _unreadable(folder, error) from None
    except ValueError as error:  # pyarrow's own are of this kind
        raise UsageError(f"{folder / SCORES} is no table of scores: {error}") from None
    return scores_csv(frame)


def _unreadable(folder: Path, error: OSError) -> Exception:
    from audit.errors import UsageError

    return UsageError(f"{folder / SCORES} cannot be read: {error.strerror or error}")


OUTPUTS: tuple[Output, ...] = (
    _of("--html", "html", "The report as one page of HTML."),
    _of("--md", "md", "The report as Markdown."),
    _of("--junitxml", "junit", "Checks as JUnit test cases."),
    _of("--sarif", "sarif", "Findings as SARIF 2.1.0."),
    _of("--json-file", "json", "The record as JSON."),
    Output("--csv", "Every score as CSV.", lambda record, folder: _scores_csv(folder)),
    Output("--parquet", "Every score as Parquet.", lambda record, folder: _scores(folder)),
)
OF_SCORES = frozenset({"--csv", "--parquet"})


def file_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--html FILE` and the others; the command is given them all as `files`."""

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        given = [(output, options.pop(output.parameter)) for output in OUTPUTS]
        files = tuple(AskedFile(output, path) for output, path in given if path is not None)
        return function(*arguments, files=files, **options)

    for output in reversed(OUTPUTS):
        command = click.option(
            output.option,
            output.parameter,
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help=output.holds,
        )(command)
    return command


def refuse(files: Sequence[AskedFile], options: Collection[str], why: str) -> None:
    """Refuse those of these options that were given.

    Raises:
        UsageError: one of them was.
    """
    from audit.errors import UsageError

    given = [file.output.option for file in files if file.output.option in options]
    if given:
        raise UsageError(f"{' and '.join(given)}: {why}")


def refuse_scores_of_series(files: Sequence[AskedFile]) -> None:
    """Refuse tables of scores, of which a series has one for each checkpoint.

    Raises:
        UsageError: one was asked for.
    """
    why = f"a series keeps the scores of each checkpoint by itself, in checkpoints/NAME/{SCORES}"
    refuse(files, OF_SCORES, why)


def check_places(files: Sequence[AskedFile]) -> None:
    """Find out before any work whether every file can be written where it is asked.

    Nothing is left there: missing folders are made with the file.

    Raises:
        UsageError: a place cannot be written, or is asked for twice.
        UnknownFormatError: a format that this installation does not have.
    """
    from audit.errors import UsageError
    from reports.render import renderer

    taken: dict[Path, str] = {}
    for file in files:
        if file.output.format is not None:
            renderer(file.output.format)
        option, target = file.output.option, file.path.resolve()
        if target.exists() and not target.is_file():
            raise UsageError(f"{option} {file.path} is no file: name one that can be replaced")
        if target in taken:
            raise UsageError(f"{taken[target]} and {option} both ask for {file.path}: name two")
        taken[target] = option
        try:
            _try(target)
        except OSError as error:
            raise UsageError(
                f"{option} {file.path} cannot be written: {error.strerror or error}; "
                f"name another place"
            ) from None


def _try(target: Path) -> None:
    """Write where the file will be, or in the nearest folder above that is there."""
    folder = next(parent for parent in target.parents if os.path.lexists(parent))
    with tempfile.TemporaryFile(dir=folder):
        pass
