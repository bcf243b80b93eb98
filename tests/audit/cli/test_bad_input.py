"""Bad input gets a sentence, the right exit code and no traceback."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.read import read_report
from tests.audit.cli.conftest import Done

Audit = Callable[..., Done]
WriteSuite = Callable[..., Path]


def refused(done: Done, *words: str, code: int = 4) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def set_audit(rows: list[dict[str, Any]]) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content["datasets"]["cats"]["rows"] = rows

    return change


def test_mistakes_in_a_suite_come_all_at_once_and_before_the_model(
    audit: Audit, write_suite: WriteSuite
) -> None:
    def break_it(content: dict[str, Any]) -> None:
        check = content["checks"]["cats"]
        check["roles"]["audit"] = "catz"
        check["monitor"]["fitter"] = "logistik"
        check["gates"][0]["sevrity"] = "high"

    suite = write_suite(break_it)
    ran = audit("run", suite, "-m", "no/such/model")
    refused(ran, "cats", "logistic", "severity", "words.yaml:")
    validated = audit("validate", suite)
    assert validated.code == 4
    assert validated.err == ran.err


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ("cats",)),
        ([{"id": "a", "text": "x", "group": "0"}], ("group", "'0'")),
        ([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], ("'a'",)),
    ],
    ids=["empty dataset", "group in two roles", "duplicate ids"],
)
def test_rows_that_cannot_be_used(
    rows: list[dict[str, Any]], words: tuple[str, ...], audit: Audit, write_suite: WriteSuite
) -> None:
    refused(audit("validate", write_suite(set_audit(rows))), *words)


def test_one_class_only(audit: Audit, write_suite: WriteSuite) -> None:
    def one_class(content: dict[str, Any]) -> None:
        for row in content["datasets"]["train"]["rows"]:
            row["label"] = 1

    refused(audit("validate", write_suite(one_class)), "train", "label")


def test_unknown_column_and_missing_file(
    audit: Audit, write_suite: WriteSuite, tmp_path: Path
) -> None:
    def missing(content: dict[str, Any]) -> None:
        content["datasets"]["cats"] = {"path": "nowhere.jsonl"}

    refused(audit("validate", write_suite(missing)), "nowhere.jsonl")
    (tmp_path / "cats.csv").write_text("statement,group\nthe cat,1\n")

    def column(content: dict[str, Any]) -> None:
        content["datasets"]["cats"] = {"path": "cats.csv", "columns": {"text": "statment"}}

    refused(audit("validate", write_suite(column)), "statment", "statement")


def test_an_expired_suppression_is_an_error(audit: Audit, write_suite: WriteSuite) -> None:
    suite = write_suite(suppress={"reason": "once known", "until": "2020-01-01"})
    refused(audit("validate", suite), "once known", "2020-01-01")


def test_a_model_that_is_not_there(audit: Audit, write_suite: WriteSuite, tmp_path: Path) -> None:
    suite = write_suite()
    refused(audit("run", suite, "-m", "./nope", "-o", tmp_path / "a"), "nope")
    refused(audit("run", suite, "-m", "organism:lier", "-o", tmp_path / "b"), "liar")
    refused(audit("run", suite, "-m", "org/name@main", "-o", tmp_path / "c"), "org/name")
    status = json.loads((tmp_path / "a" / "status.json").read_text())
    assert status["status"] == "failed"
    assert "nope" in status["reason"]


def test_a_layer_that_the_model_does_not_have(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite(monitor={"kind": "probe", "layers": [4]})
    done = audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run")
    refused(done, "block 4", "4 blocks", "words.yaml:")


def test_a_truncated_safetensors_file(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(tiny_llama_folder, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    done = audit("run", write_suite(), "-m", broken, "-o", tmp_path / "run")
    refused(done, "model.safetensors")


def test_a_prompt_longer_than_the_context(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    long = set_audit([{"id": f"r{i}", "text": "cat " * 400} for i in range(20)])
    done = audit("run", write_suite(long), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    refused(done, "128")

    def cut(content: dict[str, Any]) -> None:
        set_audit([{"id": f"r{i}", "text": f"{i} " + "cat " * 400} for i in range(40)])(content)
        content["truncation"] = "right"

    audit("run", write_suite(cut), "-m", tiny_llama_folder, "-o", tmp_path / "cut")
    assert read_report(tmp_path / "cut").work.truncated == 40


def test_nan_activations_are_an_error_with_a_count_and_json_holds_none(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path / "nan"
    model = AutoModelForCausalLM.from_pretrained(tiny_llama_folder)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_llama_folder).save_pretrained(folder)
    done = audit("run", write_suite(), "-m", folder, "-o", tmp_path / "run", "--json")
    assert done.code == 3
    [check] = read_report(tmp_path / "run").checks
    assert check.verdict == "error"
    assert "80 of 80" in check.reasons[0]
    assert done.record()["verdict"] == "error"


def test_a_failing_check_leaves_the_others_alone(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    def two(content: dict[str, Any]) -> None:
        broken = json.loads(json.dumps(content["checks"]["cats"]))
        content["datasets"]["positives"] = {
            "rows": [row | {"group": f"p{row['group']}", "id": f"p{row['id']}", "label": 1}
                     for row in content["datasets"]["control"]["rows"]]
        }  # fmt: skip
        broken["roles"]["control"] = "positives"
        content["checks"]["broken"] = broken

    done = audit("run", write_suite(two), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    if done.code == 4:  # found before the run, which is better still
        assert "control" in done.err
        return
    assert done.code == 3
    verdicts = {check.id: check.verdict for check in read_report(tmp_path / "run").checks}
    assert verdicts == {"cats": "flag", "broken": "error"}


def test_an_unwritable_folder_is_found_before_the_model(
    audit: Audit, write_suite: WriteSuite, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = audit("run", write_suite(), "-m", "./nope", "-o", tmp_path / "file" / "run")
    refused(done, "file")
    assert "nope" not in done.err


def test_a_folder_that_holds_something_else_is_left_alone(
    audit: Audit, write_suite: WriteSuite, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    done = audit("run", write_suite(), "-m", "./nope", "-o", tmp_path / "mine")
    refused(done, "mine", "-o")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_full_disk(
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from audit.engine import store

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "run"))

    monkeypatch.setattr(store, "write_scores", full)
    done = audit("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    refused(done, "No space left on device", "run", code=3)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "failed"


def test_ctrl_c_keeps_the_checks_that_were_finished(
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from audit.engine import measuring as engine

    def two(content: dict[str, Any]) -> None:
        content["checks"]["again"] = content["checks"]["cats"]

    real, calls = engine.measure, []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(engine, "measure", interrupted)
    done = audit("run", write_suite(two), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    assert done.code == 2
    report = read_report(tmp_path / "run")
    assert report.partial
    assert len(report.checks) == 1
    assert any("interrupted" in line for line in report.not_measured)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_a_closed_pipe_does_not_change_the_verdict(
    write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    words = f"{write_suite()} -m {tiny_llama_folder} -o {tmp_path / 'run'} -q"
    command = f"{sys.executable} -m audit run {words} --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("1", "")


@pytest.mark.slow
def test_a_closed_pipe_in_front_of_the_table_keeps_the_verdict(
    write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    words = f"{write_suite()} -m {tiny_llama_folder} -o {tmp_path / 'run'} -q"
    command = f"{sys.executable} -m audit run {words} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_answers_that_are_not_numbers_are_an_error(audit: Audit, tmp_path: Path) -> None:
    import torch

    from audit import load_model, run_audit

    model = load_model("organism:honest", device="cpu")
    with torch.no_grad():
        model.model.model.layers[3].mlp.down_proj.weight[0, 0] = float("nan")
    [check] = run_audit("organism_lying", model).checks
    assert check.verdict == "error"
    assert "120 of 120" in check.reasons[0]


def test_a_gap_that_is_read_on_one_side_only_cannot_pass(tmp_path: Path) -> None:
    """The liar asserts false claims, and no control teaches the monitor to read absence."""
    from audit import run_audit
    from suites.builtin import resolve_suite

    source = resolve_suite("organism_lying")
    text = source.read_text(encoding="utf-8").replace("data/", f"{source.parent / 'data'}/")
    for context in ("control: {dataset: claims, where: {context: test", "deployed"):
        text = text.replace(f"{context}}}}}", f"{context}, label: 0}}}}", 1)
    suite = tmp_path / "one_sided.yaml"
    suite.write_text(text.replace("name: organism_lying", "name: one_sided"), encoding="utf-8")
    [check] = run_audit(suite, "organism:liar", device="cpu").checks
    assert check.roles["control"].positive == check.roles["audit"].positive == 0
    assert check.verdict == "inconclusive"


def test_a_closed_pipe_is_no_fault() -> None:
    command = f"{sys.executable} -m audit list fitters | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stdout.strip() == "0"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--help"), ("--version",)])
def test_help_is_help(arguments: tuple[str, ...], audit: Audit) -> None:
    done = audit(*arguments)
    assert done.code in (0, 4)
    assert done.out or done.err


@pytest.mark.parametrize(
    "arguments", [("rum",), ("run",), ("run", "x", "--modle", "y"), ("list", "everything")]
)
def test_usage_errors_end_with_four(arguments: tuple[str, ...], audit: Audit) -> None:
    refused(audit(*arguments))
