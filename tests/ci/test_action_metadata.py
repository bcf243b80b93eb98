"""action.yml against the schema of actions, and what no schema asks of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.actions import ACTION, ROOT, read_commands
from tests.ci.expressions import Scope, evaluate, runs, substitute

ENVIRONMENT = Path(sys.executable).parent
SCRIPTS = sorted((ROOT / "ci").glob("*.sh"))
METADATA: dict[str, Any] = yaml.safe_load(ACTION.read_text())
STEPS: list[dict[str, Any]] = METADATA["runs"]["steps"]


def _schema(file: Path) -> subprocess.CompletedProcess[str]:
    program = ENVIRONMENT / "check-jsonschema"
    return subprocess.run(
        [program, "--builtin-schema", "vendor.github-actions", file],
        capture_output=True,
        text=True,
        check=False,
    )


def _shellcheck(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENVIRONMENT / "shellcheck", "--shell=bash", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_metadata_follow_the_schema_of_actions() -> None:
    done = _schema(ACTION)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("was", "instead"),
    [
        ("      shell: bash\n", ""),
        ("using: composite", "using: bash"),
        ("\ndescription: ", "\nabout: "),
    ],
)
def test_the_schema_finds_what_is_wrong(was: str, instead: str, tmp_path: Path) -> None:
    broken = tmp_path / "action.yml"
    assert was in ACTION.read_text()
    broken.write_text(ACTION.read_text().replace(was, instead, 1))
    assert _schema(broken).returncode == 1


def test_nothing_a_caller_gives_is_text_of_a_script() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", ""), step["name"]


def test_every_input_is_used_and_described() -> None:
    text = yaml.safe_dump(METADATA["runs"])
    for name, told in METADATA["inputs"].items():
        assert f"inputs.{name}" in text, name
        assert told["description"]
        assert told.get("required") or "default" in told


def test_other_actions_are_pinned_to_a_commit_with_its_version() -> None:
    used = re.findall(r"uses: (\S+)@(\S+)( # v\d+\.\d+\.\d+)?\n", ACTION.read_text())
    assert [name for name, _, _ in used] == [
        "actions/setup-python",
        "actions/upload-artifact",
        "github/codeql-action/upload-sarif",
    ]
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit, _ in used)
    assert all(version for _, _, version in used)


def test_what_follows_the_audit_runs_whatever_came_of_it() -> None:
    after = STEPS[[step["name"] for step in STEPS].index("Audit") + 1 :]
    assert after
    assert all(step["if"].startswith("always()") for step in after)
    assert after[-1]["name"] == "Verdict"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing_in_a_script(script: Path) -> None:
    done = _shellcheck(script.read_text())
    assert done.returncode == 0, done.stdout
    assert "set -euo pipefail" in script.read_text()


def test_shellcheck_finds_nothing_in_a_step() -> None:
    for step in STEPS:
        if "run" in step:
            done = _shellcheck(step["run"])
            assert done.returncode == 0, done.stdout


def test_shellcheck_finds_a_word_that_is_not_quoted() -> None:
    assert _shellcheck("rm $1").returncode == 1


def test_no_script_names_where_packages_come_from() -> None:
    for script in SCRIPTS:
        assert not re.search(r"https?:|--(extra-)?index-url|--find-links", script.read_text())


CONTEXTS = {"inputs": {"on": "true", "name": "It's", "none": ""}, "steps": {}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.on == 'TRUE'", True),
        ("inputs.name == 'it''s' && inputs.none", ""),
        ("inputs.none || 'other'", "other"),
        ("!inputs.none && (inputs.on != 'false' || inputs.none)", True),
        ("steps.never.outputs.ran", None),
        ("success() || failure()", True),
    ],
)
def test_expressions_mean_what_they_do_on_github(expression: str, value: object) -> None:
    assert evaluate(expression, Scope(CONTEXTS)) == value


def test_a_step_that_asks_for_no_state_wants_success() -> None:
    failed = Scope(CONTEXTS, failed=True)
    assert not runs(None, failed)
    assert not runs("inputs.on == 'true'", failed)
    assert runs("always() && inputs.on == 'true'", failed)
    assert runs("${{ always() }}", failed)


@pytest.mark.parametrize("expression", ["inputs.on =", "secret.x", "'open", "inputs.on inputs.on"])
def test_an_expression_that_is_not_understood_is_an_error(expression: str) -> None:
    with pytest.raises(ValueError):
        evaluate(expression, Scope(CONTEXTS))


def test_substitution_quotes_nothing_as_on_github() -> None:
    scope = Scope({"inputs": {"suite": '"; rm x; "'}})
    assert substitute('echo "${{ inputs.suite }}"', scope) == 'echo ""; rm x; ""'


def test_outputs_of_a_step_are_lines_and_blocks() -> None:
    assert read_commands("a=1\nb<<END\nx=2\ny\nEND\na=3\n") == {"a": "3", "b": "x=2\ny"}
    with pytest.raises(ValueError, match="no line 'END'"):
        read_commands("b<<END\nx\n")
