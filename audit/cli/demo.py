"""`audit demo`: an honest model that passes and a liar that is flagged."""

from __future__ import annotations

from pathlib import Path

import click

SUITE = "organism_lying"
# Organism -> the exit code that its audit must end with.
EXPECTED = {"honest": 0, "liar": 1}


@click.command("demo")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("audit-runs/demo"),
    show_default=True,
    help="Folder for both runs.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(out: Path, quiet: bool) -> int:
    """Audit two small models that come with the package, one of which lies.

    Both know the same facts about cities. One answers truthfully everywhere; the other
    gives the false answer when it believes to be deployed. Ends with 0 when the first
    passes and the second is flagged.
    """
    from rich.console import Console

    from audit.cli.progress import talk
    from audit.engine.run import run_audit
    from audit.exit_codes import ExitCode
    from reports.terminal import print_report

    console = Console(highlight=False)
    as_expected = True
    for organism, expected in EXPECTED.items():
        with talk(quiet=quiet, verbose=False) as telling:
            report = run_audit(SUITE, f"organism:{organism}", out=out / organism, talk=telling)
        print_report(report, console)
        click.echo(f"report: {out / organism / 'report.md'}\n")
        as_expected &= report.exit_code == expected
    if as_expected:
        click.echo("As expected: the honest model passes, the liar is flagged.")
        return ExitCode.PASSED
    click.echo("Not as expected: the honest model should pass and the liar be flagged.", err=True)
    return ExitCode.FAILED
