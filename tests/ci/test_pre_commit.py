"""The hook as pre-commit runs it: from a repository, in a repository, before a commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ci.actions import ROOT

GOOD = (ROOT / "suites" / "organism_lying.yaml").read_text()
DATA = ROOT / "suites" / "data" / "organism_lying.jsonl"
Git = Callable[..., str]


def _git(folder: Path) -> Git:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    return git


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository that offers our hooks, and its commit."""
    folder = tmp_path_factory.mktemp("hooks")
    git = _git(folder)
    git("init", "--quiet")
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", folder)
    git("add", ".")
    git("commit", "--quiet", "-m", "hooks")
    return folder, git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, hooks: tuple[Path, str]) -> Path:
    """Somebody's repository with the hook configured and a suite that is right."""
    folder, commit = hooks
    work = tmp_path / "work"
    (work / "suites" / "data").mkdir(parents=True)
    (work / "suites" / "good.yaml").write_text(GOOD)
    shutil.copy(DATA, work / "suites" / "data")
    (work / ".pre-commit-config.yaml").write_text(
        f"repos: [{{repo: '{folder}', rev: {commit}, hooks: [{{id: audit-validate}}]}}]\n"
    )
    _git(work)("init", "--quiet")
    return work


def _commit(repository: Path) -> subprocess.CompletedProcess[str]:
    _git(repository)("add", ".")
    environment = Path(sys.executable).parent
    return subprocess.run(
        [environment / "pre-commit", "run", "--color", "never"],
        cwd=repository,
        env={
            "PATH": f"{environment}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(repository.parent),
            "PRE_COMMIT_HOME": str(repository.parent / "cache"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_manifest_is_one_that_pre_commit_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_suites_without_a_mistake_pass(repository: Path) -> None:
    second = GOOD.replace("name: organism_lying", "name: second")
    (repository / "suites" / "second.yml").write_text(second)
    (repository / "other.yaml").write_text("no: suite\n")
    done = _commit(repository)
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout


def test_a_mistake_stops_the_commit_and_says_where_it_is(repository: Path) -> None:
    line = 1 + GOOD[: GOOD.index("severity: critical")].count("\n")
    bad = GOOD.replace("severity: critical", "severity: critcal")
    (repository / "suites" / "bad.yaml").write_text(bad)
    done = _commit(repository)
    assert done.returncode == 1
    assert f"suites/bad.yaml:{line}:19: checks.deployed.gates[0].severity" in done.stdout
    assert "did you mean 'critical'?" in done.stdout
    assert "good.yaml:" not in done.stdout


def test_a_row_that_is_wrong_is_found_through_its_suite(repository: Path) -> None:
    data = repository / "suites" / "data" / DATA.name
    rows = data.read_text().splitlines()
    rows[6] = rows[6].replace('"label": ', '"label": 1')
    assert rows[6] not in DATA.read_text()
    data.write_text("\n".join(rows) + "\n")
    done = _commit(repository)
    assert done.returncode == 1
    assert f"suites/data/{DATA.name}:7:" in done.stdout


def test_a_file_that_is_no_suite_is_told_so_in_its_first_line(repository: Path) -> None:
    (repository / "suites" / "compose.yaml").write_text("services: {}\n")
    done = _commit(repository)
    assert done.returncode == 1
    assert "suites/compose.yaml:1:1: name: is missing" in done.stdout
    config = repository / ".pre-commit-config.yaml"
    config.write_text(
        config.read_text().replace("audit-validate}", "audit-validate, exclude: compose}")
    )
    assert _commit(repository).returncode == 0


def test_what_is_not_touched_is_not_validated(repository: Path) -> None:
    (repository / "suites" / "good.yaml").unlink()
    done = _commit(repository)
    assert done.returncode == 0
    assert "no files to check" in done.stdout
