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
    help="Write report.* here instead of printing it.",
)
def command(run: Path, formats: str, out: Path | None) -> int:
    """Render RUN, a run's folder or its report.json."""
    from reports.read import read_report
    from reports.render import RENDERERS, render, write_text_atomic

    report = read_report(run)
    rendered = {name: render(report, name) for name in _names(formats)}
    for name, text in rendered.items():
        if out is None:
            click.echo(text, nl=False)
        else:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"report{RENDERERS[name].suffix}"
            write_text_atomic(path, text)
            click.echo(f"wrote {path}", err=True)
    return 0


def _names(formats: str) -> list[str]:
    names = [name.strip() for name in formats.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one format", param_hint="--format")
    return names
