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
        ("import suites", {"torch", "transformers", "sklearn", "pandas", "numpy", "pydantic"}),
        ("import suites.load", {"torch", "transformers", "sklearn", "pandas", "numpy"}),
        ("import reports", {"torch", "transformers", "sklearn", "pandas"}),
        ("import probes", {"torch", "transformers", "sklearn", "pandas", "numpy"}),
        ("import probes.fitters", {"torch", "scipy", "sklearn", "pandas", "probes.sae"}),
        ("import audit", {"torch", "transformers", "sklearn", "pandas"}),
        ("import audit.cli", {"torch", "transformers", "sklearn", "pandas", "scipy"}),
    ],
)
def test_an_import_stays_light(code: str, unwanted: set[str]) -> None:
    assert not modules_after(code) & unwanted


def test_the_check_sees_a_heavy_import() -> None:
    assert "pandas" in modules_after("import pandas")


def modules_after_command(*arguments: str) -> set[str]:
    """Names of the modules that a command needs, which ends with 0; its stdout goes to stderr."""
    return modules_after(
        "import contextlib, sys\n"
        "from audit.cli import execute\n"
        "with contextlib.redirect_stdout(sys.stderr):\n"
        f"    assert execute({list(arguments)!r}) == 0"
    )


MODEL = {"torch", "transformers", "safetensors", "huggingface_hub"}
TABLES = {"scipy", "sklearn", "pandas", "pyarrow"}
PAGES = {"jinja2", "reports.render"}
SUITE = {"yaml", "suites.load"}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {*MODEL, *TABLES, *PAGES, *SUITE, "numpy", "pydantic", "rich"}),
        (["--version"], {*MODEL, *TABLES, *PAGES, *SUITE, "numpy", "pydantic", "rich"}),
        (["cache", "list"], {*MODEL, *TABLES, *PAGES, *SUITE, "numpy", "pydantic"}),
        (["list", "organisms"], {*MODEL, *TABLES, *PAGES, *SUITE, "numpy", "pydantic"}),
        (["list"], {*MODEL, *TABLES, *PAGES, "probes.sae"}),
        (["show", "organism_lying"], {*MODEL, *TABLES, *PAGES, "probes.sae", "rich"}),
        (["validate", "organism_lying"], {*MODEL, *TABLES, *PAGES, "probes.sae", "rich"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",  # a set has no order
)
def test_a_command_needs_no_more_than_it_does(arguments: list[str], unwanted: set[str]) -> None:
    assert not modules_after_command(*arguments) & unwanted


def test_a_stored_run_is_shown_and_rendered_with_what_renders_it(tmp_path: Path) -> None:
    stored = str(ROOT / "tests" / "reports" / "older" / "audit.json")
    shown = modules_after_command("show", stored)
    assert not shown & {*MODEL, *TABLES, *PAGES, *SUITE, "numpy"}
    written = modules_after_command("report", stored, "--md", str(tmp_path / "report.md"))
    assert not written & {*MODEL, *TABLES, *SUITE, "numpy"}


def test_the_check_sees_what_a_command_needs() -> None:
    assert {"numpy", "probes.sae"} <= modules_after_command("list", "sae-formats")


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
