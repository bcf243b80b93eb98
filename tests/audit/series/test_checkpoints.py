"""From what a user writes to the checkpoints of a run: which, in what order, in which words."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from audit.errors import UsageError
from audit.series.adapters import read_adapter
from audit.series.checkpoints import Checkpoint, find_checkpoints
from audit.series.steps import natural, step_of_name


def make(folder: Path, *, step: int | None = None, **config: Any) -> Path:
    """A folder with what marks a checkpoint, and no weights worth the name."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    if step is not None:
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


def adapter(folder: Path, **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"} | config))
    return folder


def names(found: list[Checkpoint]) -> list[str]:
    return [checkpoint.name for checkpoint in found]


def steps(found: list[Checkpoint]) -> list[int | None]:
    return [checkpoint.step for checkpoint in found]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of the Trainer: three checkpoints, its logs, and one it is still writing."""
    run = tmp_path / "run"
    for step in (500, 1000, 1500):
        make(run / f"checkpoint-{step}", step=step)
    (run / "runs" / "events").mkdir(parents=True)
    make(run / "tmp-checkpoint-2000")
    (run / "all_results.json").write_text("{}")
    return run


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("step1000", (1000, "step")),
        ("checkpoint-500", (500, "step")),
        ("epoch_3", (3, "epoch")),
        ("global_step-42", (42, "step")),
        ("globalstep7", (7, "step")),
        ("global_step_100/actor/huggingface", (100, "step")),
        ("epoch=3-step=1200", (1200, "step")),
        ("ep1-ba250", (250, "step")),
        ("stage1-step1000-tokens5B", (1000, "step")),
        ("ckpt_10k", (10_000, "step")),
        ("step1M", (1_000_000, "step")),
        ("iter_0000100", (100, "step")),
        ("0001000", (1000, "step")),
        ("checkpoint-500-merged", (500, "step")),
        ("owner/name-step1@step2000", (2000, "step")),
        ("owner/name-step1@main", (1, "step")),
        ("run_a/checkpoint-5", (5, "step")),
        ("step1-run/checkpoint-5", (5, "step")),
        ("checkpoint-7b", None),
        ("llama-2", None),
        ("footstep3", None),
        ("step-1.5", None),
        ("step150.25", None),
        ("final", None),
        ("", None),
    ],
)
def test_the_number_in_a_name(name: str, expected: tuple[int, str] | None) -> None:
    step = step_of_name(name)
    assert (step and (step.number, step.unit)) == expected


def test_natural_order() -> None:
    right = ["checkpoint-9", "checkpoint-10", "checkpoint-100", "final", "v2-step3", "v10-step3"]
    shuffled = random.Random(0).sample(right, len(right))
    assert sorted(shuffled, key=natural) == right


@pytest.mark.parametrize("how", ["pattern", "parent", "folders", "parent/", "all of it"])
def test_each_way_of_writing_gives_the_same_series(run: Path, how: str) -> None:
    folders = [str(run / f"checkpoint-{step}") for step in (1000, 1500, 500)]
    given = {
        "pattern": [f"{run}/checkpoint-*"],
        "parent": [str(run)],
        "folders": folders,
        "parent/": [f"{run}/"],
        "all of it": [f"{run}/*", *folders, f"{run}/./checkpoint-500/"],
    }[how]
    found = find_checkpoints(given)
    assert names(found) == ["checkpoint-500", "checkpoint-1000", "checkpoint-1500"]
    assert steps(found) == [500, 1000, 1500]
    assert {c.kind for c in found} == {"model"}
    assert [c.folder for c in found] == [run / name for name in names(found)]


def test_a_pattern_relative_to_here(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    found = find_checkpoints(["run/checkpoint-1*"])
    assert [c.source for c in found] == ["run/checkpoint-1000", "run/checkpoint-1500"]


def test_the_trainers_state_counts_above_the_name(tmp_path: Path) -> None:
    make(tmp_path / "run" / "checkpoint-1", step=900)
    make(tmp_path / "run" / "checkpoint-2", step=30)
    make(tmp_path / "run" / "checkpoint-600")
    found = find_checkpoints([str(tmp_path / "run")])
    assert list(zip(names(found), steps(found), strict=True)) == [
        ("checkpoint-2", 30),
        ("checkpoint-600", 600),
        ("checkpoint-1", 900),
    ]


@pytest.mark.parametrize(
    "state", ["", "{", "[]", '{"global_step": "7"}', '{"global_step": true}', '{"global_step": -1}']
)
def test_a_state_that_says_nothing_leaves_the_name(tmp_path: Path, state: str) -> None:
    folder = make(tmp_path / "checkpoint-600")
    (folder / "trainer_state.json").write_text(state)
    assert steps(find_checkpoints([str(folder)])) == [600]


def test_who_has_no_step_keeps_its_place(run: Path) -> None:
    base, final = make(run.parent / "base"), make(run.parent / "final")
    given = [str(base), str(run / "checkpoint-1500"), str(run / "checkpoint-500"), str(final)]
    found = find_checkpoints(given)
    assert names(found) == ["base", "checkpoint-500", "checkpoint-1500", "final"]
    assert steps(found) == [None, 500, 1500, None]


def test_without_any_step_the_order_is_as_given(tmp_path: Path) -> None:
    given = [str(make(tmp_path / name)) for name in ("zeta", "alpha", "mid")]
    assert [c.source for c in find_checkpoints(given)] == given


def test_epochs_count_where_nobody_counts_steps(tmp_path: Path) -> None:
    given = [str(make(tmp_path / f"epoch_{n}")) for n in (10, 9)]
    assert steps(find_checkpoints(given)) == [9, 10]
    given.append(str(make(tmp_path / "step5")))
    assert list(map(str, steps(find_checkpoints(given)))) == ["None", "None", "5"]


def test_hub_revisions_are_ordered_and_nobody_asks_the_hub() -> None:
    found = find_checkpoints(
        ["owner/name@step2000", "owner/name@step512", "owner/name@step2000", "organism:liar"]
    )
    assert [(c.source, c.step, c.kind) for c in found] == [
        ("owner/name@step512", 512, "hub"),
        ("owner/name@step2000", 2000, "hub"),
        ("organism:liar", None, "organism"),
    ]
    assert all(c.folder is None and c.name == c.source for c in found)


def test_mixed_kinds_in_one_series(run: Path) -> None:
    lora = adapter(run.parent / "lora" / "checkpoint-700", base_model_name_or_path="owner/base")
    found = find_checkpoints([f"{run}/checkpoint-*", str(lora), "owner/name@step600"])
    assert [(c.kind, c.step) for c in found] == [
        ("model", 500),
        ("hub", 600),
        ("adapter", 700),
        ("model", 1000),
        ("model", 1500),
    ]


def test_a_name_is_the_shortest_end_of_its_path_that_no_other_has(tmp_path: Path) -> None:
    for step in (100, 20):
        make(tmp_path / f"global_step_{step}" / "actor" / "huggingface")
    found = find_checkpoints([f"{tmp_path}/global_step_*/actor/huggingface"])
    assert names(found) == [f"global_step_{step}/actor/huggingface" for step in (20, 100)]
    assert steps(found) == [20, 100]


def test_a_link_to_a_checkpoint_is_no_second_one(run: Path) -> None:
    (run / "best").symlink_to(run / "checkpoint-1000")
    assert names(find_checkpoints([str(run)])) == names(find_checkpoints([f"{run}/*"]))
    assert "best" not in names(find_checkpoints([str(run)]))


def test_a_folder_that_is_a_model_is_that_model(run: Path) -> None:
    (run / "config.json").write_text("{}")
    assert len(find_checkpoints([str(run)])) == 3  # it may be the config of the run
    (run / "model.safetensors").write_bytes(b"")
    assert names(find_checkpoints([str(run)])) == ["run"]
    assert len(find_checkpoints([f"{run}/checkpoint-*"])) == 3


def test_a_folder_deleted_meanwhile_stays_a_folder(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(folder: Path) -> None:
        shutil.rmtree(folder)

    monkeypatch.setattr("audit.series.checkpoints.step_of_folder", delete)
    found = find_checkpoints([str(run)])
    assert not list(run.glob("checkpoint-*"))
    assert [(c.kind, c.step) for c in found] == [("model", 500), ("model", 1000), ("model", 1500)]


def test_a_checkpoint_without_config_stays_in_the_series(run: Path) -> None:
    (run / "checkpoint-1000" / "config.json").unlink()
    (run / "checkpoint-1000" / "trainer_state.json").unlink()
    assert steps(find_checkpoints([str(run)])) == [500, 1000, 1500]
    assert steps(find_checkpoints([f"{run}/*"])) == [500, 1000, 1500]


def test_the_base_of_an_adapter(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a-1", base_model_name_or_path="owner/base", revision="v2")
    assert find_checkpoints([str(folder)])[0].base == "owner/base@v2"
    assert find_checkpoints([str(folder)], base="other")[0].base == "other"
    silent = adapter(tmp_path / "a-2")
    with pytest.raises(UsageError, match=r"names no base_model_name_or_path.*--base"):
        find_checkpoints([str(silent)])
    assert find_checkpoints([str(silent)], base="other")[0].base == "other"
    gone = adapter(tmp_path / "a-3", base_model_name_or_path="/gone/base")
    with pytest.raises(UsageError, match=r"/gone/base, a folder that is not on this machine"):
        find_checkpoints([str(gone)])
    (gone / "adapter_config.json").write_text('{"base_mod')
    assert find_checkpoints([str(gone)])[0].base is None


def test_the_config_of_the_base_makes_no_model_of_an_adapter(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a-1", base_model_name_or_path="owner/base")
    (folder / "config.json").write_text("{}")
    assert find_checkpoints([str(folder)])[0].kind == "adapter"
    (folder / "model.safetensors").write_bytes(b"")  # merged
    assert find_checkpoints([str(folder)])[0].kind == "model"


def test_what_an_adapter_asks_for(tmp_path: Path) -> None:
    folder = adapter(
        tmp_path / "a",
        base_model_name_or_path="owner/base",
        r=16,
        lora_alpha=32,
        target_modules=["v_proj", "q_proj"],
    )
    found = read_adapter(folder)
    assert (found.base, found.rank, found.scaling) == ("owner/base", 16, 2.0)
    assert (found.targets, found.beyond) == (("q_proj", "v_proj"), ())
    assert str(found) == "LORA of rank 16 over owner/base"
    config = {"r": 16, "lora_alpha": 32, "use_rslora": True, "use_dora": True, "bias": "all"}
    found = read_adapter(adapter(tmp_path / "b", **config), base="owner/base")
    assert (found.scaling, found.beyond) == (8.0, ("use_dora", "bias"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{run}/chekpoint-*", r"nothing matches .*chekpoint.*did you mean 'checkpoint-"),
        ("{run}/zzz/*", r"run holds the folders checkpoint-500, checkpoint-1000, .* and 1 more"),
        ("{run}/checkpoint-5000", r"there is no folder .*did you mean 'checkpoint-500'"),
        ("{run}/all_*", r"matches all_results.json, none of which is the folder of a checkpoint"),
        ("{run}/all_results.json", r"is a file; a checkpoint is the folder"),
        ("{run}/runs", r"no folder in it is one \(it holds events\)"),
        ("{run}/runs/events", r"it is empty"),
        ("owner/name@step*", r"cannot be asked for by a pattern; name each"),
    ],
)
def test_what_leads_nowhere_is_said(run: Path, given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_checkpoints([given.format(run=run)])


def test_a_missing_folder_is_not_taken_for_the_hub(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    with pytest.raises(UsageError, match="there is no folder run/checkpoint-50"):
        find_checkpoints(["run/checkpoint-50"])


def test_nothing_given() -> None:
    with pytest.raises(UsageError, match="no checkpoint was given"):
        find_checkpoints([])


def test_a_step_that_occurs_twice_has_no_order(run: Path) -> None:
    other = make(run.parent / "other" / "checkpoint-500")
    with pytest.raises(UsageError, match=r"run/checkpoint-500 and .*other/checkpoint-500 both say"):
        find_checkpoints([str(run), str(other)])


def test_the_order_does_not_depend_on_how_the_steps_were_written(tmp_path: Path) -> None:
    given = [str(make(tmp_path / f"step{n}")) for n in (1, 2, 3, 20, 100)]
    for seed in range(20):
        shuffled = random.Random(seed).sample(given, len(given))
        assert [c.source for c in find_checkpoints(shuffled)] == given
