"""What was audited is told by what it was made of: any other byte that counts is another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.engine.assembly import Options
from audit.engine.request import of_model
from audit.engine.watching import Watches, open_watches
from audit.models.loaded import LoadedModel
from audit.models.loading import ORGANISMS
from audit.series.checkpoints import find_checkpoints
from audit.series.fingerprints import fingerprint
from audit.series.opening import open_checkpoint
from audit.series.origin import open_checks
from audit.series.stored_rows import (
    ROW_FILE,
    folder_name,
    keep_row,
    kept_row,
    series_key,
    stored_row,
)
from tests.audit.series.followed_rows import row

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(ORGANISMS / "honest", tmp_path / "checkpoint-1", ignore=ignore))


def of(folder: Path | str, key: str = "k", base: str | None = None) -> str:
    [checkpoint] = find_checkpoints([str(folder)], base=base)
    return fingerprint(checkpoint, key, Options())


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_the_same_files_have_the_same_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "checkpoint-9")
    assert of(folder) == of(folder) == of(moved)
    assert of(folder) == of("organism:honest")
    assert of(folder, key="other") != of(folder)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a weight": lambda f: flip(f / "model.safetensors"),
    "the config": lambda f: (f / "config.json").write_text("{}"),
    "the tokenizer": lambda f: (f / "tokenizer.json").write_text("{}"),
    "a tokenizer file more": lambda f: (f / "special_tokens_map.json").write_text("{}"),
    "a file less": lambda f: (f / "generation_config.json").unlink(),
    "a file by another name": lambda f: (f / "model.safetensors").rename(f / "m.safetensors"),
    "an adapter beside it": lambda f: (f / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "organism:honest"})
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_byte_that_counts_is_another_checkpoint(what: str, folder: Path) -> None:
    before = of(folder)
    CHANGES[what](folder)
    assert of(folder) != before


def test_what_training_leaves_beside_it_does_not_count(folder: Path) -> None:
    before = of(folder)
    (folder / "trainer_state.json").write_text("{}")
    (folder / "optimizer.pt").write_bytes(b"x")
    (folder / "README.md").write_text("x")
    assert of(folder) == before


def test_the_base_of_an_adapter_counts(folder: Path, tmp_path: Path) -> None:
    adapter = GOLDEN / "llama-attention"
    base = Path(shutil.copytree(GOLDEN / "base-llama", tmp_path / "base"))
    before = of(adapter, base=str(base))
    flip(base / "model.safetensors")
    assert of(adapter, base=str(base)) != before
    assert of(adapter, base="organism:honest") == of(adapter, base=str(folder))


def test_what_the_config_of_a_base_says_is_of_the_adapted_model(tmp_path: Path) -> None:
    base = Path(shutil.copytree(GOLDEN / "base-llama", tmp_path / "base"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ORGANISMS / "honest" / name, base)
    [checkpoint] = find_checkpoints([str(GOLDEN / "llama-attention")], base=str(base))
    said = json.loads((base / "config.json").read_text("utf-8"))
    found = []
    for changed in ({}, {"transformers_version": "4.0.0"}, {"rms_norm_eps": 0.1}):
        (base / "config.json").write_text(json.dumps({**said, **changed}), "utf-8")
        found.append(of_model("model", open_checkpoint(checkpoint, device="cpu")))
    assert found[0] == found[1]
    assert {n for n in found[0] if found[0][n] != found[2][n]} == {"model configuration"}


def test_a_folder_that_went_away_is_not_what_was_audited(folder: Path) -> None:
    [checkpoint] = find_checkpoints([str(folder)])
    before = fingerprint(checkpoint, "k", Options())
    shutil.rmtree(folder)
    assert fingerprint(checkpoint, "k", Options()) != before


def test_the_key_of_a_series_sees_all_that_a_row_rests_on() -> None:
    plain = Options()

    def key(suite: str, options: Options, reference: str = "r") -> str:
        against = {"reference weights": reference}
        return series_key(*open_checks([suite], options), options, against, Watches())

    keys = [
        key("organism_lying", plain),
        key("organism_lying", Options(seed=1)),
        key("organism_lying", Options(limit=50)),
        key("organism_lying", Options(dtype="float16")),
        key("organism_lying", plain, "other weights"),
        key("organism_trigger", plain),
    ]
    assert len(set(keys)) == len(keys)
    assert key("organism_lying", plain) == keys[0]
    assert key("organism_lying", Options(strict=True, fail_on="high")) == keys[0], "no number moves"


def test_an_sae_that_was_trained_anew_is_another_series(honest: LoadedModel) -> None:
    """It lies beside the weights and is none of them."""
    opened, selected = open_checks(["organism_features"], Options())
    watches = open_watches(selected, honest)
    [(key, watch)] = watches.opened.items()
    anew = replace(watch, info=watch.info.model_copy(update={"digest": "other"}))
    keys = [
        series_key(opened, selected, Options(), {"reference weights": "r"}, one)
        for one in (watches, Watches({key: anew}, {}))
    ]
    assert keys[0] != keys[1]


# --- rows that are kept ------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=120), min_size=2, max_size=8, unique=True))
def test_every_name_has_a_folder_of_its_own(names: list[str]) -> None:
    folders = [folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    for name in folders:
        assert Path(name).name == name
        assert name not in (".", "..")
        assert name.isascii()
        assert len(name) <= 80


def test_names_of_every_day_stay_and_others_are_told_apart() -> None:
    assert folder_name("checkpoint-500") == "checkpoint-500"
    assert folder_name("epoch=3-step=1200") == "epoch=3-step=1200"
    odd = [
        "a/checkpoint-1",
        "b/checkpoint-1",
        "o/n@step1",
        "o/n@step2",
        "n@step1",
        "čas",
        "cas",
        "",
    ]
    assert len({folder_name(name) for name in odd}) == len(odd)


def test_a_row_comes_back_only_as_what_it_was_made_of(folder: Path) -> None:
    [checkpoint] = find_checkpoints([str(folder)])
    keep_row(folder, row(7, name="old"), made_of="m", key="k")
    found = stored_row(folder, checkpoint, made_of="m")
    assert found is not None
    assert (found.name, found.step) == (checkpoint.name, checkpoint.step), "as it is called now"
    assert stored_row(folder, checkpoint, made_of="n") is None
    assert kept_row(folder, checkpoint, key="k") == found
    assert kept_row(folder, checkpoint, key="l") is None


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"made_of": "m"}', '{"made_of": "m", "row": 1}']
)
def test_a_row_of_another_shape_is_made_anew(content: str, folder: Path) -> None:
    [checkpoint] = find_checkpoints([str(folder)])
    (folder / ROW_FILE).write_text(content)
    assert stored_row(folder, checkpoint, made_of="m") is None
