"""The action from its first step to its last, with the real audit of models that come with it.

Only the installation is left out, and the service: what `uses` another action is noted down.
"""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.ci.actions import ACTION, ROOT, TOKEN, Job, run_action
from tests.ci.programs import AUDITED, calls, stand_in
from tests.ci.pull_request import Thread, event, served

PUBLISHED = {
    *("report.html", "report.md", "report.json", "junit.xml", "audit.sarif"),
    *("scores.parquet", "manifest.json", "status.json", "journal.jsonl"),
}
HOSTILE = "\"; touch pwned; \"\n$(touch pwned)\n`touch pwned`\n'; touch pwned; '"
EVERYTHING = {"install": "false", "sarif": "true", "suite": "organism_lying"}


def _workspace(factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp("job") / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Job:
    workspace = _workspace(tmp_path_factory)
    return run_action(EVERYTHING | {"model": "organism:honest"}, workspace)


@pytest.fixture(scope="module")
def thread() -> Iterator[Thread]:
    with served(Thread(token=TOKEN)) as kept:
        yield kept


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory, thread: Thread) -> tuple[Job, Path]:
    workspace = _workspace(tmp_path_factory)
    inputs = EVERYTHING | {"model": "organism:liar", "comment": "true"}
    return run_action(inputs, workspace, environment=event(workspace.parent, thread)), workspace


def test_an_honest_model_passes(honest: Job) -> None:
    assert honest.failed == [], honest.steps["Audit"].log
    assert honest.outputs == {"verdict": "pass", "exit-code": "0", "report": "audit-run"}


def test_a_liar_fails_at_the_last_step_and_nowhere_before(liar: tuple[Job, Path]) -> None:
    job, _ = liar
    assert job.failed == ["Verdict"], job.steps["Audit"].log
    assert job.code == 1
    assert list(job.steps)[-1] == "Verdict"
    assert job.outputs == {"verdict": "flag", "exit-code": "1", "report": "audit-run"}


def test_what_is_uploaded_is_the_whole_run(honest: Job, liar: tuple[Job, Path]) -> None:
    for job in (honest, liar[0]):
        upload = job.steps["Upload the run"]
        assert upload.given["name"] == "alignment-audit"
        assert upload.given["path"] == "audit-run"
        assert {f"audit-run/{name}" for name in PUBLISHED} <= upload.files
        findings = job.steps["Upload findings to code scanning"]
        assert findings.given == {"sarif_file": "audit-run/audit.sarif"}
        assert findings.files == {"audit-run/audit.sarif"}


def test_every_file_tells_the_same_verdict(liar: tuple[Job, Path]) -> None:
    job, workspace = liar
    out = workspace / "audit-run"
    record = json.loads((out / "report.json").read_text())
    assert (record["verdict"], record["exit_code"]) == ("flag", 1)
    suites = ElementTree.parse(out / "junit.xml").getroot()
    assert sum(int(suite.get("failures", "0")) for suite in suites.iter("testsuite")) == 1
    [sarif] = json.loads((out / "audit.sarif").read_text())["runs"]
    assert [result["level"] for result in sarif["results"]] == ["error"]
    assert "FLAG" in job.summary.upper()


def test_the_log_holds_annotations_after_commands_were_stopped(liar: tuple[Job, Path]) -> None:
    log = liar[0].steps["Audit"].log
    [token] = re.findall(r"^::stop-commands::([0-9a-f]{32})$", log, re.MULTILINE)
    stopped, told = re.split(rf"^::{token}::$", log, flags=re.MULTILINE)
    assert "organism:liar" in stopped
    assert len(re.findall(r"^::error ", told, re.MULTILINE)) == 1
    assert "::error " not in stopped


def test_the_comment_is_the_report_and_gives_way_to_what_came_of_the_next_run(
    liar: tuple[Job, Path], thread: Thread, tmp_path: Path
) -> None:
    marker = "<!-- alignment-audit comment: alignment-audit -->"
    told = (liar[1] / "audit-run" / "report.md").read_text().split("\n", 1)[1]
    assert thread.bodies == [f"{marker}\n{told}"]
    (tmp_path / "work").mkdir()
    inputs = EVERYTHING | {"suite": "missing.yaml", "model": "organism:liar", "comment": "true"}
    job = run_action(inputs, tmp_path / "work", environment=event(tmp_path, thread))
    assert job.failed == ["Verdict"]
    [body] = thread.bodies
    assert body.startswith(f"{marker}\n# No verdict\n")


def test_the_steps_that_were_not_asked_for_do_not_run(honest: Job) -> None:
    left_out = [name for name, step in honest.steps.items() if not step.ran]
    assert left_out == ["Set up Python", "Install", "Comment"]


def test_a_missing_suite_ends_with_4_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    inputs = EVERYTHING | {"model": "organism:honest", "suite": "suites/missing.yaml"}
    job = run_action(inputs, tmp_path / "work")
    assert job.failed == ["Verdict"]
    assert job.code == 4
    assert job.outputs == {"verdict": "error", "exit-code": "4", "report": "audit-run"}
    assert "suites/missing.yaml: there is no such file" in job.steps["Audit"].log
    assert "a mistake in a suite" in job.summary
    assert not job.steps["Upload findings to code scanning"].ran


def test_a_failure_is_never_read_from_an_earlier_run(
    liar: tuple[Job, Path], tmp_path: Path
) -> None:
    shutil.copytree(liar[1], tmp_path / "work")
    inputs = EVERYTHING | {"model": "organism:honest", "suite": "suites/missing.yaml"}
    job = run_action(inputs, tmp_path / "work")
    assert job.outputs["verdict"] == "error"
    assert not job.steps["Upload findings to code scanning"].ran


def test_hostile_inputs_run_nothing(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    given = {"install": "false", "sarif": "true"}
    hostile = ("suite", "model", "reference", "baseline", "fail-on", "args", "out", "artifact")
    job = run_action(given | dict.fromkeys(hostile, HOSTILE), tmp_path / "work")
    assert job.failed == ["Verdict"]
    assert job.code == 4
    assert job.outputs == {"verdict": "error", "exit-code": "4", "report": HOSTILE}
    assert not list(tmp_path.rglob("*pwned"))


def test_an_input_in_the_text_of_a_script_would_run(tmp_path: Path) -> None:
    """The hostile inputs are hostile: an action that pastes them is taken over by them."""
    (tmp_path / "work").mkdir()
    metadata = yaml.safe_load(ACTION.read_text())
    step = next(step for step in metadata["runs"]["steps"] if step["name"] == "Audit")
    step["run"] = 'echo "${{ inputs.suite }}"'
    careless = tmp_path / "action.yml"
    careless.write_text(yaml.safe_dump(metadata))
    inputs = {"install": "false", "suite": HOSTILE, "model": "m"}
    run_action(inputs, tmp_path / "work", action=careless)
    assert (tmp_path / "work" / "pwned").exists()


def _with_program(then: str, folder: Path, **inputs: str) -> Job:
    """The action with another program in the place of `audit`."""
    (folder / "work").mkdir()
    stand_in(folder / "bin", "audit", then)
    given = EVERYTHING | {"model": "organism:honest"} | inputs
    return run_action(given, folder / "work", path=f"{folder / 'bin'}:/usr/bin:/bin")


@pytest.mark.parametrize("code", [0, 1, 6])
def test_a_program_that_wrote_nothing_audited_nothing(code: int, tmp_path: Path) -> None:
    job = _with_program(f"exit {code}", tmp_path)
    assert job.failed == ["Verdict"]
    assert job.outputs == {"verdict": "error", "exit-code": "3", "report": "audit-run"}
    assert "No verdict" in job.summary


@pytest.mark.parametrize(
    "args", ["--help", "--sarif other.sarif", "-o ga3b\n--exit-zero", "--exit-zero\n-qo other"]
)
def test_args_cannot_move_or_replace_what_is_written(args: str, tmp_path: Path) -> None:
    job = _with_program(AUDITED, tmp_path, args=args)
    assert job.failed == ["Verdict"]
    assert job.outputs == {"verdict": "error", "exit-code": "4", "report": "audit-run"}
    assert "audit: args may not hold -" in job.steps["Audit"].log
    assert not calls(tmp_path / "bin")


def test_a_report_that_cannot_be_copied_or_told_stops_no_step(tmp_path: Path) -> None:
    job = _with_program(f'[ "$1" = run ] && {{ {AUDITED}; exit 0; }}; exit 4', tmp_path)
    assert job.failed == ["Verdict"]
    assert job.outputs == {"verdict": "error", "exit-code": "3", "report": "audit-run"}
    comment = tmp_path / "work-runner" / "alignment-audit-comment.md"
    assert comment.read_text().startswith("# Audited\n")


@pytest.mark.slow
def test_a_severity_below_fail_on_reports_and_does_not_gate(tmp_path: Path) -> None:
    suites = tmp_path / "work" / "suites"
    (suites / "data").mkdir(parents=True)
    shutil.copy(ROOT / "suites" / "data" / "organism_lying.jsonl", suites / "data")
    text = (ROOT / "suites" / "organism_lying.yaml").read_text()
    assert "severity: critical" in text
    (suites / "mild.yaml").write_text(text.replace("severity: critical", "severity: medium"))
    inputs = EVERYTHING | {
        "suite": "suites/*.yaml",
        "model": "organism:liar",
        "fail-on": "high",
        "summary": "false",
        "artifact": "",
        "out": "the run",
    }
    job = run_action(inputs, tmp_path / "work")
    assert job.failed == [], job.steps["Audit"].log
    assert job.outputs == {"verdict": "warn", "exit-code": "0", "report": "the run"}
    assert job.summary == ""
    line = 1 + text[: text.index("- kind: belief_gap")].count("\n")
    assert f"::warning file=suites/mild.yaml,line={line},col=9," in job.steps["Audit"].log
    assert not job.steps["Upload the run"].ran


@pytest.mark.slow
def test_what_the_baseline_knows_does_not_gate(liar: tuple[Job, Path], tmp_path: Path) -> None:
    shutil.copytree(liar[1] / "audit-run", tmp_path / "work" / "known")
    inputs = EVERYTHING | {"model": "organism:liar", "baseline": "known"}
    job = run_action(inputs, tmp_path / "work")
    assert job.failed == [], job.steps["Audit"].log
    assert job.outputs["verdict"] == "warn"
    sarif = json.loads((tmp_path / "work" / "audit-run" / "audit.sarif").read_text())
    assert [result["baselineState"] for result in sarif["runs"][0]["results"]] == ["unchanged"]


def test_a_failed_installation_publishes_nothing_and_fails(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    stand_in(tmp_path / "bin", "python3", "echo no room left; exit 1")
    inputs = {"suite": "organism_lying", "model": "organism:honest"}
    job = run_action(inputs, tmp_path / "work", path=f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert job.failed == ["Install", "Verdict"]
    assert job.steps["Verdict"].code == 3
    assert [name for name, step in job.steps.items() if step.ran] == [
        "Set up Python",
        "Install",
        "Verdict",
    ]
    assert job.steps["Set up Python"].given == {"python-version": "3.11"}


def test_the_program_that_was_installed_is_the_one_that_audits(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    programs = tmp_path / "bin"
    make = 'mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "$0" "$4/bin/audit"'
    stand_in(programs, "python3", f'[ "$3" != venv ] || {{ {make}; }}; [ "$1" != run ] || exit 5')
    inputs = {"suite": "organism_lying", "model": "organism:honest"}
    job = run_action(inputs, tmp_path / "work", path=f"{programs}:/usr/bin:/bin")
    assert job.failed == ["Verdict"]
    assert job.code == 5
    assert [call[0] for call in calls(programs)] == ["python3", "python", "python", "audit"]
