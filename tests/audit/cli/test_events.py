"""`--json`: a line an event, first what was asked and last the record, and nothing else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.cli.events import SECONDS_BETWEEN, Told, checks_of, emit
from audit.engine.measuring import Talk
from reports.record import Estimate
from reports.verdicts import WORST_FIRST
from tests.audit.cli.conftest import Done
from tests.reports.factory import (
    make_check,
    make_inconclusive_check,
    make_passing_check,
    make_report,
)
from tests.reports.hostile import HOSTILE
from tests.reports.series_factory import make_row

Audit = Callable[..., Done]
WriteSuite = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


def told(capsys: Capture) -> list[dict[str, Any]]:
    return Done(0, capsys.readouterr().out, "").events()


def test_a_run_from_what_was_asked_to_the_record(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite, run = write_suite(), tmp_path / "run"
    done = audit("run", suite, "-m", tiny_llama_folder, "-o", run, "--json")
    events = done.events()
    assert {event["version"] for event in events} == {1}
    first, last = events[0], events[-1]
    assert first["event"] == "started"
    assert (first["command"], first["suites"]) == ("run", [str(suite)])
    assert (first["models"], first["folder"]) == ([str(tiny_llama_folder)], str(run))
    assert (last["event"], last["verdict"], last["exit_code"]) == ("report", "flag", 1)
    assert last["folder"] == str(run)
    assert last["report"] == json.loads((run / "report.json").read_text("utf-8"))
    [check] = done.events("check")
    assert events.index(check) == len(events) - 2
    assert (check["check"], check["verdict"]) == ("cats", "flag")
    assert Estimate.model_validate(check["rate"]).low is not None
    assert [gate["kind"] for gate in check["gates"]] == ["firing_rate"]
    phases = {event["phase"] for event in done.events("progress")}
    assert {phase.split()[0] for phase in phases} == {"reading", "measuring"}
    assert any(event["text"].startswith("loading ") for event in done.events("message"))
    assert "loading" in done.err, "the talk goes on beside it"
    quiet = audit("run", suite, "-m", tiny_llama_folder, "-o", run, "--json", "-q")
    assert not quiet.err
    assert len(quiet.events("check")) == 1


def test_checks_come_worst_first(capsys: Capture) -> None:
    checks = [make_passing_check(), make_inconclusive_check(), make_check()]
    checks_of(make_report(checks=checks))
    verdicts = [event["verdict"] for event in told(capsys)]
    assert verdicts == sorted(verdicts, key=WORST_FIRST.index)
    assert len(verdicts) == 3


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_event_is_one_line_that_no_log_obeys(hostile: str, capsys: Capture) -> None:
    emit("message", text=hostile)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith('{"event": "message", "version": 1, ')
    assert out[:-1].isascii()
    assert out[:-1].isprintable()
    assert "##[" not in out
    assert json.loads(out)["text"] == hostile


def test_progress_is_told_now_and_then_and_talk_is_told_all(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    clock = itertools.count(step=SECONDS_BETWEEN / 100)
    monkeypatch.setattr("audit.cli.events.time.monotonic", lambda: next(clock))
    talk = Told(Talk(reached=heard.append), tmp_path).talk()
    talk.phase("reading", 1000)
    for done in range(1000):
        talk.reached(done)
    assert heard == list(range(1000))
    events = told(capsys)
    assert events[0]["done"] == 0
    assert 9 <= len(events) <= 11
    assert [event["done"] for event in events] == sorted(event["done"] for event in events)


def keep(folder: Path, name: str) -> None:
    row = make_row(name=name, run=f"checkpoints/{name}")
    file = folder / "checkpoints" / name / "row.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = {"made_of": "x", "series": "y", "row": row.model_dump(mode="json")}
    file.write_text(json.dumps(kept), encoding="utf-8")


def test_a_checkpoint_is_told_when_its_row_is_there_and_once(
    capsys: Capture, tmp_path: Path
) -> None:
    keep(tmp_path, "old")
    events = Told(Talk(), tmp_path)
    events.talk().say("new: auditing")
    assert [event["event"] for event in told(capsys)] == ["message"]
    keep(tmp_path, "new")
    events.talk().say("next: auditing")
    first, _ = told(capsys)
    assert (first["event"], first["name"]) == ("checkpoint", "new")
    assert first["checks"][0]["gates"]
    broken = make_row(name="broken", verdict="error", checks=[], run=None, reasons=["no config"])
    rows = [make_row(name=name, run=f"checkpoints/{name}") for name in ("old", "new")]
    events.rest([*rows, broken])
    old, last = told(capsys)
    assert (old["name"], last["name"], last["reasons"]) == ("old", "broken", ["no config"])


def test_a_failed_request_has_no_report_and_says_why_on_stderr(
    audit: Audit, write_suite: WriteSuite, tmp_path: Path
) -> None:
    done = audit("run", write_suite(), "-m", "./nope", "-o", tmp_path / "run", "--json")
    assert done.code == 4
    assert [event["event"] for event in done.events()][:1] == ["started"]
    assert not done.events("report")
    assert "nope" in done.err
