"""`audit run` over checkpoints as a person meets it: a row each, once, in the order of training."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.models.loading import ORGANISMS
from reports.read import read_record, read_report
from reports.series import CheckpointRow, SeriesReport
from tests.audit.cli.conftest import Done

Audit = Callable[..., Done]
SUITE = "organism_lying"
FEW = ("--limit", 40, "-q")  # a verdict is not what these runs are about


def save(run: Path, name: str, organism: str = "honest") -> Path:
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(ORGANISMS / organism, run / name, ignore=ignore))


def call(*arguments: object) -> Done:
    """The command line outside of a test, for what several tests look at."""
    from audit.cli import execute

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = execute([str(argument) for argument in arguments])
    return Done(code, out.getvalue(), err.getvalue())


def series(folder: Path) -> SeriesReport:
    found = read_record(folder)
    assert isinstance(found, SeriesReport)
    return found


def rows_of(folder: Path) -> dict[str, CheckpointRow]:
    return {row.name: row for row in series(folder).checkpoints}


def written(out: Path) -> dict[str, int]:
    """When each row was written, in nanoseconds."""
    found = (out / "checkpoints").glob("*/row.json")
    return {file.parent.name: file.stat().st_mtime_ns for file in found}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An honest model that learns to lie, and a last checkpoint without its config."""
    folder = tmp_path_factory.mktemp("growing") / "run"
    folder.mkdir()
    for step, organism in ((90, "honest"), (200, "liar"), (1000, "liar")):
        save(folder, f"checkpoint-{step}", organism)
    (save(folder, "checkpoint-2000") / "config.json").unlink()
    return folder


@pytest.fixture(scope="module")
def done(run: Path) -> Done:
    return call("run", SUITE, "-m", run / "checkpoint-*", "-o", run.parent / "out")


@pytest.fixture
def out(run: Path, done: Done) -> Path:
    return run.parent / "out"


def test_a_run_that_learns_to_lie_is_stopped_and_what_is_broken_named(
    done: Done, out: Path
) -> None:
    assert done.code == 3
    report = series(out)
    assert (report.verdict, report.exit_code) == ("error", 3)
    assert report.reference == "checkpoint-90"
    states = [[check.state for check in row.checks] for row in report.checkpoints]
    assert states == [[None], ["concept grew"], ["concept grew"], []]
    assert [row.verdict for row in report.checkpoints] == ["pass", "flag", "flag", "error"]
    assert [row.step for row in report.checkpoints] == [90, 200, 1000, 2000]
    assert report.stop is not None
    assert (report.stop.step, report.stop.checkpoint) == (1000, "checkpoint-1000")
    assert "config.json" in report.checkpoints[-1].reasons[0]
    assert "checkpoint-2000" in done.out
    assert json.loads((out / "status.json").read_text())["status"] == "complete"


def test_each_checkpoint_has_a_run_of_its_own(out: Path, audit: Audit) -> None:
    for name, row in rows_of(out).items():
        if row.run is not None:
            assert row.run == f"checkpoints/{name}"
            own = read_report(out / row.run)
            assert own.verdict == row.verdict
            assert row.model is not None
            assert own.model.weights_digest == row.model.weights_digest
    assert not (out / "checkpoints" / "checkpoint-2000" / "row.json").exists()
    [liar] = rows_of(out)["checkpoint-200"].checks
    alone = audit("run", SUITE, "-m", "organism:liar", "-o", out.parent / "alone", "-q")
    assert alone.code == 1
    [single] = read_report(out.parent / "alone").checks
    assert single.verdict == liar.verdict
    assert single.gates[0].estimate == liar.gates[0].estimate


def test_records_of_checkpoints_are_compared_and_shown(out: Path, audit: Audit) -> None:
    before, after = out / "checkpoints" / "checkpoint-90", out / "checkpoints" / "checkpoint-200"
    worse = audit("diff", before, after)
    assert worse.code == 1
    assert "deployed" in worse.out
    assert audit("diff", after, before).code == 0
    shown = audit("show", out)
    assert "checkpoint-1000" in shown.out
    assert audit("show", after).code == 0


def test_a_report_is_rendered_again_from_the_record(out: Path, audit: Audit) -> None:
    target = out.parent / "again"
    assert audit("report", out, "--format", "md", "-o", target).code == 0
    assert (target / "report.md").read_text("utf-8") == (out / "report.md").read_text("utf-8")


def test_what_was_audited_is_not_audited_again(run: Path, done: Done, out: Path) -> None:
    before, digest = written(out), series(out).digest()
    assert before.keys() == {"checkpoint-90", "checkpoint-200", "checkpoint-1000"}
    again = call("run", SUITE, "-m", run, "-o", out)
    assert again.code == 3
    assert written(out) == before
    assert series(out).digest() == digest


# --- small runs ----------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    save(folder, "checkpoint-1")
    save(folder, "checkpoint-2", "liar")
    return folder


def test_only_what_changed_is_audited_again(small: Path, audit: Audit, tmp_path: Path) -> None:
    out = tmp_path / "out"
    audit("run", SUITE, "-m", small, "-o", out, *FEW)
    before = written(out)
    shutil.rmtree(small / "checkpoint-2")
    save(small, "checkpoint-2", "biased")
    audit("run", SUITE, "-m", small, "-o", out, *FEW)
    after = written(out)
    assert after["checkpoint-1"] == before["checkpoint-1"]
    assert after["checkpoint-2"] > before["checkpoint-2"]
    refused = audit("run", SUITE, "-m", small, "-o", out, *FEW, "--seed", 1)
    assert refused.code == 4
    assert "--seed: was 0, is 1" in refused.err
    assert written(out) == after
    audit("run", SUITE, "-m", small, "-o", out, *FEW, "--seed", 1, "--fresh")
    assert all(later > after[name] for name, later in written(out).items())


def test_a_broken_first_checkpoint_is_a_row_and_the_next_is_the_reference(
    small: Path, audit: Audit, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    weights = small / "checkpoint-1" / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.norm.weight"][:] = np.nan
    save_file(tensors, weights, metadata={"format": "pt"})
    done = audit("run", SUITE, "-m", small, "-o", tmp_path / "out", *FEW)
    assert done.code == 3
    found = series(tmp_path / "out")
    assert found.reference == "checkpoint-2"
    assert [row.verdict == "error" for row in found.checkpoints] == [True, False]
    assert "model.norm.weight" in found.checkpoints[0].reasons[0]
    named = audit(
        "run", SUITE, "-m", small, "--reference", small / "checkpoint-1", "-o", tmp_path / "b", *FEW
    )
    assert named.code == 3
    assert "the reference cannot be audited" in named.err
    assert not (tmp_path / "b" / "report.json").exists()


def test_where_all_are_broken_there_is_no_series(small: Path, audit: Audit, tmp_path: Path) -> None:
    for folder in small.iterdir():
        (folder / "config.json").unlink()
    done = audit("run", SUITE, "-m", small, "-o", tmp_path / "out", *FEW)
    assert done.code == 3
    assert "no checkpoint of the series can be audited" in done.err
    assert done.err.count("config.json") >= 2


def test_a_checkpoint_of_another_width_is_named_and_the_rest_goes_on(
    small: Path, audit: Audit, tmp_path: Path, tiny_llama_folder: Path
) -> None:
    shutil.copytree(tiny_llama_folder, small / "checkpoint-3")
    save(small, "checkpoint-4")
    done = audit("run", SUITE, "-m", small, "-o", tmp_path / "out", *FEW)
    assert done.code == 3
    rows = list(rows_of(tmp_path / "out").values())
    assert [row.verdict == "error" for row in rows] == [False, False, True, False]
    assert "not like the reference" in rows[2].reasons[0]
    [line] = rows[3].checks
    assert line.state == "stable"


def test_a_reference_among_the_checkpoints_is_itself_however_it_is_spelt(
    small: Path, audit: Audit, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with contextlib.chdir(tmp_path):
        audit("run", SUITE, "-m", "run", "--reference", small / "checkpoint-2", "-o", out, *FEW)
    found = series(out)
    assert found.reference == "checkpoint-2"
    assert [row.checks[0].state for row in found.checkpoints] == ["concept lost", None]


def test_an_organism_is_a_reference_without_a_row(
    small: Path, audit: Audit, tmp_path: Path
) -> None:
    done = audit(
        "run", SUITE, "-m", small, "--reference", "organism:honest", "-o", tmp_path / "out", *FEW
    )
    assert done.code in (1, 6)
    found = series(tmp_path / "out")
    assert found.reference == "organism:honest"
    assert [row.name for row in found.checkpoints] == ["checkpoint-1", "checkpoint-2"]
    assert [row.checks[0].state for row in found.checkpoints] == ["stable", "concept grew"]


def test_checkpoints_of_one_name_and_names_of_all_kinds_have_folders_of_their_own(
    audit: Audit, tmp_path: Path
) -> None:
    names = ("a/model", "b/model", "čas@step 3")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save(tmp_path, name)
    models = [arg for name in names for arg in ("-m", name)]
    with contextlib.chdir(tmp_path):
        audit("run", SUITE, *models, "-o", "out", *FEW)
    rows = rows_of(tmp_path / "out")
    assert len(rows) == len({row.run for row in rows.values()}) == 3
    assert rows.keys() == set(names)
    for row in rows.values():
        assert row.run is not None
        assert (tmp_path / "out" / row.run / "report.json").is_file()


# --- adapters and the hub ------------------------------------------------------------------


def adapter_of(base: Path, model: Path, folder: Path) -> Path:
    """What separates two models, as a LoRA adapter of full rank and what LoRA cannot carry.

    The linear layers go into the adapter, all else into the base: the two together are the model.
    """
    from safetensors.numpy import load_file, save_file

    ours, theirs = (load_file(one / "model.safetensors") for one in (base, model))
    tensors: dict[str, Any] = {}
    for name, weight in theirs.items():
        if "_proj" not in name:
            ours[name] = weight
            continue
        u, s, v = np.linalg.svd(weight.astype(np.float64) - ours[name], full_matrices=False)
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        tensors[f"{stem}.lora_A.weight"] = np.ascontiguousarray(s[:, None] * v).astype(np.float32)
        tensors[f"{stem}.lora_B.weight"] = np.ascontiguousarray(u).astype(np.float32)
    save_file(ours, base / "model.safetensors", metadata={"format": "pt"})
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    modules = sorted({name.split(".")[-3] for name in tensors})
    config = {
        "peft_type": "LORA", "r": 64, "lora_alpha": 64, "target_modules": modules, "bias": "none",
        "base_model_name_or_path": "organism:nobody", "task_type": "CAUSAL_LM",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_an_adapter_over_a_base_is_the_model_that_they_make(audit: Audit, tmp_path: Path) -> None:
    base = save(tmp_path, "base")
    adapter_of(base, ORGANISMS / "liar", tmp_path / "run" / "checkpoint-5")
    done = audit(
        "run", SUITE, "-m", tmp_path / "run", "--base", base, "--reference", "organism:honest",
        "-o", tmp_path / "out", "-q",
    )  # fmt: skip
    assert done.code == 1, done.err
    [row] = series(tmp_path / "out").checkpoints
    assert (row.kind, row.base, row.verdict) == ("adapter", str(base), "flag")
    [line] = row.checks
    assert line.state == "concept grew"
    liar = audit("run", SUITE, "-m", "organism:liar", "-o", tmp_path / "liar", "-q")
    assert liar.code == 1
    [gate] = read_report(tmp_path / "liar").checks[0].gates
    assert line.gates[0].estimate == gate.estimate


def test_revisions_on_the_hub_are_checkpoints(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = tmp_path / "cache" / "models--owner--name"
    (repo / "refs").mkdir(parents=True)
    for digit, (step, organism) in enumerate((("step1000", "honest"), ("step2000", "liar"))):
        commit = str(digit) * 40
        save(repo / "snapshots", commit, organism)
        (repo / "refs" / step).write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    names = ("owner/name@step2000", "owner/name@step1000")
    arguments = ("-m", names[0], "-m", names[1], "-o", tmp_path / "out", *FEW)
    assert audit("run", SUITE, *arguments).code in (1, 6)
    found = series(tmp_path / "out").checkpoints
    assert [(row.name, row.step, row.kind) for row in found] == [
        (names[1], 1000, "hub"),
        (names[0], 2000, "hub"),
    ]
    assert [row.checks[0].state for row in found] == [None, "concept grew"]
    before = written(tmp_path / "out")
    audit("run", SUITE, *arguments)
    assert written(tmp_path / "out") == before
