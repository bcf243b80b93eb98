"""`audit sae discover`: features that go with what a model does, named by nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from audit.cli.options import model_option, sae_options
from audit.exit_codes import ExitCode

if TYPE_CHECKING:
    from torch import Tensor

    from audit.engine.selected import Selected
    from audit.features.corpus import Corpus
    from audit.models.loading import LoadedModel
    from probes.sae import SAE
    from reports.features import Discovery, FeatureChanges
    from suites.rows import Row
    from suites.schema import Role

SAMPLE_TOKENS = 4096  # that set the thresholds of the random SAE


@click.command("discover")
@click.argument("suite", metavar="SUITE")
@model_option
@click.option("--sae", "path", required=True, metavar="PATH", help="A folder, file or hub id.")
@click.option("-k", "expression", metavar="EXPR", help="Which check of the suite.")
@click.option(
    "--role",
    type=click.Choice(["train", "validation", "control", "audit"]),
    default="audit",
    show_default=True,
    help="Whose rows.",
)
@click.option(
    "--event",
    type=click.Choice(["behaviour", "label"]),
    help="What features are held against [default: behaviour, if the check has one].",
)
@click.option(
    "--reference", metavar="MODEL", help="Which features are more active than in this model."
)
@click.option(
    "--tokens",
    type=click.Choice(["all", "last"]),
    default="all",
    show_default=True,
    help="Which tokens of a row are read.",
)
@click.option("--pooling", type=click.Choice(["max", "mean"]), default="max", show_default=True)
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--fdr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Share of false finds that is borne with.",
)
@click.option("--hook-name", metavar="NAME", help="Where the SAE reads, if its files do not say.")
@sae_options
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The record on stdout, nothing else.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the record there as well.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    suite: str,
    model: str,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    path: str,
    expression: str | None,
    role: Literal["train", "validation", "control", "audit"],
    event: Literal["behaviour", "label"] | None,
    reference: str | None,
    tokens: Literal["all", "last"],
    pooling: Literal["max", "mean"],
    top: int,
    fdr: float,
    hook_name: str | None,
    sae_format: str | None,
    allow_half: bool,
    seed: int,
    as_json: bool,
    out: Path | None,
    quiet: bool,
) -> int:
    """List features of an SAE that fire where MODEL misbehaves on a check of SUITE.

    One half of the groups chooses, the other tests; all features are in the correction for
    many tests. With --reference, features that are more active in MODEL than in the other one
    on the same rows, whatever either does. Ends with 6 where nothing may be concluded from the
    SAE on this model.
    """
    from audit.features.opening import open_sae
    from audit.models.loading import load_model

    one = _selected(suite, expression, seed)
    how: dict[str, Any] = {"device": device, "dtype": dtype, "allow_pickle": allow_pickle}
    loaded = load_model(model, **how)
    sae = open_sae(
        path, loaded, sae_format=sae_format, allow_pickle=allow_pickle, allow_half=allow_half
    )
    asked: dict[str, Any] = {
        "hook_name": hook_name,
        "top": top,
        "fdr": fdr,
        "pooling": pooling,
        "seed": seed,
        "confidence": one.check.confidence,
        "progress": None if quiet else _told(),
    }
    record: Discovery | FeatureChanges
    if reference is not None:
        before = load_model(reference, **how)
        record, faults = _changes(one, role, before, loaded, sae, tokens, asked)
    else:
        record, faults = _discovery(one, role, event, loaded, sae, tokens, asked)
    _show(record, as_json=as_json)
    if out is not None:
        from probes.sae.files import write_atomically

        write_atomically(out, _json(record).encode())
    return ExitCode.INCONCLUSIVE if faults else ExitCode.PASSED


def _selected(suite: str, expression: str | None, seed: int) -> Selected:
    from audit.engine.opening import open_suites, select_checks
    from audit.errors import UsageError

    selected = select_checks(open_suites([suite], seed=seed), seed=seed, expression=expression)
    if len(selected) > 1:
        names = ", ".join(one.id for one in selected)
        raise UsageError(f"{suite} has several checks; name one with -k: {names}")
    return selected[0]


def _discovery(
    one: Selected,
    role: Literal["train", "validation", "control", "audit"],
    event: Literal["behaviour", "label"] | None,
    loaded: LoadedModel,
    sae: SAE,
    tokens: Literal["all", "last"],
    asked: dict[str, Any],
) -> tuple[Discovery, list[str]]:
    from dataclasses import replace

    from audit.engine.check_corpus import corpus_of_check, rows_by_behaviour
    from audit.features.discover import discover_features
    from audit.features.sampling import without_outliers
    from probes.sae.controls import random_sae

    notes = []
    if event is None and one.check.behaviour is None:
        notes.append("the check names no behaviour: features are held against the label")
    by = event or ("label" if one.check.behaviour is None else "behaviour")
    rows: dict[Role, tuple[Row, ...]] = {**dict.fromkeys(one.rows, ()), "audit": one.rows[role]}
    if by == "behaviour":
        if role != "control":  # where the model misbehaves on every row, controls stand beside
            rows["control"] = one.rows["control"]
        corpus, said = rows_by_behaviour(replace(one, rows=rows), loaded)
        notes += said
    else:
        corpus = corpus_of_check(replace(one, rows=rows), loaded, event="label")
    x, faults = _checked(loaded, sae, corpus, asked)
    sae = without_outliers(sae, x)
    found = discover_features(
        loaded,
        sae,
        corpus.narrowed(tokens),
        control=random_sae(sae, x, random_state=asked["seed"]),
        notes=[*faults, *notes],
        **asked,
    )
    return found, faults


def _changes(
    one: Selected,
    role: Literal["train", "validation", "control", "audit"],
    reference: LoadedModel,
    loaded: LoadedModel,
    sae: SAE,
    tokens: Literal["all", "last"],
    asked: dict[str, Any],
) -> tuple[FeatureChanges, list[str]]:
    from audit.features.changed import changed_features
    from audit.features.corpus import corpus_of_rows
    from audit.features.sampling import without_outliers
    from audit.models.tokens import encode_rows

    rows = one.rows[role]
    encoded = encode_rows(
        rows,
        loaded.tokenizer,
        context_length=loaded.context_length,
        truncation=one.suite.suite.truncation,
    )
    corpus = corpus_of_rows(rows, encoded)
    x, faults = _checked(loaded, sae, corpus, asked)
    found = changed_features(
        reference, loaded, without_outliers(sae, x), corpus.narrowed(tokens), **asked
    )
    return found.model_copy(update={"notes": [*faults, *found.notes]}), faults


def _checked(
    loaded: LoadedModel, sae: SAE, corpus: Corpus, asked: dict[str, Any]
) -> tuple[Tensor, list[str]]:
    """Some tokens of the rows, and why nothing may be concluded from this SAE on them."""
    from audit.features.identity import place_of_sae
    from audit.features.opening import check_fidelity
    from audit.features.sampling import token_sample

    place = place_of_sae(sae, asked["hook_name"])
    x, target = token_sample(loaded, sae, [corpus], place, most=SAMPLE_TOKENS, seed=asked["seed"])
    said = check_fidelity(sae, place, x, target).faults
    return x, [f"nothing may be concluded from this: {fault}" for fault in said]


def _told() -> Any:
    """A line on stderr at each doubling of the tokens that ran."""
    next_ = 65_536

    def told(done: int) -> None:
        nonlocal next_
        if done >= next_:
            click.echo(f"{done:,} tokens read", err=True)
            next_ = 2 * done

    return told


def _show(record: Discovery | FeatureChanges, *, as_json: bool) -> None:
    from rich.console import Console

    from reports.features import Discovery
    from reports.terminal.features import print_changes, print_discovery
    from reports.text import inert_json

    if as_json:
        sys.stdout.write(inert_json(_json(record)))
        return
    console = Console(highlight=False)
    if isinstance(record, Discovery):
        print_discovery(record, console)
    else:
        print_changes(record, console)


def _json(record: Discovery | FeatureChanges) -> str:
    return record.model_dump_json(indent=2) + "\n"
