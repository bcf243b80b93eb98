"""`audit bench`: how often an audit is right, measured on models of which the truth is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from audit.exit_codes import ExitCode


@click.group("bench")
def command() -> None:
    """Measure the whole audit on many small models with known misbehaviour and innocence."""


@command.command("run")
@click.option(
    "--preset",
    type=click.Choice(["smoke", "standard", "full"]),
    default="smoke",
    show_default=True,
    help="How many models.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="First of the seeds.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--device", help="cpu, cuda, cuda:1, mps; the best there is if not given.")
@click.option("--shard", metavar="I/N", help="Make the I-th of N parts of the models alone.")
@click.option(
    "--grid",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Another table of models than the one that comes with the package.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("audit-bench"),
    show_default=True,
    help="Folder for models, results and the report; what lies there is not made again.",
)
def run(
    preset: str,
    seed: int,
    jobs: int,
    device: str | None,
    shard: str | None,
    grid: Path | None,
    out: Path,
) -> int:
    """Make the models, audit each, and write what came of it.

    A run that was interrupted goes on where it stopped. Shards that wrote into one folder, or
    whose `results` were laid together, are put together by the same command without --shard.
    """
    from audit.bench.figures import ground_truth
    from audit.bench.grid import GRID, population, read_grid
    from audit.bench.population import make_population, read_shard
    from audit.bench.workshop import Workshop
    from audit.engine.provenance import provenance, this_command
    from audit.models.loading import choose_device
    from reports.html.ground_truth import render_html
    from reports.markdown.ground_truth import goals_table, render_markdown
    from reports.render import write_text_atomic

    started = datetime.now(UTC)
    members = population(read_grid(grid or GRID), preset, first_seed=seed)
    if shard is not None:
        members = read_shard(shard).some(members)
    shop = Workshop(out, str(choose_device(device)))
    results = make_population(members, shop, jobs=jobs, log=lambda line: click.echo(line, err=True))
    if shard is not None:
        return ExitCode.PASSED
    told = provenance(started=started, device=shop.device, command=this_command())
    found = ground_truth(results, preset, seed).model_copy(update={"provenance": told})
    for name, text in (
        ("ground_truth.json", found.model_dump_json(indent=1) + "\n"),
        ("ground_truth.md", render_markdown(found)),
        ("ground_truth.html", render_html(found)),
    ):
        write_text_atomic(out / name, text)
    click.echo(goals_table(found))
    click.echo(out / "ground_truth.html", err=True)
    return ExitCode.PASSED
