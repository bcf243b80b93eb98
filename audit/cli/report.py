"""`audit report`: render stored runs again, without a model and without torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from audit.cli.files import AskedFile, file_options


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--format",
    "formats",
    metavar="FORMAT[,FORMAT]",
    help="html, md, json, junit, sarif; of two runs html, md, json  [default: md].",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write report.*, and the pictures it shows, here instead of printing it.",
)
@file_options
@click.option(
    "--model-card",
    "card",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Put the section of a model card into DIR/README.md, and results beside it.",
)
@click.option("--github", is_flag=True, help="Annotations, summary and outputs for a workflow.")
def command(
    runs: tuple[Path, ...],
    formats: str | None,
    out: Path | None,
    card: Path | None,
    github: bool,
    files: tuple[AskedFile, ...],
) -> int:
    """Render RUN, the folder of a run or of a series, or its report.json; or compare two runs.

    Without -o, and unless files were asked for alone, the text goes to stdout. A comparison is
    rendered here and gates nothing: `audit diff` does.
    """
    from audit.errors import UsageError

    if len(runs) > 2:
        raise UsageError(
            f"one run is rendered and two are compared, and here are {len(runs)}; checkpoints of "
            f"one training run make a series: `audit run SUITE -m CHECKPOINT -m CHECKPOINT`"
        )
    asked_alone = formats is None and out is None and (files or card or github)
    names = [] if asked_alone else _names("md" if formats is None else formats)
    _refuse_pages_on_a_terminal(names, out)
    if len(runs) == 2:
        if card or github:
            raise UsageError(f"{'--model-card' if card else '--github'} is of one run, not of two")
        from audit.cli.comparing import compare

        return compare(runs[0], runs[1], names, out, files)
    return _one(runs[0], names, out, files, card, github)


def _one(
    run: Path,
    names: Sequence[str],
    out: Path | None,
    files: tuple[AskedFile, ...],
    card: Path | None,
    github: bool,
) -> int:
    from audit.cli.files import OF_SCORES, SCORES, check_places, refuse, refuse_scores_of_series
    from audit.cli.writing import print_texts, say_written, write_files, write_into
    from reports import render
    from reports.read import read_record
    from reports.series import SeriesReport

    record = read_record(run)
    folder = run if run.is_dir() else run.parent
    if isinstance(record, SeriesReport):
        refuse_scores_of_series(files)
    elif not (folder / SCORES).is_file():
        refuse(files, OF_SCORES, f"there is no {SCORES} beside {folder / 'report.json'}")
    check_places(files)
    if out is None:
        print_texts([render.render(record, name) for name in names])
    else:
        write_into(out, render.files(record, names))
    failed = write_files(files, lambda output: output.make(record, folder))
    if card is not None:
        from audit.cli.model_card import write_model_card

        write_model_card(record, card)
    if github:
        from audit.cli.github import tell_github

        printed = out is None and bool(names)
        failed += tell_github(record, folder, record.exit_code, to_stderr=printed)
    return say_written(files, failed)


def _names(formats: str) -> list[str]:
    names = [name.strip() for name in formats.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one format", param_hint="--format")
    return names


def _refuse_pages_on_a_terminal(names: Sequence[str], out: Path | None) -> None:
    """A page of HTML is read in a browser; a pipe may have it."""
    if "html" in names and out is None and sys.stdout.isatty():
        raise click.UsageError(
            "a page of HTML is nothing to read on a terminal: write it with --html FILE or -o DIR"
        )
