"""`audit run`: audit a model and end with its verdict."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from audit.cli import close_stdout
from audit.cli.options import half_option, model_option, selection_options, suites_argument
from suites.schema import SEVERITIES, Severity


@click.command("run")
@suites_argument
@model_option
@half_option
@click.option("--reference", metavar="MODEL", help="Compare with this model, on the same rows.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the run [default: audit-runs/TIME-SUITE-MODEL].",
)
@selection_options
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="Gates below this severity report and do not gate.",
)
@click.option("--strict", is_flag=True, help="Inconclusive ends with 1 instead of 6.")
@click.option("--exit-zero", is_flag=True, help="Report without gating.")
@click.option("--json", "as_json", is_flag=True, help="The record on stdout, nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="More lines of progress.")
def command(
    suites: tuple[str, ...],
    model: str,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    allow_half: bool,
    reference: str | None,
    out: Path | None,
    expression: str | None,
    limit: int | None,
    seed: int,
    fail_on: Severity,
    strict: bool,
    exit_zero: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Audit MODEL with one SUITE or several.

    SUITE is a file or the name of a built-in one (`audit list`). The run is written to a
    folder that `audit report` and `audit show` read again without the model.
    """
    from datetime import UTC, datetime

    from rich.console import Console

    from audit.cli.progress import talk
    from audit.engine.assembly import Options
    from audit.engine.run import run_audit
    from audit.engine.run_dir import default_run_dir
    from reports.terminal import print_report

    names = [Path(suite).stem for suite in suites]
    folder = out or default_run_dir(names, model, datetime.now(UTC))
    with talk(quiet=quiet, verbose=verbose) as telling:
        report = run_audit(
            suites,
            model,
            reference=reference,
            out=folder,
            options=Options(
                seed=seed,
                expression=expression,
                limit=limit,
                fail_on=fail_on,
                strict=strict,
                exit_zero=exit_zero,
                device=device,
                dtype=dtype,
                allow_pickle=allow_pickle,
                allow_half=allow_half,
            ),
            talk=telling,
        )
    try:
        if as_json:
            sys.stdout.write(report.to_json())
        else:
            print_report(report, Console(highlight=False))
    except (BrokenPipeError, SystemExit):  # nobody reads on, and the verdict still gates
        close_stdout()
    if not quiet:
        click.echo(f"report: {folder / 'report.md'}", err=True)
    return report.exit_code
