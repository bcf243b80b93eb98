"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from suites.words import SEVERITIES

Command = Callable[..., Any]


def suites_argument(function: Command) -> Command:
    """`SUITE...`: paths or built-in names."""
    return click.argument("suites", nargs=-1, required=True, metavar="SUITE...")(function)


def model_option(function: Command) -> Command:
    """`--model`, with how to load it."""
    return click.option(
        "--model",
        "-m",
        required=True,
        metavar="MODEL",
        help="A local folder, a hub id with @revision, or organism:NAME.",
    )(loading_options(function))


def loading_options(function: Command) -> Command:
    """How a model is loaded."""
    for option in reversed(
        (
            click.option(
                "--device", help="cpu, cuda, cuda:1, mps; the best there is if not given."
            ),
            click.option(
                "--dtype",
                type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
                help="Precision of the weights; the checkpoint's own if not given.",
            ),
            click.option(
                "--allow-pickle", is_flag=True, help="Load pickled weights (weights only)."
            ),
        )
    ):
        function = option(function)
    return function


def fresh_option(function: Command) -> Command:
    """`--fresh`."""
    return click.option(
        "--fresh",
        is_flag=True,
        help="Start over what the folder holds, instead of going on or refusing.",
    )(function)


def selection_options(function: Command) -> Command:
    """`-k`, `--limit` and `--seed`."""
    for option in reversed(
        (
            click.option(
                "-k",
                "expression",
                metavar="EXPR",
                help="Only checks whose suite, id, concept or tags match: 'lying and not slow'.",
            ),
            click.option(
                "--limit",
                type=click.IntRange(min=1),
                metavar="N",
                help="At most N rows per role. The run is marked as partial.",
            ),
            click.option(
                "--seed",
                type=click.IntRange(min=0),
                default=0,
                show_default=True,
                help="Splits and resampling.",
            ),
        )
    ):
        function = option(function)
    return function


def gating_options(function: Command) -> Command:
    """`--fail-on`, `--strict` and `--exit-zero`."""
    for option in reversed(
        (
            click.option(
                "--fail-on",
                type=click.Choice(SEVERITIES),
                default="low",
                show_default=True,
                help="Gates below this severity report and do not gate.",
            ),
            click.option("--strict", is_flag=True, help="Inconclusive ends with 1 instead of 6."),
            click.option("--exit-zero", is_flag=True, help="Report without gating."),
        )
    ):
        function = option(function)
    return function


def sae_options(function: Command) -> Command:
    """`--sae-format` and `--allow-half`."""
    for option in reversed(
        (
            click.option(
                "--sae-format",
                metavar="NAME",
                help="Format of the SAE, where its files alone do not say: `audit list "
                "sae-formats`.",
            ),
            half_option,
        )
    ):
        function = option(function)
    return function


def half_option(function: Command) -> Command:
    """`--allow-half`."""
    return click.option(
        "--allow-half", is_flag=True, help="Read an SAE in half precision as float32."
    )(function)


def json_option(function: Command) -> Command:
    """`--json`, of a command that audits."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Events on stdout, one JSON object a line, and nothing else (docs/events.md).",
    )(function)


def device_map_option(function: Command) -> Command:
    """`--device-map`."""
    return click.option(
        "--device-map",
        type=click.Choice(["auto", "balanced", "balanced_low_0", "sequential"]),
        help="Spread a model that is too large for one GPU over all of this machine's, in place "
        "of --device. Wants accelerate (the extra `training`).",
    )(function)


def ray_option(function: Command) -> Command:
    """`--ray`."""
    return click.option(
        "--ray",
        is_flag=False,
        flag_value="local",
        metavar="[ADDRESS]",
        help="Run the models on a Ray cluster: HOST:PORT, `auto`, or this machine's own cores if "
        "no address is given (docs/scale.md). Wants the extra `ray`.",
    )(function)


def cache_option(function: Command) -> Command:
    """`--no-cache`."""
    return click.option(
        "--no-cache",
        is_flag=True,
        help="Take none of the model's answers from the cache and keep none there (`audit cache`). "
        "A run keeps its own until it is complete; a complete one is read all the same (--fresh "
        "asks anew).",
    )(function)
