"""Weights come into memory only where something new is asked, and never under a wrong digest."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from audit.errors import UsageError
from audit.models.cache import digests
from audit.models.cache.digests import remembered_digest
from audit.models.cache.folder import CacheFolder, cache_folder, read_note
from audit.models.cache.known import open_model
from audit.models.cache.recalling import recalled_capture
from audit.models.checkpoint_files import files_digest
from audit.models.hook_names import HookPoints
from audit.models.loading import load_model
from tests.audit.models.cached import READS, assert_identical, sequences


def settled(file: Path) -> Path:
    """The file as if nobody had written to it for an hour."""
    hour = time.time_ns() - 3600 * 10**9
    os.utime(file, ns=(hour, hour))
    return file


@pytest.fixture
def folder(tiny_llama_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_llama_folder, tmp_path / "model"))


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "LARGE", 1)
    monkeypatch.setattr(digests, "SETTLED", 0.0)


def test_a_known_model_is_what_loading_gives_and_is_read_at_the_first_look(folder: Path) -> None:
    said: list[str] = []
    loaded = load_model(str(folder), device="cpu")
    first = open_model(str(folder), device="cpu", say=said.append)
    fresh = recalled_capture(first, sequences(9), READS)
    assert len(said) == 1
    known = open_model(str(folder), device="cpu", say=said.append)
    assert_identical(recalled_capture(known, sequences(9), READS), fresh)
    for name in (
        *("name", "architecture", "n_layers", "d_model", "n_parameters", "dtype", "device"),
        *("weights_digest", "tokenizer_digest", "context_length", "path", "unread", "speaks"),
    ):
        assert getattr(known, name) == getattr(loaded, name), name
    points, places = HookPoints(loaded.model), HookPoints(known.structure)
    assert [places.resolve(n) for n in places.names()] == [
        points.resolve(n) for n in points.names()
    ]
    assert str(folder) in repr(known)
    assert not known.in_memory
    assert len(said) == 1
    more = recalled_capture(known, sequences(9, seed=1), READS)
    assert known.in_memory
    assert said == [f"loading {folder}"] * 2
    assert known.structure is known.model
    assert not known.model.training
    assert first.cache is not None
    assert known.cache is not None
    assert known.cache.place == first.cache.place
    assert_identical(
        recalled_capture(open_model(str(folder), device="cpu"), sequences(9, seed=1), READS), more
    )


def test_how_it_is_loaded_is_part_of_what_is_known(folder: Path) -> None:
    open_model(str(folder), device="cpu")
    half = open_model(str(folder), device="cpu", dtype="bfloat16")
    assert half.in_memory
    assert half.dtype == "bfloat16"
    assert not open_model(str(folder), device="cpu", dtype="bfloat16").in_memory
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'))
    assert open_model(str(folder), device="cpu").in_memory


def test_weights_that_change_before_they_are_read_are_refused(folder: Path) -> None:
    open_model(str(folder), device="cpu")
    known = open_model(str(folder), device="cpu")
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UsageError, match="was written to while it was audited"):
        recalled_capture(known, sequences(2), READS)


def test_a_broken_model_is_refused_though_it_was_known(folder: Path) -> None:
    open_model(str(folder), device="cpu")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    with pytest.raises(UsageError, match="not a whole safetensors file"):
        open_model(str(folder), device="cpu")


def test_a_note_that_was_damaged_is_not_believed(folder: Path) -> None:
    open_model(str(folder), device="cpu")
    [note] = cache_folder().glob("models/*.json")
    note.write_text(note.read_text().replace('"n_layers": 4', '"n_layers": 5'))
    assert read_note(note) is None
    again = open_model(str(folder), device="cpu")
    assert again.in_memory
    assert again.n_layers == 4


class TestDigests:
    @pytest.fixture
    def cache(self) -> CacheFolder:
        return CacheFolder(cache_folder(), pytest.fail)

    @pytest.fixture
    def reads(self, monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
        seen: list[list[Path]] = []

        def counting(files: list[Path]) -> str:
            seen.append(list(files))
            return files_digest(files)

        monkeypatch.setattr(digests, "files_digest", counting)
        return seen

    def test_large_files_are_read_once(
        self, cache: CacheFolder, reads: list[list[Path]], tmp_path: Path
    ) -> None:
        files = [settled(tmp_path / name) for name in "ab" if (tmp_path / name).write_text(name)]
        assert remembered_digest(files, cache, large=2) == files_digest(files)
        assert remembered_digest(files[::-1], cache, large=2) == files_digest(files)
        assert len(reads) == 1
        remembered_digest(files, cache, large=3)
        assert len(reads) == 2

    @pytest.mark.parametrize("how", ["in place", "replaced", "both times forged", "linked"])
    def test_another_file_of_the_same_size_is_read_again(
        self, cache: CacheFolder, tmp_path: Path, how: str
    ) -> None:
        file = tmp_path / "weights"
        file.write_bytes(b"a" * 100)
        settled(file)
        first = remembered_digest([file], cache, large=1)
        before = file.stat()
        other = tmp_path / "other"
        other.write_bytes(b"b" * 100)
        if how == "in place":
            file.write_bytes(b"b" * 100)
        elif how == "linked":
            file.unlink()
            file.symlink_to(other)
        else:
            other.replace(file)
        if how == "both times forged":
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert file.stat().st_mtime_ns == before.st_mtime_ns
        assert remembered_digest([file], cache, large=1) == files_digest([file]) != first

    def test_what_was_written_a_moment_ago_is_not_remembered(
        self,
        cache: CacheFolder,
        reads: list[list[Path]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(digests, "SETTLED", 3600.0)
        file = tmp_path / "weights"
        file.write_bytes(b"a" * 100)
        for _ in range(2):
            remembered_digest([file], cache, large=1)
        assert len(reads) == 2
