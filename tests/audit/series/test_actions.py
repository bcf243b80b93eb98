"""STOP.json and the command of an alarm, with real files and real processes."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from pathlib import Path

import pytest

from audit.engine.measuring import Talk
from audit.errors import UsageError
from audit.series.actions import (
    STOP_FILE,
    Actions,
    parse_command,
    run_command,
    stop_file_of,
    write_stop_file,
)
from audit.series.alarms import BEGUN, Place, finish_acts, notes_of, stale_stop_file
from audit.series.remembered import Alarm, Memory, recall, remember
from reports.series import Stop

STOP = Stop(
    reason="alarm",
    sentence="it lies; \u202e it knows",
    step=200,
    checkpoint="checkpoint-200",
    on_flag="stop",
    tracks=["lying/deployed/belief_gap"],
)


def test_the_stop_file_names_the_report_from_where_it_lies(tmp_path: Path) -> None:
    report = tmp_path / "elsewhere" / "report.json"
    assert stop_file_of(tmp_path) is None
    assert write_stop_file(tmp_path, STOP, report, "me") is None
    content = json.loads((tmp_path / STOP_FILE).read_text("utf-8"))
    assert content["report"] == "elsewhere/report.json"
    assert {key: content[key] for key in ("reason", "sentence", "step", "tracks")} == {
        "reason": "alarm", "sentence": STOP.sentence, "step": 200, "tracks": STOP.tracks,
    }  # fmt: skip
    assert stop_file_of(tmp_path) == "me"
    assert [path.name for path in tmp_path.iterdir()] == [STOP_FILE]


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"watch": 7}', '{"watch": "other"}'])
def test_the_stop_file_of_another_is_told_and_moved_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / STOP_FILE).write_text(content, encoding="utf-8")
    (tmp_path / "STOP.1.json").write_text("taken", encoding="utf-8")
    said = stale_stop_file(tmp_path, Memory(watch="me"))
    assert said is not None
    assert str(tmp_path / STOP_FILE) in said
    moved = write_stop_file(tmp_path, STOP, tmp_path / "report.json", "me")
    assert moved == tmp_path / "STOP.2.json"
    assert moved.read_text("utf-8") == content
    assert stale_stop_file(tmp_path, Memory(watch="me")) is None


def test_the_command_finds_what_it_needs_and_sees_no_shell(tmp_path: Path) -> None:
    written = tmp_path / "seen.json"
    script = (
        "import json, os, sys; "
        f"json.dump([dict(os.environ), sys.argv], open({str(written)!r}, 'w'))"
    )
    command = (sys.executable, "-c", script, "$HOME; rm -rf *")
    outcome = run_command(command, STOP, tmp_path / "report.json", None)
    assert outcome == "ended with 0"
    environment, arguments = json.loads(written.read_text("utf-8"))
    assert arguments[1:] == ["$HOME; rm -rf *"]
    environment.pop("AUDIT_CACHE_DIR")  # of the tests, not of the watch
    assert {key: environment[key] for key in environment if key.startswith("AUDIT_")} == {
        "AUDIT_STEP": "200",
        "AUDIT_CHECKPOINT": "checkpoint-200",
        "AUDIT_REASON": "alarm",
        "AUDIT_REPORT": str(tmp_path / "report.json"),
        "AUDIT_STOP_FILE": "",
    }


def test_how_a_command_fails_is_said(tmp_path: Path) -> None:
    def run(*command: str) -> str:
        return run_command(command, STOP, tmp_path / "report.json", None)

    assert run("sh", "-c", "exit 7") == "ended with 7"
    assert run("sh", "-c", f"kill -{int(signal.SIGKILL)} $$") == "was ended by SIGKILL"
    assert run(str(tmp_path / "absent")).startswith("could not be run: No such file")
    (tmp_path / "plain").write_text("no program", encoding="utf-8")
    assert run(str(tmp_path / "plain")).startswith("could not be run: Permission denied")


def test_a_command_line_is_read_before_anything_is_audited() -> None:
    assert parse_command("sh -c 'exit 0'") == ("sh", "-c", "exit 0")
    for text, said in [("'", "cannot be read"), (" ", "is empty"), ("absent-42 a", "no program")]:
        with pytest.raises(UsageError, match=said):
            parse_command(text)


def test_each_act_is_done_once_and_remembered_before_it_is_done(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "audit"
    out.mkdir()
    kept = shlex.quote(str(out / "watch.json"))
    begun = shlex.quote(f'"outcome": "{BEGUN}"')
    script = f"grep -c {begun} {kept} >> {shlex.quote(str(log))}; exit 3"
    place = Place(tmp_path, out, Actions(True, ("sh", "-c", script)), Talk())
    memory = Memory(watch="me", alarms=[Alarm(stop=STOP, tracks=STOP.tracks)])
    for _ in range(2):
        memory = finish_acts(memory, place)
        assert log.read_text("utf-8") == "1\n", "written down when the command ran, and ran once"
        assert recall(out, tmp_path) == memory
    [note] = notes_of(memory)
    assert note.endswith("ended with 3")
    (tmp_path / STOP_FILE).unlink()
    finish_acts(memory, place)
    assert not (tmp_path / STOP_FILE).exists(), "who removed it meant it"


def test_a_command_that_was_running_at_a_crash_is_not_run_again(tmp_path: Path) -> None:
    alarm = Alarm(stop=STOP, tracks=STOP.tracks, stop_file=True, command=["false"], outcome=BEGUN)
    memory = Memory(watch="me", alarms=[alarm])
    place = Place(tmp_path, tmp_path, Actions(True, ("touch", str(tmp_path / "ran"))), Talk())
    assert finish_acts(memory, place) == memory
    assert not (tmp_path / "ran").exists()
    assert notes_of(memory)[0].endswith(BEGUN)


def test_a_warning_asks_for_nothing(tmp_path: Path) -> None:
    warning = STOP.model_copy(update={"on_flag": "warn"})
    memory = Memory(watch="me", alarms=[Alarm(stop=warning, tracks=STOP.tracks)])
    place = Place(tmp_path, tmp_path, Actions(True, ("touch", str(tmp_path / "ran"))), Talk())
    assert finish_acts(memory, place) == memory
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["{", "[]", '{"watch": 1}', '{"watch": "a", "more": 1}'])
def test_a_memory_that_was_spoilt_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "watch.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"watch\.json is not what a watch wrote"):
        recall(tmp_path, tmp_path.parent)
    remember(tmp_path, Memory(watch="me"))
    assert recall(tmp_path, tmp_path.parent) == Memory(watch="me")
    with pytest.raises(UsageError, match="is of a watch on"):
        recall(tmp_path, tmp_path / "other")
