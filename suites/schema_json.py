"""The JSON Schema of a suite, for editors: `python -m suites.schema_json` writes it anew.

It accepts whatever `load_suite` accepts. It cannot hold what needs two fields, another file
or the data; those mistakes only the loader finds.
"""

from __future__ import annotations

import json
from pathlib import Path

from suites.schema import Suite

PATH = Path(__file__).resolve().parent / "schema.json"


def schema_text() -> str:
    """The schema as it is published: indented, with a newline at its end."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= Suite.model_json_schema(by_alias=True, mode="validation")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schema(path: Path = PATH) -> None:
    """Write the schema where the package publishes it, or elsewhere."""
    path.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    write_schema()
