"""The end of a command that made a record: verdict, files, workflow, and the exit code.

The verdict comes first, so that a file that cannot be written never hides it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit.cli import close_stdout
from audit.cli.files import AskedFile
from audit.cli.streams import lost_stdout
from audit.cli.writing import say_written, write_files
from audit.exit_codes import ExitCode

if TYPE_CHECKING:
    from audit.cli.events import Told
    from reports.read import Record


@dataclass(frozen=True)
class Manner:
    """How a command tells what it found: to whom, and into which files.

    `told` is there where stdout holds events; `github` where a workflow is told, too.
    """

    files: tuple[AskedFile, ...] = ()
    github: bool = False
    quiet: bool = False
    told: Told | None = None


def finish(record: Record, folder: Path, manner: Manner) -> int:
    """Tell a record that was just made; what the process ends with.

    That is the record's own exit code, or 3 where something that was asked for could not be
    written; then the status of the run says so, too. What lies beside every run and could not be
    drawn is told, and changes no exit code.
    """
    from audit.engine.run_dir import unwritten
    from reports.read import REPORT_FILE

    undrawn = unwritten(folder)

    if manner.told is None:
        show(record)
    else:
        _events(record, manner.told)
    failed = _stdout() + write_files(manner.files, lambda output: output.make(record, folder))
    code = ExitCode.FAILED if failed else ExitCode(record.exit_code)
    if manner.github:
        from audit.cli.github import tell_github

        failed += tell_github(record, folder, code, to_stderr=manner.told is not None)
        code = ExitCode.FAILED if failed else code
    failed += _remembered(folder, failed)
    say_written(() if manner.quiet else manner.files, failed)
    for sentence in undrawn:
        click.echo(f"audit: {sentence}", err=True)
    if not manner.quiet:
        page = folder / "report.html"
        click.echo(f"report: {page if page.exists() else folder / REPORT_FILE}", err=True)
    if manner.told is not None:
        from audit.cli.events import reported

        reported(record, folder, code)
    return code


def _stdout() -> list[str]:
    why = lost_stdout()
    return [] if why is None else [f"stdout could not be written: {why}"]


def _remembered(folder: Path, failed: Sequence[str]) -> list[str]:
    """Have the status of the run say what failed; a sentence where that cannot be written."""
    from audit.engine.run_dir import STATUS, add_unwritten

    if not failed:
        return []
    try:
        add_unwritten(folder, failed, ExitCode.FAILED)
    except OSError as error:
        return [f"{folder / STATUS} could not be written: {error.strerror or error}"]
    return []


def show(record: Record) -> None:
    """Print a record for people; nobody may be reading on, and the verdict still gates."""
    from rich.console import Console

    from reports.terminal.series import print_record

    try:
        print_record(record, Console(highlight=False))
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        close_stdout()


def _events(record: Record, told: Told) -> None:
    from audit.cli.events import checks_of
    from reports.series import SeriesReport

    if isinstance(record, SeriesReport):
        told.rest(record.checkpoints)
    checks_of(record)
