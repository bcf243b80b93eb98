"""`audit report`: render a stored run again, without a model and without torch."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--format",
    "formats",
    default="md",
    show_default=True,
    metavar="FORMAT[,FORMAT]",
    help="md, json.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write report.*, and the pictures it shows, here instead of printing it.",
)
def command(run: Path, formats: str, out: Path | None) -> int:
    """Render RUN, the folder of a run or of a series, or its report.json."""
    from reports.read import read_record
    from reports.render import files, render, write_text_atomic

    record, names = read_record(run), _names(formats)
    if out is None:
        for text in [render(record, name) for name in names]:
            click.echo(text, nl=False)
        return 0
    rendered = files(record, names)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in rendered.items():
        write_text_atomic(out / name, text)
        click.echo(f"wrote {out / name}", err=True)
    return 0


def _names(formats: str) -> list[str]:
    names = [name.strip() for name in formats.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one format", param_hint="--format")
    return names
