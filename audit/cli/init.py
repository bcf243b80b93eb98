"""`audit init`: a suite of one's own, begun from a built-in one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("audit"))
@click.option(
    "--from",
    "origin",
    default="organism_lying",
    show_default=True,
    metavar="SUITE",
    help="The built-in suite to begin from.",
)
@click.option("--name", help="Name of the new suite [default: my_ORIGIN].")
def command(folder: Path, origin: str, name: str | None) -> int:
    """Write a commented suite and its data to FOLDER, ready to be run and changed."""
    from audit.errors import UsageError
    from reports.render import write_text_atomic
    from suites.builtin import resolve_suite
    from suites.load import load_suite

    source = resolve_suite(origin)
    loaded = load_suite(source)
    new_name = name or f"my_{loaded.suite.name}"
    target = folder / f"{new_name}.yaml"
    files = sorted({spec.path for spec in loaded.suite.datasets.values() if spec.path is not None})
    existing = [path for path in (target, *(folder / file for file in files)) if path.exists()]
    if existing:
        raise UsageError(f"{existing[0]} exists already; name another folder or another --name")
    text = source.read_text(encoding="utf-8")
    renamed = re.sub(r"(?m)^name:.*$", f"name: {new_name}", text, count=1)
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomic(target, renamed)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.parent / file, folder / file)
    click.echo(f"wrote {target}")
    click.echo(f"try it: audit run {target} --model organism:honest", err=True)
    return 0
