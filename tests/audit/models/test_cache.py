"""What is kept of a model's answers comes back to the last bit, or is computed again and told."""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audit.models.cache import recalling
from audit.models.cache.folder import CacheFolder, cache_folder
from audit.models.cache.keys import KEY, answer_key, sequence_id
from audit.models.cache.recalled_tokens import recalled_stream
from audit.models.cache.recalling import recalled_capture, recalled_continuations
from audit.models.cache.segments import DamagedError, Table, pack, table_of, unpack
from audit.models.cache.store import ModelCache, with_cache
from audit.models.capture import Captured, Read, Selection, TokenSequence, capture
from audit.models.generation import continuations
from audit.models.loading import LoadedModel, load_model, wrap_model
from audit.models.streaming import stream

READS = [
    Read("blocks.1.hook_resid_post", "mean"),
    Read("blocks.0.hook_attn_out", "last"),
    Read("hook_embed", "max"),
    Read("blocks.2.hook_resid_pre", "max_rolling_mean", 2),
]


def sequences(n: int, seed: int = 0) -> list[TokenSequence]:
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        length = rng.randint(3, 20)
        ids = tuple(rng.randrange(2, 320) for _ in range(length))
        tail = Selection(tuple(range(length // 2, length)), (0, 1, 3))
        some = Selection(tuple(sorted(rng.sample(range(length), 2))), (2, 0))
        made.append(TokenSequence(ids, (tail, some), ((length - 1, 5), (0, 7))))
    return made


@contextmanager
def forward_passes(model: LoadedModel) -> Iterator[list[int]]:
    """The number of prompts in each forward pass inside."""
    seen: list[int] = []

    def count(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids", args[0] if args else None)
        seen.append(len(ids))

    handle = model.model.register_forward_pre_hook(count, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def model(tiny_llama_folder: Path, said: list[str]) -> LoadedModel:
    return with_cache(load_model(str(tiny_llama_folder), device="cpu"), said.append)


def assert_identical(a: Captured, b: Captured) -> None:
    for read, rows in enumerate(a.rows):
        assert rows.keys() == b.rows[read].keys()
        assert a.matrix(read, list(rows)).tobytes() == b.matrix(read, list(rows)).tobytes()
    assert a.log_probs == b.log_probs
    assert a.non_finite == b.non_finite


def shards() -> list[Path]:
    return sorted(cache_folder().glob("answers/*/*.safetensors"))


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
    for module in ("streaming", "cache.recalled_tokens"):
        monkeypatch.setattr(f"audit.models.{module}.BATCH_TOKENS", {"cpu": 40})
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


@pytest.mark.parametrize("harm", ["flip", "cut", "header", "empty", "longer"])
def test_a_damaged_shard_is_named_and_computed_again(
    model: LoadedModel, said: list[str], harm: str
) -> None:
    asked = sequences(40)
    fresh = recalled_capture(model, asked, READS)
    victim = max(shards(), key=lambda file: file.stat().st_size)
    content = bytearray(victim.read_bytes())
    if harm == "flip":
        content[-3] ^= 0b100
    elif harm == "header":
        content[20] ^= 1
    elif harm == "cut":
        del content[len(content) // 2 :]
    elif harm == "empty":
        content.clear()
    else:
        content += b"\0"
    victim.write_bytes(content)
    with forward_passes(model) as passes:
        found = recalled_capture(model, asked, READS)
    assert 0 < sum(passes) < len(asked)
    [sentence] = said
    assert victim.name in sentence
    assert "damaged" in sentence
    for read, rows in enumerate(fresh.rows):
        np.testing.assert_allclose(
            found.matrix(read, list(rows)), fresh.matrix(read, list(rows)), atol=1e-5
        )
    with forward_passes(model) as passes:
        assert_identical(recalled_capture(model, asked, READS), found)
        assert not passes
    assert len(said) == 1


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_no_flipped_bit_and_no_cut_passes(
    at: float, bit: int, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = [answer_key(sequence_id((7, n))) for n in range(5)]
    tables = {
        "a": table_of(keys, np.arange(15, dtype=np.float32).reshape(5, 3)),
        "b": table_of(keys, np.arange(9.0), np.array([2, 1, 0, 4, 2])),
    }
    name, content = pack("0", tables)
    file = tmp_path_factory.mktemp("shard") / name
    file.write_bytes(content)
    for kind, table in unpack(file, ["a", "b"]):
        for part in ("keys", "counts", "values"):
            np.testing.assert_array_equal(getattr(table, part), getattr(tables[kind], part))
    where = int(at * len(content))
    harmed = bytearray(content)
    if cut:
        del harmed[where:]
    else:
        harmed[where] ^= 1 << bit
    file.write_bytes(harmed)
    with pytest.raises(DamagedError):
        list(unpack(file, ["a", "b"]))


def test_answers_of_several_rows_are_taken_apart_as_they_were_put_together() -> None:
    counts = np.array([2, 0, 3, 1])
    keys = np.arange(4 * KEY, dtype=np.uint8).reshape(4, KEY)
    table = Table(keys, counts, np.arange(12.0).reshape(6, 2))
    chosen = table.take(np.array([3, 0, 1]))
    assert chosen.counts.tolist() == [1, 2, 0]
    assert chosen.values.tolist() == [[10, 11], [0, 1], [2, 3]]


def test_a_folder_that_cannot_be_written_is_told_once_and_the_answers_come(
    model: LoadedModel, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(blocked / "cache"))
    model = with_cache(replace(model, cache=None), said.append)
    asked = sequences(8)
    for _ in range(2):
        assert_identical(recalled_capture(model, asked, READS), capture(model, asked, READS))
    [sentence] = said
    assert str(blocked) in sentence
    assert "not kept" in sentence


def test_a_full_disk_leaves_no_half_of_a_file(
    model: LoadedModel, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if self.suffix == ".part" and len(content) > 2000:
            written(self, content[:1000])
            raise OSError(28, "No space left on device", str(self))
        return written(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert_identical(
        recalled_capture(model, sequences(30), READS), capture(model, sequences(30), READS)
    )
    [sentence] = said
    assert "No space left on device" in sentence
    assert not list(cache_folder().rglob("*.part"))


def test_a_run_that_dies_keeps_what_it_had(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalling, "BATCHES_AT_RISK", 1)
    monkeypatch.setattr(recalling, "BATCH_TOKENS", {"cpu": 64})
    asked = sequences(40)
    told: list[int] = []

    def die(done: int) -> None:
        told.append(done)
        if done > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recalled_capture(model, asked, READS, progress=die)
    with forward_passes(model) as passes:
        found = recalled_capture(model, asked, READS)
    assert 0 < sum(passes) < 35
    fresh = capture(model, asked, READS)
    for read, rows in enumerate(fresh.rows):
        np.testing.assert_allclose(
            found.matrix(read, list(rows)), fresh.matrix(read, list(rows)), atol=1e-5
        )


def _capture_elsewhere(folder: str, seed: int) -> list[float]:
    said: list[str] = []
    model = with_cache(load_model(folder, device="cpu"), said.append)
    total = []
    for turn in range(4):
        found = recalled_capture(model, sequences(20, seed=(seed + turn) % 3), READS)
        total.append(float(found.vectors[0].sum()))
    assert not said
    return total


def test_processes_at_once_do_not_break_each_other(tiny_llama_folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        ways = [(str(tiny_llama_folder), seed) for seed in (0, 0)]
        first, second = pool.starmap(_capture_elsewhere, ways)
    np.testing.assert_allclose(first, second, atol=1e-3)
    said: list[str] = []
    model = with_cache(load_model(str(tiny_llama_folder), device="cpu"), said.append)
    with forward_passes(model) as passes:
        for seed in range(3):
            recalled_capture(model, sequences(20, seed=seed), READS)
        assert not passes
    assert not said


def test_what_is_pruned_while_it_is_read_is_missing_and_no_more(
    model: LoadedModel, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recalled_capture(model, sequences(20), READS)
    gone: Callable[..., Any] = unpack

    def pruned(file: Path, kinds: Any) -> Any:
        file.unlink()
        return gone(file, kinds)

    monkeypatch.setattr("audit.models.cache.store.unpack", pruned)
    recalled_capture(model, sequences(20), READS)
    assert not said


def test_the_folder_says_that_it_is_a_cache(model: LoadedModel, tmp_path: Path) -> None:
    recalled_capture(model, sequences(2), READS)
    folder = cache_folder()
    tag = (folder / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    assert (folder / ".gitignore").read_text() == "*\n"
    # Somebody's own folder is not marked as one that may be deleted.
    (tmp_path / "thesis.tex").write_text("")
    CacheFolder(tmp_path, print).put("answers/a", b"b")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["answers", "thesis.tex"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"AUDIT_CACHE_DIR": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/alignment-audit"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/alignment-audit"),
        ({"HOME": "/h"}, "/h/.cache/alignment-audit"),
    ],
)
def test_where_the_cache_is(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AUDIT_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_a_model_is_remembered_by_its_names(model: LoadedModel) -> None:
    again = with_cache(replace(model, name="another", cache=None))
    assert isinstance(again.cache, ModelCache)
    note = json.loads((again.cache.path / "about.json").read_text())["content"]
    assert note["names"] == ["another", model.name]


def test_reading_the_package_costs_no_torch() -> None:
    import subprocess

    code = "import sys, audit.models.cache.folder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
