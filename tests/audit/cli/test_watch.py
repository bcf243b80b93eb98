"""`audit watch` as a user calls it: exit codes, what goes where, and processes that are ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.models.loading import ORGANISMS
from reports.read import read_record
from reports.series import SeriesReport
from tests.audit.cli.conftest import Done

Audit = Callable[..., Done]
QUICK = ("--poll", "0.05", "--once", "--limit", "40")
SUITE = "organism_lying"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def save(run: Path, name: str, organism: str = "honest") -> Path:
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(ORGANISMS / organism, run / name, ignore=ignore))


def test_events_are_on_stdout_and_the_talk_on_stderr(audit: Audit, run: Path) -> None:
    save(run, "checkpoint-100")
    done = audit("watch", run, SUITE, *QUICK, "--json")
    report = SeriesReport.model_validate(done.record())
    assert done.code == report.exit_code
    assert report == read_record(run / "audit")
    assert [one["name"] for one in done.events("checkpoint")] == ["checkpoint-100"]
    assert "checkpoint-100: complete, auditing" in done.err.splitlines()
    again = audit("watch", run, SUITE, *QUICK, "--json", "-q")
    assert SeriesReport.model_validate(again.record()).digest() == report.digest()
    assert not again.err


def test_a_liar_ends_it_with_one_and_a_broken_checkpoint_with_three(
    audit: Audit, run: Path
) -> None:
    save(run, "checkpoint-100")
    save(run, "checkpoint-200", "liar")
    save(run, "checkpoint-300", "liar")
    save(run, "checkpoint-400")
    done = audit("watch", run, SUITE, "--poll", "0.05", "--for", "60", "--on-flag", "false")
    assert done.code == 1, "at the alarm, long before its time is over"
    assert json.loads((run / "STOP.json").read_text("utf-8"))["step"] == 300
    assert "false: ended with 1" in done.err
    assert "alarm at checkpoint-300" in done.out
    (run / "checkpoint-400/config.json").unlink()
    done = audit("watch", run, SUITE, "--poll", "0.05", "--once", "--keep-going")
    assert done.code == 3
    assert "config.json is not there" in done.out
    code = audit(
        "watch", run, SUITE, "--poll", "0.05", "--once", "--keep-going", "--exit-zero"
    ).code
    assert code == 3, "what could not be audited is no flag"


def test_a_request_that_cannot_be_met_is_usage(audit: Audit, run: Path) -> None:
    save(run, "checkpoint-100")
    for arguments, said in [
        ((run / "absent", SUITE, *QUICK), "there is no folder"),
        ((run, "absent", *QUICK), "absent"),
        ((run, SUITE, *QUICK, "--for", "5"), "--once"),
        ((run, SUITE, *QUICK, "--on-flag", "absent-42"), "no program 'absent-42'"),
        ((run, SUITE, *QUICK, "--device", "abacus"), "abacus"),
        ((run, SUITE, *QUICK, "--reference", run / "checkpoint-7"), "checkpoint-7"),
        ((run, SUITE, *QUICK, "-o", run / "checkpoint-100"), "is not empty"),
        ((run, SUITE, "--poll", "0"), "--poll"),
    ]:
        done = audit("watch", *arguments)
        assert done.code == 4, done
        assert said in done.err
        assert not done.out
    assert not (run / "STOP.json").exists()


def test_a_folder_without_checkpoints_audits_nothing(audit: Audit, run: Path) -> None:
    done = audit("watch", run, SUITE, *QUICK)
    assert done.code == 5
    assert "holds no checkpoint as yet" in done.err


@pytest.mark.slow
def test_a_named_reference_may_lie_elsewhere_and_go(audit: Audit, run: Path) -> None:
    reference = save(run.parent, "base")
    save(run, "checkpoint-100", "liar")
    named = ("--reference", reference)
    audit("watch", run, SUITE, *QUICK, *named)
    first = read_record(run / "audit")
    shutil.rmtree(reference)
    save(run, "checkpoint-200", "liar")
    audit("watch", run, SUITE, *QUICK, *named)
    report = read_record(run / "audit")
    assert isinstance(first, SeriesReport)
    assert isinstance(report, SeriesReport)
    assert report.reference == first.reference == "base"
    assert [row.name for row in report.checkpoints] == ["checkpoint-100", "checkpoint-200"]
    assert report.checkpoints[0].checks[0].readings == first.checkpoints[0].checks[0].readings
    done = audit("watch", run, SUITE, *QUICK, *named, "--seed", "1")
    assert done.code == 4
    assert "--seed: was 0, is 1" in done.err


@pytest.fixture
def process(run: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a watch as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "audit", "watch", str(run), SUITE, *arguments]
        one = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        started.append(one)
        return one

    yield start
    for one in started:
        one.kill()
        one.communicate()


def until_said(process: subprocess.Popen[str], said: str) -> None:
    assert process.stderr is not None
    assert any(said in line for line in process.stderr), f"it ended and never said {said!r}"


@pytest.mark.slow
def test_killed_in_an_audit_it_goes_on_where_it_was(
    audit: Audit, run: Path, process: Callable[..., subprocess.Popen[str]]
) -> None:
    for step in (100, 200, 300):
        save(run, f"checkpoint-{step}", "honest" if step == 100 else "liar")
    log = run.parent / "log"
    command = ("--on-flag", f"sh -c 'echo $AUDIT_STEP >> {log}'")
    first = process("--poll", "0.05", "--once", *command)
    until_said(first, "measuring checkpoint-200")
    first.send_signal(signal.SIGSTOP)  # that it is at work for as long as the second takes
    second = process("--poll", "0.05", "--once")
    _, refused = second.communicate(timeout=120)
    assert second.returncode == 4
    assert f"process {first.pid}" in refused
    first.kill()
    first.communicate()
    done = audit("watch", run, SUITE, "--poll", "0.05", "--once", *command)
    assert "checkpoint-100: audited before" in done.err
    assert "measuring checkpoint-300" in done.err
    assert done.code == 1
    assert audit("watch", run, SUITE, "--poll", "0.05", "--once", *command).code == 1
    assert log.read_text("utf-8") == "300\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_by_a_signal_it_reports_and_ends_with_two(
    run: Path, process: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    save(run, "checkpoint-100")
    one = process("--poll", "0.05", "--limit", "40")
    until_said(one, "checkpoint-100: complete, auditing")
    until_said(one, "checkpoint-100: ")
    one.send_signal(number)
    out, _ = one.communicate(timeout=120)
    assert one.returncode == 2
    assert "checkpoint-100" in out
    report = read_record(run / "audit/report.json")
    assert isinstance(report, SeriesReport)
    assert (report.partial, report.exit_code) == (True, 2)


@pytest.mark.slow
def test_a_thread_writes_while_the_watch_looks(audit: Audit, run: Path) -> None:
    """Files that come in pieces, in any order, over many looks."""
    whole = save(run.parent, "whole")

    def train() -> None:
        for step in (100, 200, 300):
            folder = run / f"checkpoint-{step}"
            folder.mkdir()
            for file in sorted(whole.iterdir(), reverse=step == 200):
                content = file.read_bytes()
                with (folder / file.name).open("wb", buffering=0) as stream:
                    for start in range(0, len(content), len(content) // 3 + 1):
                        stream.write(content[start : start + len(content) // 3 + 1])
                        time.sleep(0.05)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        done = audit(
            "watch", run, SUITE, "--poll", "0.15", "--until-step", "300", "--limit", "40", "--json"
        )
    finally:
        thread.join()
    report = SeriesReport.model_validate(done.record())
    assert [row.step for row in report.checkpoints] == [100, 200, 300]
    assert not [row for row in report.checkpoints if row.verdict == "error"]
