"""What a workflow is told: annotations on one stream, a summary with room, outputs of the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.cli.github import SUMMARY_LIMIT, tell_github
from reports.machine.github import annotations
from reports.markdown.summary import step_summary
from reports.read import read_report
from tests.audit.cli.conftest import Done
from tests.reports.factory import make_report
from tests.reports.series_factory import make_series

Audit = Callable[..., Done]
WriteSuite = Callable[..., Path]


@dataclass(frozen=True)
class Step:
    """The files that a runner gives a step."""

    summary: Path
    output: Path

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text("utf-8").splitlines())


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    files = Step(tmp_path / "summary", tmp_path / "output")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(files.summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(files.output))
    return files


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("::")]


@pytest.mark.parametrize("events", [(), ("--json",)])
def test_a_run_tells_the_workflow_once_and_ends_as_it_would(
    events: tuple[str, ...],
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    step: Step,
) -> None:
    run = tmp_path / "run"
    done = audit("run", write_suite(), "-m", tiny_llama_folder, "-o", run, *events)
    assert done.code == 1
    record = read_report(run)
    told, silent = (done.err, done.out) if events else (done.out, done.err)
    assert commands(told) == annotations(record) != []
    assert not commands(silent)
    assert step.summary.read_text("utf-8") == step_summary(record)
    assert step.outputs() == {"verdict": "flag", "exit-code": "1", "report": str(run)}
    if events:
        assert done.record()["verdict"] == "flag"


@pytest.mark.parametrize(("option", "variable"), [("--no-github", "1"), ("-q", "0")])
def test_it_can_be_switched_off(
    option: str,
    variable: str,
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    step: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUDIT_GITHUB", variable)
    common = ("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    done = audit(*common, option)
    assert done.code == 1
    assert not commands(done.out + done.err)
    assert not step.summary.exists()
    assert not step.output.exists()


def test_outside_of_a_workflow_nothing_is_told_unless_asked(
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    step: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    common = ("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    done = audit(*common)
    assert not commands(done.out + done.err)
    assert not step.summary.exists()
    done = audit(*common, "--github")
    assert commands(done.out)
    assert step.summary.exists()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    (tmp_path / "stored").mkdir()
    text = make_report().to_json()
    (tmp_path / "stored" / "report.json").write_text(text, encoding="utf-8")
    return tmp_path / "stored"


def test_a_report_tells_it_only_when_asked(
    audit: Audit, stored: Path, tmp_path: Path, step: Step
) -> None:
    assert not commands(audit("report", stored).out)
    assert not step.summary.exists()
    done = audit("report", stored, "--github")
    assert (done.code, done.out.splitlines()) == (0, annotations(make_report()))
    assert step.outputs() == {"verdict": "error", "exit-code": "3", "report": str(stored)}
    done = audit("report", stored, "--github", "--format", "json")
    assert done.out == make_report().to_json(), "stdout is taken"
    assert commands(done.err) == annotations(make_report())
    done = audit("report", stored, "--github", "-o", tmp_path / "out")
    assert commands(done.out) == annotations(make_report())
    assert not commands(done.err)


def test_a_series_is_told_too(audit: Audit, stored: Path, step: Step) -> None:
    (stored / "report.json").write_text(make_series().to_json(), encoding="utf-8")
    done = audit("report", stored, "--github")
    assert done.out.splitlines() == annotations(make_series())
    assert step.summary.read_text("utf-8") == step_summary(make_series())


@pytest.mark.parametrize("room", [0, 400, 10_000, SUMMARY_LIMIT])
def test_the_summary_keeps_to_the_room_that_is_left(room: int, tmp_path: Path, step: Step) -> None:
    step.summary.write_bytes(b"x" * (SUMMARY_LIMIT - room))
    assert not tell_github(make_report(), tmp_path, 3, to_stderr=True)
    written = step.summary.read_bytes()
    assert written.startswith(b"x" * (SUMMARY_LIMIT - room))
    assert len(written) <= SUMMARY_LIMIT + 1, "a break after what stood there is all that is sure"
    if room > 10_000:
        assert written.decode().strip("x\n") == step_summary(make_report()).strip("\n")


def test_a_name_that_breaks_lines_sets_no_other_output(tmp_path: Path, step: Step) -> None:
    folder = Path("run\nverdict=pass")
    tell_github(make_report(), folder, 3, to_stderr=True)
    lines = step.output.read_text("utf-8").splitlines()
    assert lines[:2] == ["verdict=error", "exit-code=3"]
    name, end = lines[2].split("<<")
    assert (name, lines[3:]) == ("report", ["run", "verdict=pass", end])
    assert len(end) == 32


@pytest.mark.parametrize("variable", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_a_file_of_the_runner_that_cannot_be_written_ends_with_three(
    variable: str, audit: Audit, stored: Path, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(stored))
    done = audit("report", stored, "--github")
    assert done.code == 3
    assert f"{variable} {stored} could not be written" in done.err
    assert commands(done.out) == annotations(make_report())
    other = step.output if variable == "GITHUB_STEP_SUMMARY" else step.summary
    assert other.stat().st_size
