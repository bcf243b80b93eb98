"""`audit sae explain`: the evidence on features, beside its controls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from audit.cli.options import model_option, sae_options
from audit.exit_codes import ExitCode

if TYPE_CHECKING:
    from audit.features.corpus import Corpus
    from audit.models.loading import LoadedModel
    from probes.sae import SAE
    from reports.features import FeatureCard


@click.command("explain")
@click.argument("path", metavar="PATH")
@model_option
@sae_options
@click.option(
    "--feature", "-f", "features", required=True, metavar="N[,N]", help="Which, by number."
)
@click.option("--suite", metavar="SUITE", help="Read the rows of a suite's check: a file or name.")
@click.option("-k", "expression", metavar="EXPR", help="Which check of the suite.")
@click.option(
    "--event",
    type=click.Choice(["label", "behaviour"]),
    default="label",
    show_default=True,
    help="What features of a suite's rows are held against.",
)
@click.option("--text", metavar="FILE", help="Read texts: .txt with one in a line, or .jsonl.")
@click.option("--hook-name", metavar="NAME", help="Where the SAE reads, if its files do not say.")
@click.option("--other-seed", metavar="PATH", help="An SAE of the same place, of another seed.")
@click.option("--explainer", default="tokens", show_default=True, help="What proposes rules.")
@click.option("--quick", is_flag=True, help="Without searches and interventions.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The cards as JSON on stdout.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write card-N.md and card-N.json there as well.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    path: str,
    model: str,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    sae_format: str | None,
    allow_half: bool,
    features: str,
    suite: str | None,
    expression: str | None,
    event: Literal["label", "behaviour"],
    text: str | None,
    hook_name: str | None,
    other_seed: str | None,
    explainer: str,
    quick: bool,
    seed: int,
    as_json: bool,
    out: Path | None,
    quiet: bool,
) -> int:
    """Say what features of the SAE at PATH are in MODEL: seven arguments and their controls.

    PATH is a folder, a file, a hub id, or model:FOLDER for one in the model's own folder.
    What is read is the rows of one check of a suite, or texts. A suite's labels, or what the
    model does, tell how well a feature goes with the concept, beside a random SAE and a probe.
    Ends with 6 where nothing may be concluded from the SAE on this model.
    """
    from audit.errors import UsageError
    from audit.features.card import explain_features
    from audit.features.opening import open_sae
    from audit.models.loading import load_model

    if (suite is None) == (text is None):
        raise UsageError("give the rows to read: --suite SUITE, or --text FILE")
    numbers = _numbers(features)
    loaded = load_model(model, device=device, dtype=dtype, allow_pickle=allow_pickle)

    def opened(given: str) -> SAE:
        return open_sae(
            given, loaded, sae_format=sae_format, allow_pickle=allow_pickle, allow_half=allow_half
        )

    sae = opened(path)
    other = None if other_seed is None else opened(other_seed)
    corpus = _corpus(loaded, suite, expression, event, text, sae, seed=seed)
    faults = _faults(loaded, sae, corpus, hook_name, seed)
    for fault in faults:
        click.echo(f"nothing may be concluded from this: {fault}", err=True)
    cards = explain_features(
        loaded,
        sae,
        numbers,
        corpus,
        hook_name=hook_name,
        why="asked for by number",
        other_seed=other,
        explain=explainer,
        seed=seed,
        depth="quick" if quick else "full",
        progress=None if quiet else lambda said: click.echo(said, err=True),
    )
    _show(cards, as_json=as_json)
    if out is not None:
        _write(cards, out)
    return ExitCode.INCONCLUSIVE if faults else ExitCode.PASSED


def _faults(
    loaded: LoadedModel, sae: SAE, corpus: Corpus, hook_name: str | None, seed: int
) -> list[str]:
    """Why nothing may be concluded from this SAE on these rows."""
    from audit.features.controls import SAMPLE_TOKENS
    from audit.features.identity import place_of_sae
    from audit.features.opening import check_fidelity
    from audit.features.sampling import token_sample

    place = place_of_sae(sae, hook_name)
    x, target = token_sample(loaded, sae, [corpus], place, most=SAMPLE_TOKENS, seed=seed)
    return check_fidelity(sae, place, x, target).faults


def _numbers(given: str) -> tuple[int, ...]:
    from audit.errors import UsageError

    parts = [part.strip() for part in given.split(",")]
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong:
        raise UsageError(f"--feature takes numbers such as 12,77; found {wrong[0]!r}")
    return tuple(map(int, parts))


def _corpus(
    loaded: LoadedModel,
    suite: str | None,
    expression: str | None,
    event: Literal["label", "behaviour"],
    text: str | None,
    sae: SAE,
    *,
    seed: int,
) -> Corpus:
    from audit.engine.check_corpus import corpus_of_check
    from audit.engine.opening import open_suites, select_checks
    from audit.errors import UsageError
    from audit.features.data import read_corpus

    if suite is None:
        return read_corpus(str(text), loaded, context_size=sae.origin.context_size)
    selected = select_checks(open_suites([suite], seed=seed), seed=seed, expression=expression)
    if len(selected) > 1:
        names = ", ".join(one.id for one in selected)
        raise UsageError(f"{suite} has several checks; name one with -k: {names}")
    return corpus_of_check(selected[0], loaded, event=event)


def _show(cards: list[FeatureCard], *, as_json: bool) -> None:
    import json

    from reports.markdown.card import card_markdown

    if as_json:
        records = [card.model_dump(mode="json") for card in cards]
        sys.stdout.write(json.dumps(records, indent=2, ensure_ascii=True) + "\n")
    else:
        sys.stdout.write("\n".join(card_markdown(card) for card in cards))


def _write(cards: list[FeatureCard], out: Path) -> None:
    import json

    from probes.sae.files import write_atomically
    from reports.markdown.card import card_markdown

    out.mkdir(parents=True, exist_ok=True)
    for card in cards:
        write_atomically(out / f"card-{card.feature}.md", card_markdown(card).encode())
        text = json.dumps(card.model_dump(mode="json"), indent=2, ensure_ascii=True)
        write_atomically(out / f"card-{card.feature}.json", f"{text}\n".encode())
