"""What ci/audit.sh makes of its variables: each value one word, whatever is in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.ci.actions import ROOT
from tests.ci.programs import AUDITED, calls, stand_in

FILES = ["--junitxml=audit-run/junit.xml", "--sarif=audit-run/audit.sarif"]
ALWAYS = ["audit", "run", "--out=audit-run", "--fresh", *FILES, "--html=audit-run/report.html"]
HOSTILE = [
    '"; touch pwned; "',
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "${IFS}x;touch${IFS}pwned",
    "--exit-zero",
    "-- --exit-zero",
    "|| touch pwned",
    "\\",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    stand_in(tmp_path / "bin", "audit", AUDITED)
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def _run(workspace: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", ROOT / "ci" / "audit.sh"],
        cwd=workspace,
        env={"PATH": f"{workspace.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def _words(workspace: Path, **variables: str) -> list[str]:
    """The words that `audit` was called with, after those that are always there."""
    done = _run(workspace, **variables)
    assert done.returncode == 0, done.stderr
    [call] = calls(workspace.parent / "bin")
    assert call[: len(ALWAYS)] == ALWAYS
    assert not (workspace / "pwned").exists()
    return call[len(ALWAYS) :]


def test_every_variable_has_its_option(workspace: Path) -> None:
    words = _words(
        workspace,
        AUDIT_SUITE="organism_lying\n  suites/a.yaml suites/b.yaml\n",
        AUDIT_MODEL="run/step 1\n\n  run/step-2\r\n",
        AUDIT_REFERENCE="released",
        AUDIT_BASELINE="audits/known run",
        AUDIT_FAIL_ON="high",
        AUDIT_STRICT="true",
        AUDIT_ARGS="--limit 20\n-k lying and not slow\n--base=my base\n--allow-pickle\n",
    )
    options = ["--model=run/step 1", "--model=run/step-2", "--reference=released"]
    options += ["--baseline=audits/known run", "--fail-on=high", "--strict"]
    further = ["--limit", "20", "-k", "lying and not slow", "--base=my base", "--allow-pickle"]
    suites = ["organism_lying", "suites/a.yaml", "suites/b.yaml"]
    assert words == [*options, *further, "--", *suites]


def test_what_is_empty_is_not_asked_for(workspace: Path) -> None:
    assert _words(workspace, AUDIT_STRICT="false", AUDIT_ARGS="", AUDIT_SUITE="a") == ["--", "a"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["MODEL", "REFERENCE", "BASELINE", "FAIL_ON"])
def test_a_value_stays_one_word_behind_its_option(name: str, value: str, workspace: Path) -> None:
    option = name.lower().replace("_", "-")
    words = _words(workspace, **{f"AUDIT_{name}": value})
    assert words == [f"--{option}={value}", "--"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_suite_is_never_a_command_or_an_option(value: str, workspace: Path) -> None:
    assert _words(workspace, AUDIT_SUITE=value) == ["--", *value.split()]


@pytest.mark.parametrize("value", [value for value in HOSTILE if not value.startswith("-")])
def test_a_further_option_is_never_a_command(value: str, workspace: Path) -> None:
    assert _words(workspace, AUDIT_ARGS=value) == [value, "--"]


def test_a_pattern_means_the_files_it_matches(workspace: Path) -> None:
    (workspace / "suites").mkdir()
    for name in ("b.yaml", "a b.yaml", "c.txt"):
        (workspace / "suites" / name).touch()
    suites = "suites/*.yaml none/*.yaml"
    assert _words(workspace, AUDIT_SUITE=suites) == [
        "--",
        "suites/a b.yaml",
        "suites/b.yaml",
        "none/*.yaml",
    ]


def test_strict_is_true_or_false(workspace: Path) -> None:
    done = _run(workspace, AUDIT_STRICT="yes")
    assert done.returncode == 4
    assert done.stderr == "audit: strict must be true or false, not 'yes'\n"
    assert not calls(workspace.parent / "bin")


@pytest.mark.parametrize("code", range(7))
def test_the_exit_code_is_that_of_the_audit(code: int, workspace: Path) -> None:
    stand_in(workspace.parent / "bin", "audit", f"{AUDITED}; exit {code}")
    assert _run(workspace).returncode == code


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    ("code", "ends"), [(0, 3), (1, 3), (6, 3), (2, 2), (3, 3), (4, 4), (5, 5), (120, 3), (137, 3)]
)
def test_no_code_says_what_was_found_where_nothing_was(
    code: int, ends: int, earlier: bool, workspace: Path
) -> None:
    if earlier:
        (workspace / "audit-run").mkdir()
        (workspace / "audit-run" / "report.json").write_text("{}")
    stand_in(workspace.parent / "bin", "audit", f"exit {code}")
    done = _run(workspace)
    assert done.returncode == ends
    assert (f"{code}" in done.stderr) == (code != ends)


RESERVED = ["-o", "--out", "--sarif", "--junitxml", "--html", "--md", "--json-file"]
RESERVED += ["--help", "-h", "--version"]


@pytest.mark.parametrize("option", RESERVED)
@pytest.mark.parametrize("form", ["{}", "{} other", "{}=other", "--strict\n  {}\tother"])
def test_what_is_written_and_where_is_not_for_args(option: str, form: str, workspace: Path) -> None:
    done = _run(workspace, AUDIT_ARGS=form.format(option))
    assert done.returncode == 4
    assert done.stderr.startswith(f"audit: args may not hold {option}: ")
    assert not calls(workspace.parent / "bin")


@pytest.mark.parametrize("flags", ["-qo ga3b", "-vqo=ga3b", "-oga3b", "-qh"])
def test_nor_behind_flags_of_one_letter(flags: str, workspace: Path) -> None:
    assert _run(workspace, AUDIT_ARGS=flags).returncode == 4
    assert not calls(workspace.parent / "bin")


@pytest.mark.parametrize("line", ["-k lying or honest", "-khonest", "-q", "--csv o.csv", "help"])
def test_what_only_looks_like_it_is(line: str, workspace: Path) -> None:
    name, _, value = line.partition(" ")
    assert _words(workspace, AUDIT_ARGS=line) == [name, *([value] if value else []), "--"]


def test_files_of_an_earlier_run_are_not_read_as_those_of_this_one(workspace: Path) -> None:
    out = workspace / "audit-run"
    out.mkdir()
    for name in ("junit.xml", "audit.sarif", "report.html", "report.json"):
        (out / name).write_text("earlier")
    stand_in(workspace.parent / "bin", "audit", "exit 4")
    assert _run(workspace).returncode == 4
    assert [file.read_text() for file in out.iterdir()] == ["earlier"]
    assert (out / "report.json").stat().st_mtime < 1e9, "it could be the baseline, and is no news"


@pytest.mark.parametrize("planted", [False, True])
def test_modules_of_the_checkout_are_not_run(planted: bool, tmp_path: Path) -> None:
    """The installation begins in a folder whose `venv` and `pip` a stranger wrote."""
    for name in ("venv", "pip", "ensurepip", "json"):
        (tmp_path / "work" / name).mkdir(parents=True)
        for module in ("__init__", "__main__"):
            text = f"open({str(tmp_path / 'ran')!r}, 'a').write('{name}.{module} ')\n"
            (tmp_path / "work" / name / f"{module}.py").write_text(text)
    words = ["python3", "-m", "venv", tmp_path / "venv"]
    if not planted:
        words = ["bash", ROOT / "ci" / "install.sh", tmp_path / "venv"]
    environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "HOME": str(tmp_path)}
    done = subprocess.run(
        words, cwd=tmp_path / "work", env=environment, capture_output=True, text=True, check=False
    )
    assert (tmp_path / "ran").exists() is planted, "it is hostile, and finds no way in"
    assert planted or "ERROR: Cannot install torch" in done.stderr


def test_torch_is_installed_first_and_all_of_it_as_constrained(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    make = '[ "$3" != venv ] || { mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; }'
    stand_in(programs, "python3", make)
    subprocess.run(
        ["bash", ROOT / "ci" / "install.sh", tmp_path / "new one"],
        env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        check=True,
    )
    made, *installed = calls(programs)
    assert made == ["python3", "-I", "-m", "venv", str(tmp_path / "new one")]
    pip = ["python", "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constrained = ["-c", str(ROOT / "constraints.txt")]
    assert installed == [[*pip, *constrained, "torch"], [*pip, *constrained, str(ROOT)]]


@pytest.mark.slow
def test_the_installed_program_audits(tmp_path: Path) -> None:
    subprocess.run(["bash", ROOT / "ci" / "install.sh", tmp_path / "venv"], check=True)
    done = subprocess.run(
        ["bash", ROOT / "ci" / "audit.sh"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AUDIT_COMMAND": str(tmp_path / "venv" / "bin" / "audit"),
            "AUDIT_SUITE": "organism_lying",
            "AUDIT_MODEL": "organism:honest",
        },
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "audit-run" / "junit.xml").is_file()
