"""A composite action run as GitHub's runner runs one, without GitHub.

Knows inputs and their defaults, expressions, `if`, `env`, the files by which steps talk to the
runner, and bash with the runner's own options. What `uses` another action is noted down, with
what it was given and the files that lay there at that moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.expressions import Scope, runs, substitute

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
TOKEN = "the-token-of-the-job"


@dataclass(frozen=True)
class Done:
    """One step: whether it ran, what it ended with and said, what another action was given."""

    name: str
    ran: bool
    code: int = 0
    log: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Job:
    """What came of the action: its steps by name, its outputs, the summary of the job."""

    steps: dict[str, Done]
    outputs: dict[str, str]
    summary: str

    @property
    def failed(self) -> list[str]:
        return [name for name, step in self.steps.items() if step.code]

    @property
    def code(self) -> int:
        return next((step.code for step in self.steps.values() if step.code), 0)


def run_action(
    inputs: Mapping[str, str],
    workspace: Path,
    *,
    action: Path = ACTION,
    path: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Job:
    """Run every step of an action in a workspace.

    Args:
        inputs: what the workflow says under `with:`.
        workspace: the folder that a job begins in; the runner's own files lie beside it.
        action: the action's metadata; its folder is its checkout.
        path: the PATH of the steps; the environment of these tests first if not given.
        environment: further variables, as a workflow sets them under `env:`.
    """
    metadata = yaml.safe_load(action.read_text())
    runner = workspace.parent / f"{workspace.name}-runner"
    runner.mkdir()
    bare = {
        "PATH": path or f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(runner),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(action.parent),
        "GITHUB_WORKSPACE": str(workspace),
        "RUNNER_TEMP": str(runner),
        **(environment or {}),
    }
    github = {"action_path": str(action.parent), "token": TOKEN}
    contexts: dict[str, Any] = {"github": github, "runner": {"temp": str(runner)}, "steps": {}}
    nothing = Scope(contexts)
    contexts["inputs"] = {
        name: inputs.get(name, substitute(str(told.get("default", "")), nothing))
        for name, told in metadata["inputs"].items()
    }
    assert set(inputs) <= set(contexts["inputs"]), "an input that the action does not have"

    steps: dict[str, Done] = {}
    summary = ""
    for number, step in enumerate(metadata["runs"]["steps"]):
        scope = Scope(contexts, failed=any(one.code for one in steps.values()))
        if not runs(step.get("if"), scope):
            steps[step["name"]] = Done(step["name"], ran=False)
        elif "uses" in step:
            steps[step["name"]] = _noted(step, scope, workspace)
        else:
            files = {
                name: runner / f"{name}-{number}"
                for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
            }
            for file in files.values():
                file.touch()
            told = {name: substitute(str(v), scope) for name, v in step.get("env", {}).items()}
            named = {name: str(file) for name, file in files.items()}
            steps[step["name"]] = _run(step, scope, workspace, runner, bare | named | told)
            outputs = read_commands(files["GITHUB_OUTPUT"].read_text())
            contexts["steps"][step.get("id", f"__{number}")] = {"outputs": outputs}
            bare |= read_commands(files["GITHUB_ENV"].read_text())
            summary += files["GITHUB_STEP_SUMMARY"].read_text()
    told_outputs = {
        name: substitute(output["value"], Scope(contexts))
        for name, output in metadata["outputs"].items()
    }
    return Job(steps, told_outputs, summary)


def read_commands(text: str) -> dict[str, str]:
    """`name=value` lines and `name<<END` blocks, as the runner reads them."""
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, end = line.split("<<", 1)
            block = []
            for inner in lines:
                if inner == end:
                    break
                block.append(inner)
            else:
                raise ValueError(f"{name}: no line {end!r} ends its value")
            values[name] = "\n".join(block)
        elif line:
            name, values[name] = line.split("=", 1)[0], line.split("=", 1)[1]
    return values


def _noted(step: Mapping[str, Any], scope: Scope, workspace: Path) -> Done:
    given = {name: substitute(str(value), scope) for name, value in step["with"].items()}
    place = workspace / given.get("path", given.get("sarif_file", "."))
    inside = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    files = frozenset(str(file.relative_to(workspace)) for file in inside)
    return Done(step["name"], ran=True, given=given, files=files)


def _run(
    step: Mapping[str, Any],
    scope: Scope,
    workspace: Path,
    runner: Path,
    environment: Mapping[str, str],
) -> Done:
    assert step["shell"] == "bash"
    script = runner / "step.sh"
    script.write_text(substitute(step["run"], scope))
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=workspace,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Done(step["name"], ran=True, code=done.returncode, log=done.stdout)
