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
    from reports.render import RENDERERS, pictures, render, write_text_atomic

    record = read_record(run)
    rendered = {name: render(record, name) for name in _names(formats)}
    if out is None:
        for text in rendered.values():
            click.echo(text, nl=False)
        return 0
    out.mkdir(parents=True, exist_ok=True)
    files = {f"report{RENDERERS[name].suffix}": text for name, text in rendered.items()}
    for file, text in (pictures(record) | files).items():
        write_text_atomic(out / file, text)
        click.echo(f"wrote {out / file}", err=True)
    return 0


def _names(formats: str) -> list[str]:
    names = [name.strip() for name in formats.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one format", param_hint="--format")
    return names
