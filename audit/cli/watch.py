"""`audit watch`: audit the checkpoints of a run while it makes them."""

from __future__ import annotations

from pathlib import Path

import click

from audit.cli.files import AskedFile, file_options
from audit.cli.github import github_option
from audit.cli.options import (
    cache_option,
    fresh_option,
    gating_options,
    half_option,
    json_option,
    loading_options,
    selection_options,
    suites_argument,
)
from suites.words import Severity


@click.command("watch")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@suites_argument
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="OUT",
    help="Folder of the report [default: DIR/audit].",
)
@click.option(
    "--reference",
    metavar="MODEL",
    help="Hold against this model [default: the first checkpoint that can be audited].",
)
@click.option(
    "--base", metavar="MODEL", help="The model that LoRA adapters go on, above what they name."
)
@click.option(
    "--poll",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks; a checkpoint is complete when two of them agree.",
)
@click.option("--once", is_flag=True, help="Audit what is there and end.")
@click.option(
    "--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="End after so long."
)
@click.option(
    "--until-step",
    type=click.IntRange(min=0),
    metavar="N",
    help="End with the checkpoint of this step or a later one.",
)
@click.option(
    "--on-flag",
    "on_flag",
    metavar="COMMAND",
    help="Run once on an alarm, without a shell; it finds AUDIT_STEP, AUDIT_CHECKPOINT, "
    "AUDIT_REASON, AUDIT_REPORT and AUDIT_STOP_FILE in its environment.",
)
@click.option(
    "--stop-file/--no-stop-file",
    default=True,
    help="Write DIR/STOP.json on an alarm [default: yes].",
)
@click.option("--keep-going", is_flag=True, help="Go on watching after an alarm.")
@fresh_option
@file_options
@loading_options
@half_option
@cache_option
@selection_options
@gating_options
@json_option
@github_option
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    folder: Path,
    suites: tuple[str, ...],
    out: Path | None,
    reference: str | None,
    base: str | None,
    poll: float,
    once: bool,
    seconds: float | None,
    until_step: int | None,
    on_flag: str | None,
    stop_file: bool,
    keep_going: bool,
    fresh: bool,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    allow_half: bool,
    no_cache: bool,
    expression: str | None,
    limit: int | None,
    seed: int,
    fail_on: Severity,
    strict: bool,
    exit_zero: bool,
    as_json: bool,
    github: bool | None,
    quiet: bool,
    files: tuple[AskedFile, ...],
) -> int:
    """Audit each new checkpoint in DIR with one SUITE or several, once it is complete.

    The report in OUT grows with the run. An alarm of the suite's policy writes DIR/STOP.json,
    runs the command of --on-flag, and ends the watch with 1. The same command begun again goes
    on: nothing is audited and no command run twice. An alarm under `on_flag: stop` stands; one
    under `on_flag: pause` is acknowledged by beginning again; one under `on_flag: warn` is
    only told. Without an end (--once, --for, --until-step) it goes on until it is interrupted
    and ends with 2.
    """
    from audit.cli.files import check_places, refuse_scores_of_series
    from audit.cli.github import on_github
    from audit.cli.output import Manner, finish
    from audit.cli.telling import telling
    from audit.engine.assembly import Options
    from audit.engine.interrupts import in_good_order
    from audit.series.actions import Actions, parse_command
    from audit.series.watching import Asked, watch

    if once and (seconds is not None or until_step is not None):
        raise click.UsageError("--once is an end already; leave --for and --until-step away")
    refuse_scores_of_series(files)
    check_places(files)
    asked = Asked(
        folder=folder,
        out=out or folder / "audit",
        reference=reference,
        base=base,
        poll=poll,
        seconds=0.0 if once else seconds,
        until_step=until_step,
        keep_going=keep_going,
        actions=Actions(stop_file, parse_command(on_flag) if on_flag is not None else ()),
    )
    options = Options(
        seed=seed,
        expression=expression,
        limit=limit,
        fail_on=fail_on,
        strict=strict,
        exit_zero=exit_zero,
        device=device,
        dtype=dtype,
        allow_pickle=allow_pickle,
        allow_half=allow_half,
        cache=not no_cache,
    )
    said = {"command": "watch", "suites": suites, "models": [folder], "reference": reference}
    with in_good_order():
        with telling(asked.out, said if as_json else None, quiet=quiet, verbose=False) as (
            talk,
            told,
        ):
            report = watch(suites, asked, options=options, talk=talk, fresh=fresh)
        return finish(report, asked.out, Manner(files, on_github(github), quiet, told))
