"""`audit sae check`: does an SAE describe this model."""

from __future__ import annotations

import json

import click

from audit.cli.options import model_option, sae_options
from audit.exit_codes import ExitCode


@click.command("check")
@click.argument("path", metavar="PATH")
@model_option
@sae_options
@click.option("--hook-name", metavar="NAME", help="Where it reads, if its files do not say.")
@click.option(
    "--data",
    metavar="FILE",
    help="What the model reads: .txt with one text in a line, .jsonl with a field `text`, or a "
    "suite [default: a built-in suite].",
)
@click.option(
    "--tokens",
    type=click.IntRange(min=1),
    default=4096,
    show_default=True,
    help="Tokens to measure on.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(
    path: str,
    model: str,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    sae_format: str | None,
    allow_half: bool,
    hook_name: str | None,
    data: str | None,
    tokens: int,
    seed: int,
    as_json: bool,
) -> int:
    """Measure an SAE on some thousand tokens: L0, explained variance, cosine, dead features.

    PATH is a folder, a file, a hub id, or model:FOLDER for one in the model's own folder. Ends
    with 6 where nothing may be concluded from it on this model.
    """
    from rich.console import Console

    from audit.features.data import read_corpus
    from audit.features.identity import place_of_sae, sae_info
    from audit.features.opening import check_fidelity, open_sae
    from audit.features.sampling import token_sample
    from audit.models.hook_names import HookPoints
    from audit.models.loading import load_model
    from reports.terminal.features import print_fidelity

    loaded = load_model(model, device=device, dtype=dtype, allow_pickle=allow_pickle)
    sae = open_sae(
        path, loaded, sae_format=sae_format, allow_pickle=allow_pickle, allow_half=allow_half
    )
    place = HookPoints(loaded.model).resolve(place_of_sae(sae, hook_name)).name
    corpus = read_corpus(data or _default_data(model), loaded, context_size=sae.origin.context_size)
    x, target = token_sample(loaded, sae, [corpus], place, most=tokens, seed=seed)
    found = check_fidelity(sae, place, x, target)
    info = sae_info(sae, place)
    if as_json:
        both = {"sae": info.model_dump(mode="json"), "fidelity": found.model_dump(mode="json")}
        click.echo(json.dumps(both, indent=2, ensure_ascii=True))
    else:
        print_fidelity(found, Console(highlight=False), info)
    return ExitCode.INCONCLUSIVE if found.faults else ExitCode.PASSED


def _default_data(model: str) -> str:
    """A built-in suite in words that the model knows."""
    return "organism_lying" if model.startswith("organism:") else "truthfulness"
