"""A run that is killed anywhere ends, with the same command, as one that was not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.engine import run as engine
from audit.engine.journal import read
from audit.models import batching
from audit.models.loading import ORGANISMS
from reports import keeping
from reports.read import ReportError
from tests.audit.kills import in_child, killed, must_be_readable, outcome
from tests.audit.scenes import Scene, small, spread

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

QUICK = 22
"""Points in the quick tests; the slow ones take all of them."""


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, of which a child has a copy, and several parts of the cache in a small run."""
    import torch

    torch.set_num_threads(1)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setitem(batching.BATCH_TOKENS, "cpu", 256)
    monkeypatch.setattr("audit.models.cache.parts.BATCHES_A_PART", 2)


def test_killed_at_twenty_points_it_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, monkeypatch, small(tmp_path))
    chosen = spread(scene.points, QUICK)
    assert len(chosen) >= 20
    for at in chosen:
        scene.check(at)


def with_two_checks(content: dict[str, Any]) -> None:
    again = {**content["checks"]["deployed"], "monitor": {"kind": "probe", "layers": [0]}}
    content["checks"]["again"] = again


@pytest.mark.slow
@pytest.mark.parametrize("how", ["plain", "reference", "own cache", "fresh over another"])
def test_killed_anywhere_it_ends_as_if_it_had_not_been(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = small(tmp_path, with_two_checks if how == "plain" else None)
    more: dict[str, tuple[str, ...]] = {
        "reference": ("--reference", "organism:liar"),
        "own cache": ("--no-cache",),
        "fresh over another": ("--fresh",),
    }
    before = (*words, "--seed", "1") if how == "fresh over another" else None
    scene = Scene(tmp_path, monkeypatch, (*words, *more.get(how, ())), before)
    assert len(scene.points) > 40
    for at in range(len(scene.points)):
        scene.check(at)


@pytest.mark.slow
def test_a_series_killed_anywhere_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step, organism in ((1, "honest"), (2, "liar")):
        ignore = shutil.ignore_patterns("sae")
        shutil.copytree(ORGANISMS / organism, tmp_path / f"run/checkpoint-{step}", ignore=ignore)
    words = tuple(str(tmp_path / "run") if w == "organism:honest" else w for w in small(tmp_path))
    scene = Scene(tmp_path, monkeypatch, words)
    for at in range(0, len(scene.points), 2):
        scene.check(at)


def test_a_writer_that_is_not_atomic_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halves(path: Path, text: str) -> None:
        content = text.encode()
        Path(path).write_bytes(content[: len(content) // 2])
        Path(path).replace(path)  # a point, for who kills it
        Path(path).write_bytes(content)

    monkeypatch.setattr(keeping, "write_text_atomic", halves)
    scene = Scene(tmp_path, monkeypatch, small(tmp_path))
    with pytest.raises(ReportError, match="not whole JSON"):
        scene.met(scene.first("before rename report.json"), "torn")


def test_a_resume_that_takes_the_journal_for_the_measurements_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, monkeypatch, small(tmp_path))
    real = engine._run

    def trusting(*arguments: Any) -> None:
        if not any(event.name == "measured" for event in read(arguments[-1].path).events):
            real(*arguments)

    monkeypatch.setattr(engine, "_run", trusting)
    at = scene.first("after journal measured")
    assert scene.met(at, "broken").code == -9
    scene.call(tmp_path / "broken")
    assert outcome(tmp_path / "broken") != scene.expected


def test_what_was_captured_before_it_was_killed_is_not_captured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, monkeypatch, small(tmp_path))
    scene.met(scene.first("before rename manifest.json"), "died")
    command = [word for word in scene.words if word != "-q"]
    assert scene.code == execute_loudly(command, tmp_path / "died")
    said = capsys.readouterr().err
    assert "goes on where it stopped, with 1 check measured" in said
    assert "loading" not in said


def execute_loudly(words: list[str], folder: Path) -> int:
    from audit.cli import execute

    return execute([*words, "-o", str(folder)])


@pytest.mark.slow
def test_the_command_itself_killed_and_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the shell, with SIGKILL from outside as soon as the journal says how far it is."""
    words = [sys.executable, "-m", "audit", *small(tmp_path), "-q", "-o"]
    done = subprocess.run([*words, tmp_path / "whole"], capture_output=True, check=False)
    for event in ("begin", "phase", "measured", "saved"):
        folder = tmp_path / event
        monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / f"cache-{event}"))
        process = subprocess.Popen(
            [*words, folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            if folder.is_dir() and any(e.name == event for e in read(folder).events):
                process.kill()
        process.wait()
        must_be_readable(folder)
        again = subprocess.run([*words, folder], capture_output=True, check=False)
        assert again.returncode == done.returncode, again.stderr
        assert outcome(folder) == outcome(tmp_path / "whole")


def test_a_child_is_seen_to_die(tmp_path: Path) -> None:
    """The tool itself: it names the points, dies at the one that was asked for, and at no other."""

    def work() -> int:
        for name in "abc":
            (tmp_path / name).touch()
            (tmp_path / name).replace(tmp_path / f"{name}{name}")
        return 7

    whole = in_child(work, tmp_path / "log")
    assert (whole.code, len(whole.points)) == (7, 6)
    died = in_child(work, tmp_path / "log", at=3, accident=killed)
    assert (died.code, died.points) == (-9, whole.points[:4])
