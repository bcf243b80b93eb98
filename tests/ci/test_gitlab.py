"""The job for GitLab: its schema, and its lines in one shell as GitLab's runner runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.actions import ROOT
from tests.ci.programs import AUDITED, calls, stand_in

SNIPPET = ROOT / "ci" / "gitlab.yml"
ENVIRONMENT = Path(sys.executable).parent
JOB: dict[str, Any] = yaml.safe_load(SNIPPET.read_text())["audit"]


def _schema(file: Path) -> subprocess.CompletedProcess[str]:
    program = ENVIRONMENT / "check-jsonschema"
    words = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", file]
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def test_the_job_follows_the_schema_of_gitlab() -> None:
    done = _schema(SNIPPET)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("was", "instead"), [("exit_codes:", "exit_code:"), ("when: always", "when: ever")]
)
def test_the_schema_finds_what_is_wrong(was: str, instead: str, tmp_path: Path) -> None:
    broken = tmp_path / ".gitlab-ci.yml"
    assert was in SNIPPET.read_text()
    broken.write_text(SNIPPET.read_text().replace(was, instead, 1))
    assert _schema(broken).returncode == 1


def test_shellcheck_finds_nothing_in_the_lines() -> None:
    lines = ["#!/bin/bash", *(f"export {name}" for name in JOB["variables"])]
    done = subprocess.run(
        [ENVIRONMENT / "shellcheck", "-"],
        input="\n".join([*lines, *JOB["before_script"], *JOB["script"]]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_what_is_kept_is_where_the_run_is_written() -> None:
    out = JOB["variables"]["AUDIT_OUT"]
    assert JOB["artifacts"]["paths"] == [f"{out}/"]
    assert JOB["artifacts"]["reports"] == {"junit": f"{out}/junit.xml"}
    assert JOB["artifacts"]["when"] == "always"
    assert JOB["allow_failure"] == {"exit_codes": [6]}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our scripts in a repository; what it installs is the audit of these tests."""
    folder = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "ci", folder / "ci")
    (folder / "ci" / "install.sh").write_text(
        f'mkdir -p "$1/bin"; ln -s "${{STAND_IN:-{ENVIRONMENT}/audit}}" "$1/bin/audit"\n'
    )
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "ci"]):
        subprocess.run(["git", "-C", folder, *identity, *words], check=True)
    return folder


def _run_job(source: Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    given = {name: str(value) for name, value in JOB["variables"].items()}
    given = {name: value.replace("$CI_PROJECT_DIR", str(folder)) for name, value in given.items()}
    lines = ["set -eo pipefail", *JOB["before_script"], *JOB["script"]]
    return subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder.parent),
            "TMPDIR": str(folder.parent),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            **given,
            "AUDIT_SOURCE": f"file://{source}",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", [0, 1, 6])
def test_the_job_ends_with_the_exit_code_of_the_audit(
    code: int, source: Path, tmp_path: Path
) -> None:
    audit = stand_in(tmp_path / "bin", "audit", f"{AUDITED}; exit {code}")
    values = {"SUITE": "a b", "MODEL": "m", "FAIL_ON": "high", "BASELINE": "known"}
    variables = {f"AUDIT_{name}": value for name, value in values.items()}
    done = _run_job(source, tmp_path / "work", STAND_IN=str(audit), **variables)
    assert done.returncode == code, done.stderr
    [call] = calls(tmp_path / "bin")
    words = ["--model=m", "--baseline=known", "--fail-on=high", "--", "a", "b"]
    assert (call[:4], call[7:]) == (["audit", "run", "--out=audit-run", "--fresh"], words)


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        ("", "Missing argument 'SUITE...'"),
        ('$(touch pwned)"; touch pwned; "', "is called '$(touch'"),
    ],
)
def test_a_suite_that_is_none_ends_with_4_and_runs_nothing(
    suite: str, said: str, source: Path, tmp_path: Path
) -> None:
    done = _run_job(source, tmp_path / "work", AUDIT_SUITE=suite, AUDIT_MODEL="organism:honest")
    assert done.returncode == 4, done.stderr
    assert said in done.stderr
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.slow
def test_a_liar_fails_the_job_and_leaves_its_report(source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    done = _run_job(source, work, AUDIT_SUITE="organism_lying", AUDIT_MODEL="organism:liar")
    assert done.returncode == 1, done.stderr
    junit = work / JOB["artifacts"]["reports"]["junit"]
    suites = ElementTree.parse(junit).getroot().iter("testsuite")
    assert [suite.get("failures") for suite in suites] == ["1"]
    assert (work / "audit-run" / "report.html").is_file()
