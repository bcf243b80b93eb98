"""A folder that grows between two looks, with real models: what is audited, when, how it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.engine.assembly import Options
from audit.engine.locking import alone
from audit.engine.measuring import Talk
from audit.errors import MeasurementError, NothingToAuditError, UsageError
from audit.models.loading import ORGANISMS
from audit.series.actions import STOP_FILE, Actions
from audit.series.checkpoints import find_checkpoints
from audit.series.watching import Asked, watch
from reports.read import read_record
from reports.series import SeriesReport

SUITE = Path("suites/organism_lying.yaml")
Event = Callable[[], object]


@pytest.fixture
def lying(tmp_path: Path) -> Path:
    """The built-in suite on one layer, with an alarm at the first audit that shows it."""
    return _suite(tmp_path, patience=1)


def _suite(folder: Path, **policy: Any) -> Path:
    root = Path(__file__).resolve().parents[3]
    content = yaml.safe_load((root / SUITE).read_text("utf-8"))
    content["datasets"]["claims"]["path"] = str(root / "suites/data/organism_lying.jsonl")
    content["checks"]["deployed"]["monitor"]["layers"] = [1]
    content["policy"] = policy
    path = folder / "lying.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder in which training has just begun."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def saved(folder: Path, name: str, organism: str = "honest") -> Path:
    """A checkpoint, all of it at once."""
    ignore = shutil.ignore_patterns("sae")
    shutil.copytree(ORGANISMS / organism, folder / name, ignore=ignore, dirs_exist_ok=True)
    return folder / name


def watched(
    suite: Path,
    run: Path,
    *events: Event,
    said: list[str] | None = None,
    limit: int | None = 40,
    fresh: bool = False,
    **asked: Any,
) -> SeriesReport:
    """Watch; at each wait the next event happens, and after the last of them it is over."""
    left = list(events)

    def wait(seconds: float) -> None:
        if left:
            left.pop(0)()
        elif seconds > 100:
            raise KeyboardInterrupt

    asked = {"out": run / "audit", "poll": 0.01, "seconds": 0.0} | asked
    if events and "seconds" not in asked:
        asked["seconds"] = None
    return watch(
        [suite],
        Asked(run, **asked),
        options=Options(limit=limit),
        talk=Talk(say=(said if said is not None else []).append),
        wait=wait,
        fresh=fresh,
    )


def rows(report: SeriesReport) -> dict[str, str]:
    return {row.name: row.verdict for row in report.checkpoints}


def audits(said: list[str]) -> list[str]:
    """The checkpoints that were read, in order."""
    before = {line.split(":")[0] for line in said if line.endswith("audited before")}
    found = [line.split(":")[0] for line in said if line.endswith("complete, auditing")]
    return [name for name in found if name not in before]


def test_checkpoints_are_audited_as_they_come_and_in_the_order_of_training(
    lying: Path, run: Path
) -> None:
    saved(run, "checkpoint-200")
    said: list[str] = []
    report = watched(
        lying,
        run,
        lambda: None,
        lambda: (saved(run, "checkpoint-1000"), saved(run, "tmp-checkpoint-1200")),
        lambda: saved(run, "checkpoint-100"),
        lambda: saved(run, "checkpoint-2000"),
        lambda: None,
        said=said,
        until_step=2000,
        seconds=None,
    )
    assert audits(said) == [f"checkpoint-{n}" for n in (200, 1000, 100, 2000)]
    assert list(rows(report)) == [f"checkpoint-{n}" for n in (100, 200, 1000, 2000)]
    assert report.reference == "checkpoint-200", "the first that could be audited"
    assert report.stop is None
    assert report == read_record(run / "audit")


def test_a_checkpoint_that_is_being_written_waits_until_it_is_whole(lying: Path, run: Path) -> None:
    saved(run, "checkpoint-100")
    whole = saved(run.parent, "whole")
    files = sorted(whole.iterdir(), key=lambda file: file.stat().st_size)
    writing = run / "checkpoint-200"

    def begin() -> None:
        writing.mkdir()

    def half(file: Path) -> Event:
        content = file.read_bytes()
        return lambda: (writing / file.name).write_bytes(content[: len(content) // 2])

    def rest(file: Path) -> Event:
        return lambda: shutil.copy(file, writing)

    steps = [begin, *(event for file in files for event in (half(file), rest(file)))]
    said: list[str] = []
    report = watched(lying, run, *steps, lambda: None, said=said, until_step=200, seconds=None)
    assert audits(said) == ["checkpoint-100", "checkpoint-200"]
    assert not [line for line in said if "error" in line]
    assert all(verdict != "error" for verdict in rows(report).values())


def test_an_alarm_ends_the_watch_and_its_command_runs_once(lying: Path, run: Path) -> None:
    saved(run, "checkpoint-100")
    saved(run, "checkpoint-200", "liar")
    saved(run, "checkpoint-300")
    log = run.parent / "log"
    actions = Actions(command=("sh", "-c", f'echo "$AUDIT_STEP $AUDIT_REASON" >> {log}; exit 5'))
    said: list[str] = []
    report = watched(lying, run, said=said, actions=actions, limit=None)
    assert report.exit_code == 1
    assert audits(said) == ["checkpoint-100", "checkpoint-200"]
    stop = json.loads((run / STOP_FILE).read_text("utf-8"))
    assert report.stop is not None
    assert {key: stop[key] for key in ("reason", "step", "checkpoint", "on_flag")} == {
        "reason": "alarm", "step": 200, "checkpoint": "checkpoint-200", "on_flag": "stop",
    }  # fmt: skip
    assert stop["sentence"] == report.stop.sentence
    assert read_record(run / stop["report"]) == report
    assert any("ended with 5" in note for note in report.notes)
    found = [one.name for one in find_checkpoints([str(run)])]
    assert found == [f"checkpoint-{n}" for n in (100, 200, 300)], "its own folder is none"

    again: list[str] = []
    second = watched(lying, run, said=again, actions=actions, limit=None)
    assert second.exit_code == 1
    assert second.stop == report.stop
    assert not audits(again)
    assert any("stands" in line for line in again)

    third = watched(lying, run, said=again, actions=actions, limit=None, keep_going=True)
    assert list(rows(third)) == [f"checkpoint-{n}" for n in (100, 200, 300)]
    assert third.exit_code == 1
    assert third.stop == report.stop
    assert log.read_text("utf-8") == "200 alarm\n", "in three watches one command"


def test_the_reference_may_be_deleted_between_two_watches(lying: Path, run: Path) -> None:
    first = saved(run, "checkpoint-100")
    saved(run, "checkpoint-200")
    before = watched(lying, run, limit=None)
    shutil.rmtree(first)
    saved(run, "checkpoint-300", "liar")
    said: list[str] = []
    report = watched(lying, run, said=said, limit=None)
    assert audits(said) == ["checkpoint-300"]
    assert report.reference == "checkpoint-100"
    assert report.reference_model == before.reference_model
    assert report.checkpoints[:1] == before.checkpoints[:1], "what is gone keeps its row"
    assert [c.state for c in report.checkpoints[2].checks] == ["concept grew"]
    assert report.exit_code == 1


def test_what_is_broken_is_named_and_the_rest_goes_on(lying: Path, run: Path) -> None:
    from safetensors.numpy import load_file, save_file

    saved(run, "checkpoint-100")
    (saved(run, "checkpoint-200") / "config.json").unlink()
    spoilt = saved(run, "checkpoint-300") / "model.safetensors"
    weights = load_file(spoilt)
    first = sorted(weights)[0]
    weights[first] = weights[first] * float("nan")
    save_file(weights, spoilt)
    narrow = saved(run, "checkpoint-400") / "config.json"
    config = json.loads(narrow.read_text("utf-8"))
    narrow.write_text(json.dumps(config | {"hidden_size": 32}), encoding="utf-8")
    doomed = saved(run, "checkpoint-500")
    saved(run, "checkpoint-600")
    report = watched(lying, run, lambda: shutil.rmtree(doomed), seconds=0.0)
    reasons = {row.name: row.reasons[0] for row in report.checkpoints if row.reasons}
    assert rows(report).keys() == {f"checkpoint-{n}" for n in (100, 200, 300, 400, 500, 600)}
    assert "config.json is not there" in reasons.pop("checkpoint-200")
    assert "NaN" in reasons.pop("checkpoint-300")
    assert "its width is 32, where 64 was expected" in reasons.pop("checkpoint-400")
    assert "deleted before it could be audited" in reasons.pop("checkpoint-500")
    assert not reasons
    assert report.exit_code == 3

    saved(run, "checkpoint-300")
    said: list[str] = []
    report = watched(lying, run, said=said)
    assert audits(said) == ["checkpoint-300", "checkpoint-400"], "the mended and the broken"
    assert rows(report)["checkpoint-300"] == rows(report)["checkpoint-100"]
    assert rows(report)["checkpoint-500"] == "error", "what was lost stays named"


@pytest.mark.slow
def test_a_checkpoint_that_is_overwritten_is_audited_again(lying: Path, run: Path) -> None:
    saved(run, "checkpoint-100")
    saved(run, "checkpoint-200")
    said: list[str] = []
    report = watched(
        lying,
        run,
        lambda: None,
        lambda: saved(run, "checkpoint-200", "liar"),
        lambda: None,
        lambda: saved(run, "checkpoint-300"),
        said=said,
        until_step=300,
        seconds=None,
    )
    assert audits(said) == [f"checkpoint-{n}" for n in (100, 200, 200, 300)]
    [check] = report.checkpoints[1].checks
    assert check.state == "concept grew"


@pytest.mark.slow
def test_an_interrupted_watch_reports_what_it_has_and_goes_on(lying: Path, run: Path) -> None:
    saved(run, "checkpoint-100")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watched(lying, run, interrupt)
    assert json.loads((run / "audit/status.json").read_text("utf-8"))["status"] == "interrupted"
    report = watched(lying, run, lambda: None, interrupt, seconds=None)
    assert report.exit_code == 2
    assert list(rows(report)) == ["checkpoint-100"]
    saved(run, "checkpoint-200")
    said: list[str] = []
    report = watched(lying, run, said=said)
    assert audits(said) == ["checkpoint-200"]
    assert report.exit_code != 2


@pytest.mark.parametrize("on_flag", ["warn", "pause"])
def test_an_alarm_that_does_not_stop(tmp_path: Path, run: Path, on_flag: str) -> None:
    """A warning is told once and ends nothing; a pause ends until somebody begins again."""
    suite = _suite(tmp_path, patience=1, on_flag=on_flag)
    saved(run, "checkpoint-100")
    saved(run, "checkpoint-200", "liar")
    saved(run, "checkpoint-300")
    said: list[str] = []
    report = watched(suite, run, said=said, limit=None)
    paused = on_flag == "pause"
    assert (run / STOP_FILE).exists() == paused
    assert list(rows(report))[2:] == ([] if paused else ["checkpoint-300"])
    assert report.stop is not None
    assert report.stop.on_flag == on_flag
    assert sum("alarm (" in line for line in said) == 1

    again: list[str] = []
    second = watched(suite, run, said=again, limit=None)
    assert list(rows(second))[2:] == ["checkpoint-300"]
    assert not (run / STOP_FILE).exists()
    assert any("acknowledged" in line for line in again) == paused
    assert (second.stop is None) == paused
    assert not [line for line in again if "alarm (" in line], "nobody is told twice"


def test_nothing_there_and_nobody_else(lying: Path, run: Path) -> None:
    with pytest.raises(NothingToAuditError, match="holds no checkpoint"):
        watched(lying, run)
    with alone(run / "audit"), pytest.raises(UsageError, match=r"by process \d+"):
        watched(lying, run)
    (run / "checkpoint-100").mkdir()
    with pytest.raises(MeasurementError, match=r"config\.json is not there"):
        watched(lying, run)
    with pytest.raises(UsageError, match="there is no folder"):
        watched(lying, run / "nowhere")
    with pytest.raises(UsageError, match="is the folder of the checkpoints"):
        watched(lying, run, out=run)


@pytest.mark.slow
def test_adapters_over_a_base_that_go_away_behind_the_watch(lying: Path, run: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    base = saved(run.parent, "base")
    random = np.random.default_rng(0)

    def adapter(step: int, size: float) -> Path:
        folder = run / f"checkpoint-{step}"
        folder.mkdir()
        config = {
            "peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["o_proj"],
            "base_model_name_or_path": str(base),
        }  # fmt: skip
        (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
        tensors = {
            f"base_model.model.model.layers.{layer}.self_attn.o_proj.lora_{side}.weight": (
                random.normal(size=shape) * size
            ).astype(np.float32)
            for layer in range(4)
            for side, shape in (("A", (2, 64)), ("B", (64, 2)))
        }
        save_file(tensors, folder / "adapter_model.safetensors")
        return folder

    first = adapter(100, 0.01)
    adapter(200, 0.02)
    before = watched(lying, run)
    assert [(row.kind, row.base) for row in before.checkpoints] == [("adapter", str(base))] * 2
    assert before.exit_code != 3
    shutil.rmtree(first)
    adapter(300, 0.03)
    said: list[str] = []
    report = watched(lying, run, said=said)
    assert audits(said) == ["checkpoint-300"]
    assert report.checkpoints[0] == before.checkpoints[0]
    assert report.exit_code == before.exit_code


@pytest.mark.slow
def test_an_alarm_stands_though_the_flagged_weights_were_overwritten(
    lying: Path, run: Path
) -> None:
    (run / STOP_FILE).write_text('{"watch": "another"}', encoding="utf-8")
    saved(run, "checkpoint-100")
    saved(run, "checkpoint-200", "liar")
    first = watched(lying, run, limit=None)
    assert first.exit_code == 1
    assert any("is not of it" in note for note in first.notes)
    assert (run / "STOP.1.json").read_text("utf-8") == '{"watch": "another"}'
    saved(run, "checkpoint-200")
    said: list[str] = []
    report = watched(lying, run, said=said, limit=None, keep_going=True)
    assert audits(said) == ["checkpoint-200"]
    assert rows(report)["checkpoint-200"] == "pass"
    assert (report.stop, report.exit_code) == (first.stop, 1)
    assert not any("is not of it" in line for line in said), "its own by now"


@pytest.mark.slow
def test_another_suite_or_other_rows_are_refused_and_begun_anew_on_request(
    lying: Path, run: Path
) -> None:
    saved(run, "checkpoint-100")
    saved(run, "checkpoint-200")
    before = watched(lying, run)
    with pytest.raises(UsageError, match=r"--limit: was 40, is 50.*--fresh"):
        watched(lying, run, limit=50)
    _suite(lying.parent, patience=3)
    with pytest.raises(UsageError, match=r"suite organism_lying: was \w{12}, is \w{12}"):
        watched(lying, run)
    assert read_record(run / "audit") == before
    said: list[str] = []
    report = watched(lying, run, said=said, fresh=True)
    assert audits(said) == ["checkpoint-100", "checkpoint-200"]
    assert report.checkpoints[1].checks[0].state == "stable"
