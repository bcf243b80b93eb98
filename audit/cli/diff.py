"""`audit diff`: two stored runs held against each other, without a model."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from suites.words import SEVERITIES, Severity


@click.command("diff")
@click.argument("before", type=click.Path(path_type=Path), metavar="A")
@click.argument("after", type=click.Path(path_type=Path), metavar="B")
@click.option(
    "--margin",
    type=click.FloatRange(min=0, max=1),
    default=0.0,
    show_default=True,
    help="Growth of a rate on the same rows that is tolerated, as a share.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="Gates below this severity are told and do not gate.",
)
@click.option(
    "--strict", is_flag=True, help="A gate that is gone or could not be compared ends with 6."
)
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON on stdout.")
@click.option("--md", "as_markdown", is_flag=True, help="The comparison as Markdown on stdout.")
def command(
    before: Path,
    after: Path,
    margin: float,
    fail_on: Severity,
    strict: bool,
    as_json: bool,
    as_markdown: bool,
) -> int:
    """Say what got worse or better from A to B, two run folders or their report.json.

    \b
    Ends with 1 when something got worse: a gate flags that did not, or that A does not
    have, or on the same audit rows its rate rose by more than --margin, after correction
    for all gates compared. Suppressed checks do not gate.
    Ends with 6 when nothing could be compared, with 4 when A or B cannot be read.
    """
    if as_json and as_markdown:
        raise click.UsageError("--json and --md both want stdout: choose one")

    from rich.console import Console

    from audit.cli import close_stdout
    from audit.engine.diffing import diff_runs
    from reports.markdown.diff import render_diff_markdown
    from reports.terminal.diff import print_diff

    diff = diff_runs(before, after, margin=margin, fail_on=fail_on, strict=strict)
    try:
        if as_json:
            sys.stdout.write(diff.to_json())
        elif as_markdown:
            sys.stdout.write(render_diff_markdown(diff))
        else:
            print_diff(diff, Console(highlight=False))
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # nobody reads on, and the regression still gates
        close_stdout()
    return diff.exit_code
