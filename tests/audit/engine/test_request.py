"""What is asked is told by what it means, whichever way a model came, and by all that counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from audit.engine.assembly import Options
from audit.engine.opening import select_checks
from audit.engine.request import Request, has_identity, of_model, request_of
from audit.engine.unlike import differences
from audit.models.cache.known import open_model
from audit.models.loaded import wrap_model
from audit.models.loading import ORGANISMS, load_model
from suites.load import load_suite
from tests.audit.engine.test_resuming import small_suite

CONFIG = "model configuration"
WRITES = {"temperature": 0.5, "do_sample": True, "eos_token_id": 1, "pad_token_id": 627}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / "cache"))
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(ORGANISMS / "honest", tmp_path / "model", ignore=ignore))


def put(file: Path, **facts: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **facts}), "utf-8")


def asked(folder: Path, dtype: str | None = None) -> Request:
    return of_model("model", load_model(str(folder), device="cpu", dtype=dtype))


@pytest.mark.parametrize("writes", [{}, WRITES])
@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_a_model_that_stays_in_its_files_is_asked_as_one_in_memory(
    folder: Path, writes: dict[str, Any], dtype: str | None
) -> None:
    put(folder / "generation_config.json", **writes)
    cold, warm = (open_model(str(folder), device="cpu", dtype=dtype) for _ in range(2))
    assert (cold.in_memory, warm.in_memory) == (True, False)
    found = of_model("model", warm)
    assert not warm.in_memory
    assert found == of_model("model", cold) == asked(folder, dtype)
    live = wrap_model(cold.model, cold.tokenizer, name="live")
    assert of_model("model", live)[CONFIG] == found[CONFIG]


def test_files_that_say_the_same_are_the_same(folder: Path) -> None:
    before = asked(folder)
    for name in ("config.json", "generation_config.json"):
        put(folder / name, transformers_version="4.0.0")
    assert asked(folder) == before
    assert asked(folder, "bfloat16")[CONFIG] == before[CONFIG], "the number type is told beside it"


CHANGES: dict[str, Callable[[Path], None]] = {
    "a norm": lambda folder: put(folder / "config.json", rms_norm_eps=0.1),
    "where it ends": lambda folder: put(folder / "generation_config.json", eos_token_id=1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_files_that_say_something_else_are_not(what: str, folder: Path) -> None:
    before = asked(folder)
    CHANGES[what](folder)
    now = asked(folder)
    assert {name for name in now if now[name] != before[name]} == {CONFIG}


def test_what_was_handed_over_is_told_by_its_weights_and_answers_nothing(folder: Path) -> None:
    model = load_model(str(folder), device="cpu")
    named, given = of_model("model", model), of_model("model", model, handed_over=True)
    assert has_identity(named)
    assert not has_identity(given)
    assert not differences(named, given, {})
    assert not differences(given, named, {})


# --- what other packages bring -----------------------------------------------------------


class Installed(Distribution):
    """A package that is nowhere on the disk."""

    def __init__(self, version: str | None) -> None:
        known = "" if version is None else f"Version: {version}\n"
        self.text = f"Metadata-Version: 2.1\nName: theirs\n{known}"

    def read_text(self, filename: str) -> str | None:
        return self.text if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        raise FileNotFoundError(path)


def plug(monkeypatch: pytest.MonkeyPatch, dist: Distribution | None) -> None:
    found = [
        EntryPoint("theirs", "probes.mean_based:fit_lda", "alignment_audit.fitters"),
        EntryPoint("their_max", "probes.pooling:pool_max", "alignment_audit.poolings"),
        EntryPoint("unused", "probes.pooling:pool_max", "alignment_audit.poolings"),
    ]
    for entry in found if dist is not None else ():
        vars(entry)["dist"] = dist
    entries = EntryPoints(found)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **by: entries.select(**by))


def of_suite(folder: Path, fitter: str, pooling: str) -> Request:
    def change(content: dict[str, Any]) -> None:
        content["checks"]["deployed"]["monitor"] |= {"fitter": fitter, "pooling": pooling}

    suite = load_suite(small_suite(folder, change))
    return request_of("run", [suite], select_checks([suite]), Options())


def test_what_other_packages_bring_is_asked_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(monkeypatch, Installed("1.0"))
    ours, theirs = (
        of_suite(tmp_path, *names) for names in (("logistic", "mean"), ("theirs", "their_max"))
    )
    assert not any(name.startswith("plug-in") for name in ours)
    assert has_identity(theirs)
    plug(monkeypatch, Installed("1.1"))
    assert differences(theirs, of_suite(tmp_path, "theirs", "their_max"), {}) == [
        "plug-in fitters theirs: was theirs 1.0, is theirs 1.1",
        "plug-in poolings their_max: was theirs 1.0, is theirs 1.1",
    ]


@pytest.mark.parametrize("dist", [None, Installed(None)])
def test_what_has_no_version_answers_nothing(
    dist: Distribution | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(monkeypatch, dist)
    assert not has_identity(of_suite(tmp_path, "theirs", "mean"))
    assert has_identity(of_suite(tmp_path, "logistic", "mean"))
