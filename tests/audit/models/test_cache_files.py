"""The files of the cache: whole or not there, and never in the way of a run."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models.batching import BATCH_TOKENS
from audit.models.cache import parts
from audit.models.cache.folder import CacheFolder, cache_folder
from audit.models.cache.keys import KEY, answer_key, sequence_id
from audit.models.cache.recalling import recalled_capture
from audit.models.cache.segments import DamagedError, Table, pack, table_of, unpack
from audit.models.cache.store import ModelCache, with_cache
from audit.models.capture import capture
from audit.models.loading import LoadedModel, load_model
from tests.audit.models.cached import (
    READS,
    assert_identical,
    forward_passes,
    sequences,
    shards,
)


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of 4 batches, parts of 2, batches of 64 tokens."""
    monkeypatch.setattr(parts, "BATCHES_A_SHARD", 4)
    monkeypatch.setattr(parts, "BATCHES_A_PART", 2)
    monkeypatch.setitem(BATCH_TOKENS, "cpu", 64)


@pytest.mark.parametrize("harm", ["flip", "cut", "header", "empty", "longer"])
def test_a_damaged_shard_is_named_and_computed_again(
    model: LoadedModel, said: list[str], harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch)
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


@pytest.mark.parametrize("kept", [1, 3])
def test_a_run_that_dies_goes_on_as_if_it_had_not(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    small_parts(monkeypatch)
    asked, add = sequences(40), ModelCache.add
    with forward_passes(model) as passes:
        fresh = recalled_capture(model, asked, READS)
        whole = len(passes)
    for file in shards():
        file.unlink()

    def die(self: ModelCache, *what: Any) -> None:
        add(self, *what)
        if len(shards()) == kept:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ModelCache, "add", die)
        with pytest.raises(KeyboardInterrupt):
            recalled_capture(model, asked, READS)
    assert len(shards()) == kept
    with forward_passes(model) as passes:
        found = recalled_capture(model, asked, READS)
    assert 0 < len(passes) < whole
    assert_identical(found, fresh)


def _capture_elsewhere(folder: str, seed: int) -> list[float]:
    said: list[str] = []
    model = with_cache(load_model(folder, device="cpu"), said.append)
    total = []
    for turn in range(4):
        found = recalled_capture(model, sequences(20, seed=(seed + turn) % 3), READS)
        total.append(float(found.vectors[0].sum()))
    assert not said
    return total


@pytest.mark.slow
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


def test_reading_the_package_costs_no_torch() -> None:
    import subprocess

    code = "import sys, audit.models.cache.folder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
