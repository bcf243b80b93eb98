"""The shape of the house: who imports whom, and what an import costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("audit", "probes", "suites", "reports")


def modules_after(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after `code`."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import suites", {"torch", "transformers", "sklearn", "pandas", "numpy"}),
        ("import reports", {"torch", "transformers", "sklearn", "pandas"}),
        ("import probes", {"torch", "transformers", "sklearn", "pandas"}),
        ("import audit", {"torch", "transformers", "sklearn", "pandas"}),
        ("import audit.cli", {"torch", "transformers", "sklearn", "pandas", "scipy"}),
    ],
)
def test_an_import_stays_light(code: str, unwanted: set[str]) -> None:
    assert not modules_after(code) & unwanted


def test_the_check_sees_a_heavy_import() -> None:
    assert "pandas" in modules_after("import pandas")


def test_layers_hold() -> None:
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_no_file_grows_a_second_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long
