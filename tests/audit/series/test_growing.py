"""Which folders of a run are checkpoints, and when they are complete."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from audit.models.loading import ORGANISMS
from audit.series.checkpoints import Checkpoint
from audit.series.growing import Growing


@pytest.fixture
def growing(tmp_path: Path) -> Growing:
    (tmp_path / "audit").mkdir()
    return Growing(tmp_path, tmp_path / "audit")


def save(growing: Growing, name: str) -> Path:
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(ORGANISMS / "honest", growing.folder / name, ignore=ignore))


def names(checkpoints: tuple[Checkpoint, ...]) -> list[str]:
    return [one.name for one in checkpoints]


def test_a_folder_may_have_no_checkpoint_as_yet(growing: Growing) -> None:
    assert growing.look().found == ()
    shutil.rmtree(growing.folder)
    assert growing.look().found == ()


def test_one_look_is_not_enough_and_two_are(growing: Growing) -> None:
    save(growing, "checkpoint-1000")
    save(growing, "checkpoint-200")
    first = growing.look()
    assert names(first.new) == ["checkpoint-200", "checkpoint-1000"]
    assert not first.ready
    second = growing.look()
    assert names(second.ready) == ["checkpoint-200", "checkpoint-1000"]
    for checkpoint in second.ready:
        growing.settle(checkpoint)
    third = growing.look()
    assert (third.new, third.ready) == ((), ())
    assert third.found == first.found


def test_a_file_that_grows_between_two_looks_is_still_written(growing: Growing) -> None:
    merges = save(growing, "checkpoint-1") / "merges.txt"  # a text that does not state its end
    for size in (1, 2, 3):
        merges.write_text("a b\n" * size, encoding="utf-8")
        assert not growing.look().ready
    assert names(growing.look().ready) == ["checkpoint-1"]


def test_what_is_settled_is_looked_at_again_once_it_changes(growing: Growing) -> None:
    folder = save(growing, "checkpoint-1")
    growing.look()
    [one] = growing.look().ready
    growing.settle(one)
    assert not growing.look().ready
    (folder / "notes.txt").write_text("changed", encoding="utf-8")
    assert names(growing.look().new) == ["checkpoint-1"]
    assert names(growing.look().ready) == ["checkpoint-1"]
    shutil.rmtree(folder)
    assert not growing.look().found
    save(growing, "checkpoint-1")
    assert names(growing.look().new) == ["checkpoint-1"], "deleted and made anew"


def test_neither_staging_folders_nor_its_own_are_checkpoints(tmp_path: Path) -> None:
    growing = Growing(tmp_path, tmp_path / "step-7")
    for name in ("tmp-checkpoint-5", "checkpoint-5.tmp", ".checkpoint-5", "step-7", "logs"):
        (tmp_path / name).mkdir()
    assert not growing.look().found
    (tmp_path / "tmp-checkpoint-5").rename(tmp_path / "checkpoint-5")
    assert names(growing.look().found) == ["checkpoint-5"]


def test_two_that_claim_one_step_leave_the_one_that_is_named_by_it(growing: Growing) -> None:
    for name in ("best", "checkpoint-500"):
        state = save(growing, name) / "trainer_state.json"
        state.write_text('{"global_step": 500}', encoding="utf-8")
    save(growing, "checkpoint-100")
    look = growing.look()
    assert names(look.found) == ["checkpoint-100", "checkpoint-500"]
    [(checkpoint, reason)] = look.refused.values()
    assert (checkpoint.name, checkpoint.step) == ("best", 500)
    assert "both say that they are step 500" in reason


def test_a_folder_that_went_away_holds_nothing(growing: Growing) -> None:
    save(growing, "checkpoint-1")
    growing.look()
    shutil.rmtree(growing.folder)
    assert not growing.look().found
