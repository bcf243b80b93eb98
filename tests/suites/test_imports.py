from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import suites

HEAVY = {"torch", "numpy", "pandas", "pyarrow", "datasets", "transformers", "sklearn", "scipy"}


def test_the_room_is_light_and_knows_no_other() -> None:
    """A suite is validated without a model, and without what only some formats need."""
    code = "import sys, suites, suites.schema_json; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(suites.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "pydantic" in loaded
    assert not loaded & (HEAVY | {"audit", "probes", "reports"})


def test_public_names_are_there() -> None:
    assert all(hasattr(suites, name) for name in suites.__all__)
