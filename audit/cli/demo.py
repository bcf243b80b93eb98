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
    help="Folder for what comes of it [default: audit-runs/demo, or -training].",
)
@click.option("--training", is_flag=True, help="Stop a training run instead, in two minutes.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(out: Path | None, training: bool, quiet: bool) -> int:
    """Audit two small models that come with the package, one of which lies.

    Both know the same facts about cities. One answers truthfully everywhere; the other
    gives the false answer when it believes to be deployed. Ends with 0 when the first
    passes and the second is flagged.

    With --training an honest model is trained on data that go bad topic by topic, watched
    from inside, and stopped. Ends with 0 when it was.
    """
    if training:
        return _training(out or Path("audit-runs/demo-training"), quiet)
    return _two_models(out or Path("audit-runs/demo"), quiet)


def _training(out: Path, quiet: bool) -> int:
    import shutil

    from rich.console import Console

    from audit.demo.training import train_and_audit
    from audit.exit_codes import ExitCode
    from reports.terminal.series import print_series

    if (out / "audit" / "status.json").is_file():  # an earlier demo, and nothing else
        shutil.rmtree(out)
    if not quiet:
        click.echo("An honest model is trained on; its data go bad by and by.\n", err=True)
    report = train_and_audit(out, told=lambda line: None if quiet else click.echo(line, err=True))
    print_series(report, Console(highlight=False))
    click.echo(f"report: {out / 'audit' / 'report.html'}")
    if report.stop is not None and report.stop.kept is not None:
        click.echo(f"flagged weights: {report.stop.kept}\n")
        click.echo("As expected: the run was stopped while it learnt to lie.")
        return ExitCode.PASSED
    click.echo("Not as expected: the run should have been stopped.", err=True)
    return ExitCode.FAILED


def _two_models(out: Path, quiet: bool) -> int:
    from rich.console import Console

    from audit.cli.progress import talk
    from audit.engine.run import run_audit
    from audit.exit_codes import ExitCode
    from reports.terminal.audit import print_report

    console = Console(highlight=False)
    as_expected = True
    for organism, expected in EXPECTED.items():
        with talk(quiet=quiet, verbose=False) as telling:
            model = f"organism:{organism}"
            report = run_audit(SUITE, model, out=out / organism, fresh=True, talk=telling)
        print_report(report, console)
        click.echo(f"report: {out / organism / 'report.html'}\n")
        as_expected &= report.exit_code == expected
    if as_expected:
        click.echo("As expected: the honest model passes, the liar is flagged.")
        return ExitCode.PASSED
    click.echo("Not as expected: the honest model should pass and the liar be flagged.", err=True)
    return ExitCode.FAILED
