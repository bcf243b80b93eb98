"""What is kept of a model's answers comes back to the last bit, or is computed again and told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audit.models.batching import BATCH_TOKENS
from audit.models.cache.recalled_tokens import recalled_stream
from audit.models.cache.recalling import recalled_capture, recalled_continuations
from audit.models.cache.store import ModelCache, with_cache
from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.generation import continuations
from audit.models.loading import LoadedModel, load_model, wrap_model
from audit.models.streaming import stream
from tests.audit.models.cached import READS, assert_identical, forward_passes, sequences, shards


def test_a_second_capture_runs_nothing_and_is_equal_to_the_last_bit(model: LoadedModel) -> None:
    asked = sequences(40)
    fresh = capture(model, asked, READS)
    with forward_passes(model) as passes:
        cold = recalled_capture(model, asked, READS)
        assert passes
    with forward_passes(model) as passes:
        warm = recalled_capture(model, list(reversed(asked)), READS)
        assert not passes
        warm = recalled_capture(model, asked, READS)
        assert not passes
    assert_identical(cold, fresh)
    assert_identical(warm, fresh)
    # Another load of the same files is the same model.
    with forward_passes(again := with_cache(load_model(str(model.path), device="cpu"))) as passes:
        assert_identical(recalled_capture(again, asked, READS), fresh)
        assert not passes


def test_only_what_is_missing_runs(model: LoadedModel) -> None:
    asked = sequences(30)
    recalled_capture(model, asked[:20], READS[:2] + READS[:2])  # a read that is asked for twice
    with forward_passes(model) as passes:
        recalled_capture(model, [replace(one, next_tokens=()) for one in asked[:20]], READS[:4])
    assert sum(passes) == 20  # the two other reads
    with forward_passes(model) as passes:
        found = recalled_capture(model, asked, READS)
    assert sum(passes) == 10
    expected = capture(model, asked, READS)
    for read, rows in enumerate(expected.rows):
        np.testing.assert_allclose(
            found.matrix(read, list(rows)), expected.matrix(read, list(rows)), atol=1e-5
        )
    for left, right in zip(found.log_probs, expected.log_probs, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


def test_progress_ends_with_all_tokens_whatever_was_known(model: LoadedModel) -> None:
    asked = sequences(12)
    tokens = sum(len(one.ids) for one in asked)
    for known in (0, 6, 12):
        recalled_capture(model, asked[:known], READS)
        told: list[int] = []
        recalled_capture(model, asked, READS, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == tokens


def test_text_and_single_tokens_are_kept_too(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BATCH_TOKENS, "cpu", 40)
    prompts = [one.ids for one in sequences(9)] * 2
    expected = continuations(model, prompts, 6)
    assert recalled_continuations(model, prompts, 6) == expected
    names = ["blocks.1.hook_resid_post", "hook_embed"]
    rows = [one.ids for one in sequences(9)]
    at = [range(0, len(ids), 2) for ids in rows]
    for positions in (None, at):
        whole = list(stream(model, rows, names, positions=positions))
        list(recalled_stream(model, rows, names, positions=positions))
        with forward_passes(model) as passes:
            assert recalled_continuations(model, prompts, 6) == expected
            kept = list(recalled_stream(model, rows, names, positions=positions))
            assert not passes
        assert len(kept) == len(whole) > 1
        for left, right in zip(whole, kept, strict=True):
            assert all(torch.equal(left.x[name], right.x[name]) for name in names)
            assert torch.equal(left.sequence, right.sequence)
            assert torch.equal(left.position, right.position)
    with forward_passes(model) as passes:
        recalled_continuations(model, prompts, 7)
        assert passes


@pytest.mark.parametrize(
    "read",
    [
        Read("blocks.1.hook_resid_pre", "mean"),
        Read("blocks.1.hook_resid_post", "max"),
        Read("blocks.1.hook_resid_post", "mean", 3),
    ],
)
def test_another_question_finds_nothing(model: LoadedModel, read: Read) -> None:
    [one] = sequences(1)
    one = TokenSequence(one.ids, (Selection((1, 2), (0,)),))
    recalled_capture(model, [one], READS[:1])
    for other, reads in [
        (one, [read]),
        (replace(one, selections=(Selection((2,), (0,)),)), READS[:1]),
        (replace(one, ids=(*one.ids[:-1], one.ids[-1] ^ 1)), READS[:1]),
    ]:
        with forward_passes(model) as passes:
            recalled_capture(model, [other], reads)
            assert passes


def test_another_model_tokenizer_or_precision_is_another_folder(
    tiny_llama_folder: Path, tmp_path: Path
) -> None:
    import shutil

    def places(**how: Any) -> str:
        cache = with_cache(load_model(str(folder), device="cpu", **how)).cache
        assert cache is not None
        return cache.place

    folder = tmp_path / "copy"
    shutil.copytree(tiny_llama_folder, folder)
    first = places()
    found = {first, places(dtype="bfloat16")}
    moved = tmp_path / "moved"
    folder.rename(moved)
    folder = moved
    assert places() == first  # the path is no part of it
    for file, old, new in [
        ("config.json", '"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'),
        ("tokenizer_config.json", "{", '{"chat_template": "{{ messages }}",'),
        ("generation_config.json", '"eos_token_id": 1', '"eos_token_id": 2'),
    ]:
        text = (folder / file).read_text()
        assert old in text, (file, text)
        (folder / file).write_text(text.replace(old, new, 1))
        found.add(places())
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    found.add(places())
    assert len(found) == 6


def test_numbers_of_other_settings_are_not_taken(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place() -> str:
        cache = with_cache(replace(model, cache=None)).cache
        assert cache is not None
        return cache.place

    first = place()
    monkeypatch.setattr("audit.models.cache.keys.CAPTURE_VERSION", -1)
    second = place()
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
    third = place()
    model.model.config._attn_implementation = "eager"
    assert len({first, second, third, place()}) == 4


def test_nothing_is_kept_of_a_live_model(model: LoadedModel) -> None:
    live = with_cache(wrap_model(model.model, model.tokenizer, digest=False))
    assert live.cache is None
    recalled_capture(live, sequences(3), READS)
    assert not shards()


def test_a_model_is_remembered_by_its_names(model: LoadedModel) -> None:
    again = with_cache(replace(model, name="another", cache=None))
    assert isinstance(again.cache, ModelCache)
    note = json.loads((again.cache.path / "about.json").read_text())["content"]
    assert note["names"] == ["another", model.name]
