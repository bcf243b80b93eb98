"""A model that accelerate has spread gives what it gives in one place.

Here the places are the host and the disk. Weights on disk stand for those of another device:
they are nowhere until their block runs, and its neighbours are elsewhere. Several GPUs are not
tried.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from audit.engine.assembly import Options
from audit.errors import UsageError
from audit.models.cache.known import open_model
from audit.models.capture import Read, capture
from audit.models.generation import continuations
from audit.models.loading import DeviceMap, LoadedModel, load_model
from audit.models.streaming import stream
from tests.audit.models.cached import READS, assert_identical, sequences

SPLIT: DeviceMap = {
    "model.embed_tokens": "disk",
    "model.rotary_emb": "cpu",
    "model.layers.0": "cpu",
    "model.layers.1": "disk",
    "model.layers.2": "cpu",
    "model.layers.3": "disk",
    "model.norm": "cpu",
    "lm_head": "disk",
}


@pytest.fixture
def spread(tiny_llama_folder: Path) -> LoadedModel:
    return load_model(str(tiny_llama_folder), device_map=SPLIT)


@pytest.fixture
def whole(tiny_llama_folder: Path) -> LoadedModel:
    return load_model(str(tiny_llama_folder), device="cpu")


def test_it_is_spread_and_known_as_the_same_model(spread: LoadedModel, whole: LoadedModel) -> None:
    away = [name for name, weight in spread.model.named_parameters() if weight.is_meta]
    assert {"model.embed_tokens.weight", "lm_head.weight"} < set(away)
    assert not any(name.startswith("model.layers.2.") for name in away)
    assert spread.device == "cpu"
    assert spread.weights_digest == whole.weights_digest
    assert spread.n_parameters == whole.n_parameters


def test_it_gives_the_same_numbers_and_words(spread: LoadedModel, whole: LoadedModel) -> None:
    asked, prompts = sequences(30), [one.ids for one in sequences(8)]
    reads = [*READS, Read("blocks.3.hook_resid_post", "mean")]
    assert_identical(capture(spread, asked, reads), capture(whole, asked, reads))
    assert continuations(spread, prompts, 6) == continuations(whole, prompts, 6)
    names = ["blocks.1.hook_resid_post", "blocks.3.hook_mlp_out", "hook_embed"]
    for left, right in zip(
        stream(spread, prompts, names), stream(whole, prompts, names), strict=True
    ):
        assert all(torch.equal(left.x[name], right.x[name]) for name in names)


@pytest.mark.parametrize("device_map", ["auto", "sequential", {"": "cpu"}])
def test_where_all_of_it_fits_nothing_is_spread(
    tiny_llama_folder: Path, whole: LoadedModel, device_map: Any
) -> None:
    model = load_model(str(tiny_llama_folder), device_map=device_map)
    asked = sequences(8)
    if model.device == "cpu":
        assert_identical(capture(model, asked, READS), capture(whole, asked, READS))


def test_it_is_remembered_apart(tiny_llama_folder: Path, whole: LoadedModel) -> None:
    for again in (False, True):
        for device_map in (None, SPLIT):
            device = "cpu" if device_map is None else None
            model = open_model(str(tiny_llama_folder), device=device, device_map=device_map)
            assert model.in_memory is not again
            assert model.device == "cpu"


def test_one_device_and_several_are_not_asked_for_at_once(
    tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="give one of the two"):
        load_model(str(tiny_llama_folder), device="cpu", device_map="auto")
    with pytest.raises(UsageError, match=r"--ray .*give one of the two"):
        Options(ray="local", device_map="auto")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"accelerate: pip install 'alignment-audit\[training\]'"):
        load_model(str(tiny_llama_folder), device_map="auto")
