"""Rewrite the data of the built-in suites: `python -m suites.authoring [SUITE...]`."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "data"

Record = Mapping[str, Any]


def authors() -> list[str]:
    """Modules that write data: those of this package with a function `files`."""
    package = Path(__file__).parent
    names = [module.name for module in pkgutil.iter_modules([str(package)])]
    return sorted(
        name
        for name in names
        if not name.startswith("_")
        and hasattr(importlib.import_module(f"suites.authoring.{name}"), "files")
    )


def rendered(author: str) -> dict[str, str]:
    """File name -> content, as JSON lines, for one author."""
    files: Mapping[str, Iterable[Record]] = importlib.import_module(
        f"suites.authoring.{author}"
    ).files()
    return {
        name: "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        for name, records in files.items()
    }


def main(names: list[str]) -> None:
    """Write the files of the named authors, or of all."""
    for author in names or authors():
        for name, content in rendered(author).items():
            (DATA / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
