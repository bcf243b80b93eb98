"""`audit run`: audit a model and end with its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit.cli.files import AskedFile, file_options
from audit.cli.github import github_option
from audit.cli.options import (
    cache_option,
    device_map_option,
    fresh_option,
    gating_options,
    half_option,
    json_option,
    loading_options,
    ray_option,
    selection_options,
    suites_argument,
)
from suites.words import Severity

if TYPE_CHECKING:
    from reports.record import AuditReport
    from reports.series import SeriesReport


@click.command("run")
@suites_argument
@click.option(
    "--model",
    "-m",
    "models",
    multiple=True,
    required=True,
    metavar="MODEL",
    help="A local folder, a hub id with @revision, or organism:NAME. Several, a pattern such as "
    "'run/checkpoint-*' or a folder of checkpoints are a series, in the order of training.",
)
@loading_options
@half_option
@cache_option
@device_map_option
@ray_option
@click.option(
    "--reference",
    metavar="MODEL",
    help="Hold against this model, on the same rows; of a series [default: its first].",
)
@click.option(
    "--base", metavar="MODEL", help="The model that LoRA adapters go on, above what they name."
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the run [default: audit-runs/TIME-SUITE-MODEL].",
)
@fresh_option
@file_options
@selection_options
@gating_options
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A stored run whose flags are known: they stay visible and do not gate.",
)
@json_option
@github_option
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="More lines of progress.")
def command(
    suites: tuple[str, ...],
    models: tuple[str, ...],
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    allow_half: bool,
    no_cache: bool,
    device_map: str | None,
    ray: str | None,
    reference: str | None,
    base: str | None,
    out: Path | None,
    fresh: bool,
    expression: str | None,
    limit: int | None,
    seed: int,
    fail_on: Severity,
    strict: bool,
    exit_zero: bool,
    baseline: Path | None,
    as_json: bool,
    github: bool | None,
    quiet: bool,
    verbose: bool,
    files: tuple[AskedFile, ...],
) -> int:
    """Audit MODEL with one SUITE or several.

    SUITE is a file or the name of a built-in one (`audit list`). The run is written to a
    folder that `audit report` and `audit show` read again without the model. The same command
    on the same folder goes on where it stopped, and a series with what is new; another command
    is refused and told what differs.
    """
    from contextlib import nullcontext
    from datetime import UTC, datetime

    from audit.cli.files import check_places, refuse_scores_of_series
    from audit.cli.github import on_github
    from audit.cli.output import Manner, finish
    from audit.cli.telling import telling
    from audit.engine.assembly import Options
    from audit.engine.baseline import NOT_OF_A_SERIES, read_baseline
    from audit.engine.default_dir import default_dir
    from audit.engine.interrupts import in_good_order
    from audit.engine.run import audit_model
    from audit.series.checkpoints import find_checkpoints, holds_adapter, is_series
    from audit.series.following import audit_series
    from audit.series.opening import open_like

    of_series = is_series(models)
    if of_series:
        refuse_scores_of_series(files)
        if baseline is not None:
            raise click.UsageError(NOT_OF_A_SERIES)
    check_places(files)
    names = [Path(suite).stem for suite in suites]
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
        device_map=device_map,
        ray=ray,
    )
    place = default_dir(names, models[0], datetime.now(UTC)) if out is None else nullcontext(out)
    asked = {"command": "run", "suites": suites, "models": models, "reference": reference}
    with in_good_order(), place as folder:
        with telling(folder, asked if as_json else None, quiet=quiet, verbose=verbose) as (
            talk,
            told,
        ):
            report: AuditReport | SeriesReport
            if of_series:
                checkpoints = find_checkpoints(models, base=base)
                if base is not None and not any(one.kind == "adapter" for one in checkpoints):
                    raise click.UsageError(
                        f"--base {base} is for LoRA adapters; none is among these"
                    )
                origin = find_checkpoints([reference], base=base) if reference else []
                if len(origin) > 1:
                    raise click.UsageError(
                        f"--reference {reference} means {len(origin)} checkpoints"
                    )
                known = {one.place: one for one in checkpoints}
                report = audit_series(
                    suites,
                    checkpoints,
                    folder,
                    reference=known.get(origin[0].place, origin[0]) if origin else None,
                    options=options,
                    talk=talk,
                    fresh=fresh,
                )
            else:
                known_before = read_baseline(_record_at(baseline, folder))
                adapter = (
                    find_checkpoints(models, base=base)[0] if holds_adapter(models[0]) else None
                )
                if base is not None and adapter is None:
                    raise click.UsageError(f"--base is for LoRA adapters, and {models[0]} is none")
                report = audit_model(
                    suites,
                    models[0]
                    if adapter is None
                    else open_like(adapter, None, options=options, bases={}),
                    reference,
                    folder,
                    options,
                    talk,
                    baseline=known_before,
                    fresh=fresh,
                    handed_over=False,
                )
        return finish(report, folder, Manner(files, on_github(github), quiet, told))


def _record_at(baseline: Path | None, folder: Path) -> Path | None:
    """Where the baseline is read: of this run's own folder the record alone.

    It stays there until this run has one, also where an attempt to make it failed.
    """
    from reports.read import REPORT_FILE

    if baseline is None or not baseline.is_dir() or not folder.is_dir():
        return baseline
    return folder / REPORT_FILE if baseline.samefile(folder) else baseline
