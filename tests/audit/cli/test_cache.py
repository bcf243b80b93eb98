"""`audit cache`: what it lists is there, what it deletes is gone, and nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.models.cache.folder import CacheFolder, cache_folder
from audit.models.cache.keeping import kept_models
from audit.models.cache.keys import answer_key, sequence_id
from audit.models.cache.segments import table_of
from audit.models.cache.store import ModelCache
from tests.audit.cli.conftest import Done

Audit = Callable[..., Done]
DAY = 86400


def keep(name: str, numbers: int, days: float) -> Path:
    """A model of which so many numbers are kept, last used so many days ago."""
    folder = CacheFolder(cache_folder(), pytest.fail)
    cache = ModelCache(folder, f"answers/{name:0>32}")
    keys = [answer_key(sequence_id((7, n))) for n in range(4)]
    cache.add({"a": table_of(keys, np.zeros((4, numbers // 4)))})
    cache.used_by(name, {"weights": name * 8, "dtype": "float32", "device": "cpu"})
    folder.put_note(f"models/{name}.json", {"a": name})
    folder.put_note(f"digests/{name}.json", {"a": name})
    then = time.time() - days * DAY
    for file in [*cache.path.iterdir(), *cache_folder().glob(f"*/{name}.json")]:
        os.utime(file, (then, then))
    return cache.path


@pytest.fixture
def three() -> dict[str, Path]:
    return {
        "old": keep("old", 100_000, 40),
        "big": keep("big", 400_000, 2),
        "new": keep("new", 1_000, 1),
    }


def listed(audit: Audit) -> list[dict[str, Any]]:
    done = audit("cache", "list", "--json")
    assert done.code == 0
    models: list[dict[str, Any]] = json.loads(done.out)["models"]
    return models


def test_list_names_models_with_size_and_last_use(audit: Audit, three: dict[str, Path]) -> None:
    found = listed(audit)
    assert [one["names"] for one in found] == [["new"], ["big"], ["old"]]
    for one in found:
        folder = three[one["names"][0]]
        assert one["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
        assert one["folder"] == str(folder)
    done = audit("cache", "list")
    lines = done.out.splitlines()
    assert len(lines) == 4
    assert "3.1 MiB" in lines[1]
    assert "bigbigbigbig" in lines[1]
    assert "3 models" in lines[-1]
    assert str(cache_folder()) in lines[-1]


def test_an_empty_cache_is_no_error(audit: Audit) -> None:
    assert listed(audit) == []
    assert audit("cache", "clear").code == 0
    assert audit("cache", "prune", "--max-size", "1G").code == 0
    assert not cache_folder().exists()


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--older-than", "30d"], {"big", "new"}),
        (["--older-than", "36h"], {"new"}),
        (["--older-than", "7w"], {"old", "big", "new"}),
        (["--max-size", "1M"], {"old", "new"}),
        (["--max-size", "0"], set()),
        (["--max-size", "1.5GiB"], {"old", "big", "new"}),
        (["--max-size", "1M", "--older-than", "30d"], {"new"}),
    ],
)
def test_prune_deletes_what_was_not_used_for_long(
    audit: Audit, three: dict[str, Path], options: list[str], left: set[str]
) -> None:
    done = audit("cache", "prune", *options)
    assert done.code == 0
    assert {one["names"][0] for one in listed(audit)} == left
    assert {name for name, folder in three.items() if folder.exists()} == left
    assert f"deleted: {3 - len(left)} model" in done.out
    if "30d" in options:
        notes = {file.stem for file in cache_folder().glob("[md]*/*.json")}
        assert notes == {"big", "new"}


def test_prune_sweeps_up_after_the_dead_and_not_after_the_living(
    audit: Audit, three: dict[str, Path]
) -> None:
    dead, living = (three["new"] / f".{name}.part" for name in ("dead", "living"))
    for file in (dead, living):
        file.write_text("half")
    os.utime(dead, (0, 0))
    audit("cache", "prune", "--max-size", "1G")
    assert not dead.exists()
    assert living.exists()


def test_clear_deletes_all_and_nothing_of_somebody_else(
    audit: Audit, three: dict[str, Path]
) -> None:
    (cache_folder() / "thesis.tex").write_text("")
    done = audit("cache", "clear", "--json")
    assert len(json.loads(done.out)["deleted"]["models"]) == 3
    assert kept_models(cache_folder()) == []
    left = {file.name for file in cache_folder().iterdir()}
    assert left == {"CACHEDIR.TAG", ".gitignore", "thesis.tex"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--older-than AGE, --max-size SIZE"),
        (["--older-than", "30"], "'30' is no age; write it like 30d"),
        (["--max-size", "lots"], "'lots' is no size; write it like 10G"),
    ],
)
def test_prune_says_what_it_wants(audit: Audit, options: list[str], sentence: str) -> None:
    done = audit("cache", "prune", *options)
    assert done.code == 4
    assert sentence in done.err


def test_a_name_cannot_write_on_the_terminal(audit: Audit) -> None:
    keep("evil", 8, 1)
    cache = ModelCache(CacheFolder(cache_folder(), pytest.fail), f"answers/{'evil':0>32}")
    cache.used_by("\x1b[2J red", {})
    assert "\x1b" not in audit("cache", "list").out


def test_a_run_keeps_its_answers_unless_it_is_told_not_to(
    audit: Audit, write_suite: Callable[..., Path], tiny_llama_folder: Path, tmp_path: Path
) -> None:
    run = ("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    audit(*run, "--no-cache")
    assert not cache_folder().exists()
    audit(*run)
    [one] = listed(audit)
    assert one["names"] == [str(tiny_llama_folder)]
    assert one["bytes"] > 0
