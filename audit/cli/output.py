"""A record that was just made, on stdout; where it was written, on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit.cli import close_stdout

if TYPE_CHECKING:
    from reports.record import AuditReport
    from reports.series import SeriesReport


def show_record(
    report: AuditReport | SeriesReport, folder: Path, *, as_json: bool, quiet: bool
) -> int:
    """Print a record for people or for programs; its exit code."""
    from rich.console import Console

    from reports.series import SeriesReport
    from reports.terminal.audit import print_report
    from reports.terminal.series import print_series

    console = Console(highlight=False)
    try:
        if as_json:
            sys.stdout.write(report.to_json())
        elif isinstance(report, SeriesReport):
            print_series(report, console)
        else:
            print_report(report, console)
    except (BrokenPipeError, SystemExit):  # nobody reads on, and the verdict still gates
        close_stdout()
    if not quiet:
        click.echo(f"report: {folder / 'report.md'}", err=True)
    return report.exit_code
