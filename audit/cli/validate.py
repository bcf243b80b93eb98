"""`audit validate`: all that `audit run` would find wrong before it loads a model."""

from __future__ import annotations

import click

from audit.cli.options import suites_argument


@click.command("validate")
@suites_argument
@click.option("--seed", type=int, default=0, show_default=True, help="Of the splits.")
def command(suites: tuple[str, ...], seed: int) -> int:
    """Check SUITE and its data, without a model.

    Every mistake is reported at once, with file, line and column; ends with 4 if there is one.
    """
    from audit.engine.opening import open_suites, select_checks

    opened = open_suites(suites, seed=seed)
    for suite in opened:
        checks = select_checks([suite], seed=seed)
        rows = {row.id for one in checks for of_role in one.rows.values() for row in of_role}
        click.echo(f"{suite.suite.name}: {len(checks)} checks, {len(rows)} rows, no mistakes")
    return 0
