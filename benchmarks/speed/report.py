"""Where the figures go: one JSON file, one Markdown table, and the section of the README."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.marks import put_between
from benchmarks.speed.figures import Figure, table
from benchmarks.speed.work import RESULTS, Work
from reports.atomic import write_text_atomic

README = RESULTS.parent / "README.md"
BEGIN, END = "<!-- speed: written by make bench -->", "<!-- end of speed -->"


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The figures of an earlier run, by row; none where there was none."""
    file = folder / "speed.json"
    if not file.is_file():
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(file.read_text(encoding="utf-8"))["rows"]:
        found.setdefault(row["row"], []).append(row)
    return found


def forget(folder: Path) -> None:
    """Begin anew: an earlier run's figures are not shown among this one's."""
    (folder / "speed.json").unlink(missing_ok=True)


def entries(name: str, figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """The figures of a row, as the file holds them."""
    return [{"row": name, **figure.row()} for figure in figures]


def write(rows: Sequence[dict[str, Any]], work: Work) -> None:
    """Write both files into the folder of this work."""
    folder = work.out
    folder.mkdir(parents=True, exist_ok=True)
    content = {"smoke": work.smoke, "threads": 1, "rounds": work.rounds, "rows": list(rows)}
    write_text_atomic(folder / "speed.json", json.dumps(content, indent=1) + "\n")
    write_text_atomic(folder / "speed.md", table(rows))


def write_readme(rows: Sequence[dict[str, Any]]) -> None:
    """Put the table between the marks of the README."""
    put_between(README, BEGIN, END, table(rows))
