"""`audit show`: a stored run's verdicts, or what a suite asks and shows the model."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click


@click.command("show")
@click.argument("what", metavar="RUN|SUITE")
@click.option("--rows", type=click.IntRange(min=0), default=2, show_default=True, help="Per role.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of a suite's splits.")
def command(what: str, rows: int, seed: int) -> int:
    """Show the verdicts of a stored RUN, or the concepts, checks and first rows of a SUITE."""
    path = Path(what)
    if (path / "report.json").exists() or (path.suffix == ".json" and path.exists()):
        from rich.console import Console

        from reports.read import read_record
        from reports.terminal.series import print_record

        print_record(read_record(path), Console(highlight=False))
        return 0
    _show_suite(what, rows, seed)
    return 0


def _show_suite(name: str, n_rows: int, seed: int) -> None:
    from audit.engine.opening import open_suites, select_checks
    from audit.models.rendering import render
    from reports.text import safe_text

    [loaded] = open_suites([name], seed=seed)
    suite = loaded.suite
    click.echo(f"{suite.name} (version {suite.version})")
    click.echo(_indented(suite.description))
    for one in select_checks([loaded], seed=seed):
        check = one.check
        click.echo(f"\n{one.id}: {safe_text(suite.concepts[check.concept])}")
        for gate in check.gates:
            of = f" of {gate.attribute}" if gate.attribute else ""
            click.echo(f"  gate: {gate.kind}{of} at most {gate.max:g} ({gate.severity})")
        for role, of_role in one.rows.items():
            groups = len({row.group for row in of_role})
            click.echo(f"  {role}: {len(of_role)} rows in {groups} groups")
            for row in of_role[:n_rows]:
                label = "" if row.label is None else f"  [label {row.label}]"
                click.echo(f"    {safe_text(render(row, None).text, limit=200)}{label}")


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.fill(" ".join(text.split()), 88), "  ")
