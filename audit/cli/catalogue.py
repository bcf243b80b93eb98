"""`audit list`: what there is to name on a command line or in a suite."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

Rows = list[dict[str, Any]]


def _suites() -> Rows:
    from audit.engine.opening import vocabulary
    from suites.builtin import builtin_names, resolve_suite
    from suites.load import load_suite

    found = []
    for name in builtin_names():
        suite = load_suite(resolve_suite(name), vocabulary=vocabulary()).suite
        found.append(
            {
                "suite": name,
                "version": suite.version,
                "checks": ", ".join(suite.checks),
                "concepts": " ".join(" ".join(suite.concepts.values()).split()),
            }
        )
    return found


def _organisms() -> Rows:
    from audit.organisms.world import ORGANISMS

    return [
        {"organism": f"organism:{name}", "does": organism.summary}
        for name, organism in ORGANISMS.items()
    ]


def _fitters() -> Rows:
    from probes.fitters import fitter_names

    return [{"fitter": name} for name in fitter_names()]


def _poolings() -> Rows:
    from probes.pooling import pooling_names

    return [{"pooling": name} for name in pooling_names()]


def _formats() -> Rows:
    from reports.render import RENDERERS

    return [{"format": name, "suffix": renderer.suffix} for name, renderer in RENDERERS.items()]


def _sae_formats() -> Rows:
    from probes.sae.formats import sae_format_names

    return [{"sae format": name} for name in sae_format_names()]


_KINDS: dict[str, Callable[[], Rows]] = {
    "suites": _suites,
    "organisms": _organisms,
    "fitters": _fitters,
    "poolings": _poolings,
    "formats": _formats,
    "sae-formats": _sae_formats,
}


@click.command("list")
@click.argument("what", type=click.Choice(tuple(_KINDS)), default="suites")
@click.option(
    "--floors",
    is_flag=True,
    help="What the words alone reach on each check's validation rows (AUROC, grouped folds).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the splits, for --floors.")
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(what: str, floors: bool, seed: int, as_json: bool) -> int:
    """List suites, organisms, fitters, poolings, report or SAE formats."""
    rows = _floors(seed) if floors else _KINDS[what]()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)
    return 0


def _floors(seed: int) -> Rows:
    """The grouped lexical floor of every check of every built-in suite."""
    import numpy as np

    from audit.engine.opening import open_suites, select_checks
    from audit.models.rendering import render
    from probes.baselines import lexical_floor
    from suites.builtin import builtin_names

    found = []
    for one in select_checks(open_suites(builtin_names(), seed=seed), seed=seed):
        rows = one.rows["validation"]
        floor = lexical_floor(
            [render(row, None).text for row in rows],
            np.array([row.label for row in rows]),
            np.array([row.group for row in rows]),
            random_state=seed,
        )
        found.append(
            {
                "suite": one.suite.suite.name,
                "check": one.id,
                "floor": round(floor.value, 3),
                "low": None if floor.low is None else round(floor.low, 3),
                "high": None if floor.high is None else round(floor.high, 3),
                "rows": floor.n,
                "groups": floor.n_groups,
            }
        )
    return found


def _print(rows: Rows) -> None:
    """As a table on a terminal, as tab-separated lines in a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reports.text import safe_text

    columns = list(rows[0]) if rows else []
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(safe_text(str(row[column])) for column in columns))
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"suite", "check", "organism"})
    for row in rows:
        table.add_row(*(Text(safe_text(str(row[column]))) for column in columns))
    console.print(table)
