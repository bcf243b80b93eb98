"""Half-written folders: cut anywhere, they are named as incomplete."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from audit.errors import UsageError
from audit.models.checkpoint_files import check_safetensors
from audit.series.completeness import is_complete


@pytest.fixture
def folder(tiny_llama_folder: Path, tmp_path: Path) -> Path:
    """A copy of a real checkpoint that a test may spoil."""
    return Path(shutil.copytree(tiny_llama_folder, tmp_path / "model"))


@pytest.fixture
def sharded(folder: Path, tiny_llama: Any) -> Path:
    (folder / "model.safetensors").unlink()
    tiny_llama.model.save_pretrained(folder, max_shard_size="40KB")
    return folder


def tiny(file: Path) -> bytes:
    """A safetensors file of two tensors, a few hundred bytes long."""
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.float16)}, file)
    return file.read_bytes()


def test_a_whole_checkpoint_is_complete(folder: Path) -> None:
    look = is_complete(folder)
    assert look
    assert str(look) == f"{folder} is complete"
    assert is_complete(folder, earlier=look)


def test_shards_are_complete(sharded: Path) -> None:
    assert str(is_complete(sharded)) == f"{sharded} is complete"


def test_a_weights_file_cut_at_every_byte(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = tiny(file)
    assert is_complete(folder)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        look = is_complete(folder)
        assert not look, length
        assert "model.safetensors" in look.missing[0]
        with pytest.raises(UsageError):  # the reference implementation agrees
            check_safetensors([file])
    file.write_bytes(whole + b"\0")
    assert is_complete(folder).missing == (
        f"model.safetensors has {len(whole) + 1} of {len(whole)} bytes",
    )


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_json_cut_at_every_byte(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes().rstrip()
    (folder / "tokenizer.json").write_text("{}")
    for length in range(len(whole)):
        (folder / name).write_bytes(whole[:length])
        (phrase,) = is_complete(folder).missing
        assert phrase.startswith(f"{name} is ")
    (folder / name).write_bytes(whole)
    assert is_complete(folder)


def test_the_tokenizer_and_the_index_cut_at_many_bytes(sharded: Path) -> None:
    for name in ("tokenizer.json", "model.safetensors.index.json"):
        whole = (sharded / name).read_bytes().rstrip()
        for length in range(0, len(whole), max(1, len(whole) // 50)):
            (sharded / name).write_bytes(whole[:length])
            assert is_complete(sharded).missing[0].startswith(f"{name} is ")
        (sharded / name).write_bytes(whole)


def test_any_file_that_goes_is_missed(sharded: Path) -> None:
    needed = ["config.json", "tokenizer.json", "model.safetensors.index.json"]
    needed += [path.name for path in sharded.glob("model-*.safetensors")]
    for name in needed:
        content = (sharded / name).read_bytes()
        (sharded / name).unlink()
        assert not is_complete(sharded), name
        (sharded / name).write_bytes(content)
    assert is_complete(sharded)


def test_written_as_the_trainer_does_it_is_complete_only_at_the_end(
    sharded: Path, tmp_path: Path
) -> None:
    """File after file, each in two pieces, in the order of the Trainer."""
    order = ["config.json", "generation_config.json"]
    order += sorted(path.name for path in sharded.glob("model-*.safetensors"))
    order += ["model.safetensors.index.json", "tokenizer_config.json", "tokenizer.json"]
    for name in ("training_args.bin", "optimizer.pt", "rng_state.pth"):
        (sharded / name).write_bytes(b"any content")
        order.append(name)
    (sharded / "trainer_state.json").write_text('{"global_step": 5}')
    order.append("trainer_state.json")
    target = tmp_path / "checkpoint-5"
    target.mkdir()
    early = []
    for name in order:
        content = (sharded / name).read_bytes()
        for part in (content[: len(content) // 2], content):
            early.append(is_complete(target).complete)
            (target / name).write_bytes(part)
    assert is_complete(target)
    # Between the tokenizer and the Trainer's own files nothing shows that more will come.
    assert sum(early) == 1


def test_what_is_missing_is_said(sharded: Path) -> None:
    index = sharded / "model.safetensors.index.json"
    shards = sorted(path.name for path in sharded.glob("model-*.safetensors"))
    kept = (sharded / shards[1]).read_bytes()
    (sharded / shards[1]).unlink()
    assert is_complete(sharded).missing == (
        f"{len(shards) - 1} of the {len(shards)} shards that {index.name} names are there, "
        f"not {shards[1]}",
    )
    text = index.read_text()
    index.unlink()
    assert is_complete(sharded).missing == (
        f"{len(shards) - 1} of {len(shards)} shards are there and {index.name} is not, "
        "which comes after them",
    )
    index.write_text(text)
    tiny(sharded / shards[1])
    assert (
        "weights that model.safetensors.index.json places there" in is_complete(sharded).missing[0]
    )
    (sharded / shards[1]).write_bytes(kept)
    index.write_text("{}")
    assert is_complete(sharded).missing == (f"{index.name} has no weight_map",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "ends inside its header, after 0 bytes"),
        (b"\0" * 64, "does not begin with a safetensors header"),
        (b"\xff" * 64, "does not begin with a safetensors header"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of git-lfs"),
        ((2).to_bytes(8, "little") + b"{}", "holds no tensor"),
        ((2).to_bytes(8, "little") + b"[]", "the header of model.safetensors is not one"),
        ((7).to_bytes(8, "little") + b'{"a":1}', "the header of model.safetensors is not one"),
    ],
)
def test_what_is_no_weights_file(folder: Path, content: bytes, words: str) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert words in is_complete(folder).missing[0]


def test_a_pickle_cut_short(folder: Path) -> None:
    import torch

    (folder / "model.safetensors").unlink()
    assert is_complete(folder).missing == (
        "no weights are there, neither model.safetensors nor model.safetensors.index.json",
    )
    file = folder / "pytorch_model.bin"
    torch.save({"a": torch.ones(3)}, file)
    assert is_complete(folder)
    whole = file.read_bytes()
    for length in (0, 1, 2, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert "pytorch_model.bin is not a whole file of torch" in is_complete(folder).missing[0]


def test_an_adapter_needs_no_tokenizer(tmp_path: Path) -> None:
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({"peft_type": "LORA"}))
    assert is_complete(tmp_path).missing[0].startswith("the adapter has no weights")
    whole = tiny(tmp_path / "adapter_model.safetensors")
    assert is_complete(tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(whole[:-1])
    assert is_complete(tmp_path).missing == (
        f"adapter_model.safetensors has {len(whole) - 1} of {len(whole)} bytes",
    )


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors.tmp",
        "weights.incomplete",
        ".metadata.tmp",
        ".tmpAb12",
        ".model.safetensors.Xy12Za",
        ".cache/huggingface/download/abc.incomplete",
    ],
)
def test_a_temporary_file_means_that_somebody_writes(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    look = is_complete(folder)
    assert look.missing == ()
    assert Path(name).name in look.writing[0]
    assert "still being written" in str(look)


def test_a_folder_that_its_writer_will_rename(folder: Path) -> None:
    staged = folder.rename(folder.with_name("tmp-checkpoint-5"))
    assert "changes when it is done" in is_complete(staged).writing[0]


def test_weights_left_in_the_shards_of_the_training(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model_fsdp_0").mkdir()
    assert "merge them into safetensors" in is_complete(folder).missing[0]


def test_whatever_changes_between_two_looks_is_said(folder: Path) -> None:
    (folder / "merges.txt").write_text("a b\n")
    (folder / "gone.txt").write_text("")
    first = is_complete(folder)
    assert first
    (folder / "merges.txt").write_text("a b\nc d\n")
    (folder / "gone.txt").unlink()
    (folder / "new.txt").write_text("")
    state = (folder / "config.json").stat()
    os.utime(folder / "config.json", ns=(state.st_atime_ns, state.st_mtime_ns + 10))
    second = is_complete(folder, earlier=first)
    assert second.writing == (
        "config.json was written to since the last look",
        "gone.txt has gone since the last look",
        "merges.txt had 4 bytes at the last look and has 8",
        "new.txt was not there at the last look",
    )
    assert str(second).endswith("merges.txt had 4 bytes at the last look and has 8; and 1 more")
    assert is_complete(folder, earlier=second)


def test_a_folder_deleted_meanwhile(folder: Path) -> None:
    first = is_complete(folder)
    shutil.rmtree(folder)
    look = is_complete(folder, earlier=first)
    assert str(look) == f"{folder} is not complete: the folder is not there any more"
    assert look.files == ()
