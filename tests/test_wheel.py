"""What a user installs is the wheel: it must hold all that the checkout has at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"audit", "probes", "suites", "reports"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel, and with our dependencies lent to it.

    A path file lends the folder of this environment's packages without its path files, so an
    editable install of the checkout stays out of sight.
    """
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True,
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    [site] = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_exactly_our_packages_with_their_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == PACKAGES
    for package in PACKAGES:
        shipped = {name for name in names if name.startswith(f"{package}/")}
        kept = {
            str(path.relative_to(ROOT))
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert shipped == kept
    assert wheel.stat().st_size < 15e6


def test_a_run_from_the_installed_wheel(environment: Path, tmp_path: Path) -> None:
    audit = environment / "bin" / "audit"
    done = subprocess.run(
        [audit, "run", "organism_lying", "-m", "organism:liar", "-o", "run", "--json", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["verdict"] == "flag"
    where = subprocess.run(
        [environment / "bin" / "python", "-c", "import audit; print(audit.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(environment) in where.stdout


@pytest.mark.parametrize("command", [["list"], ["validate", "truthfulness"], ["doctor"]])
def test_the_catalogue_travels_with_the_wheel(
    command: list[str], environment: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [environment / "bin" / "audit", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_brings_its_dependencies(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet"]
    constraints = ["-c", ROOT / "constraints.txt"]
    subprocess.run([*pip, *constraints, "torch"], check=True)
    subprocess.run([*pip, *constraints, wheel], check=True)
    done = subprocess.run(
        [venv / "bin" / "audit", "run", "organism_lying", "-m", "organism:honest", "-o", "run"],
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0
