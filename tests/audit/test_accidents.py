"""Signals, a full disk, too many open files, a closed folder: the right end, and no loss."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from audit.models import batching
from reports.read import read_report
from tests.audit.kills import (
    Accident,
    disk_full,
    in_child,
    no_more_files,
    not_ours,
    outcome,
    signalled,
)
from tests.audit.scenes import Scene, small
from tests.audit.test_kills import with_two_checks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


POINTS = ("before rename all-PART", "before rename scores.parquet", "after rename report.json")
IN_JOURNAL = ("before journal measured", "before journal complete")  # where a file is open already


@pytest.fixture
def anyones() -> Iterator[Path]:
    """A folder that anybody may look into; those of pytest are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def scene(anyones: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    import torch

    torch.set_num_threads(1)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setitem(batching.BATCH_TOKENS, "cpu", 256)
    monkeypatch.setattr("audit.models.cache.parts.BATCHES_A_PART", 4)
    return Scene(anyones, monkeypatch, small(anyones, with_two_checks))


def status(folder: Path) -> str:
    return str(json.loads((folder / "status.json").read_text())["status"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_leaves_the_checks_that_are_finished(
    number: signal.Signals, scene: Scene
) -> None:
    at = scene.first("after journal measured")
    ended = scene.met(at, "stopped", signalled(number))
    folder = scene.tmp_path / "stopped"
    assert ended.code == 2, ended.said
    assert status(folder) == "interrupted"
    report = read_report(folder)
    assert (len(report.checks), report.partial, report.exit_code) == (1, True, 2)
    assert len(report.not_measured) == 2  # the limit, and the check that was left
    assert scene.call(folder) == scene.code
    assert outcome(folder) == scene.expected


@pytest.mark.parametrize("name", ["before rename all-PART", "before journal phase"])
def test_a_signal_before_anything_is_measured_leaves_an_empty_record(
    name: str, scene: Scene
) -> None:
    ended = scene.check(scene.first(name), signalled(signal.SIGINT), 2)
    assert "INTERRUPTED" in ended.said.upper()


@pytest.mark.parametrize("name", ["before rename scores.parquet", "in journal complete"])
def test_a_signal_while_the_record_is_written_waits_for_it(name: str, scene: Scene) -> None:
    at = scene.first(name)
    ended = scene.met(at, "late", signalled(signal.SIGTERM))
    assert ended.code == 2, ended.said
    assert ended.points == scene.points, "all of it is written"
    assert outcome(scene.tmp_path / "late") == scene.expected
    assert scene.call(scene.tmp_path / "late") == scene.code


@pytest.mark.parametrize("name", ["before rename scores.parquet", "before rename all-PART"])
def test_the_second_signal_ends_it_at_once(name: str, scene: Scene) -> None:
    at = scene.first(name)
    ended = scene.check(at, signalled(signal.SIGINT, times=2), 2)
    assert len(ended.points) <= at + 4, "what little comes between two signals"
    assert "interrupted twice" in ended.said


ACCIDENTS = pytest.mark.parametrize(
    ("accident", "said"),
    [
        (disk_full, "File too large"),
        (no_more_files, "Too many open files"),
        pytest.param(
            not_ours,
            "Permission denied",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else"),
        ),
    ],
)


def ends_with_three(scene: Scene, accident: Accident, said: str, name: str) -> None:
    ended = scene.check(scene.first(name), accident, 3)
    assert said in ended.said, (name, ended.said)
    assert "Traceback" not in ended.said


@ACCIDENTS
def test_scores_that_cannot_be_written_end_with_three(
    accident: Accident, said: str, scene: Scene
) -> None:
    ends_with_three(scene, accident, said, "before rename scores.parquet")


@pytest.mark.slow
@ACCIDENTS
def test_what_cannot_be_written_in_the_middle_ends_with_three(
    accident: Accident, said: str, scene: Scene
) -> None:
    for name in POINTS if accident is no_more_files else (*POINTS, *IN_JOURNAL):
        ends_with_three(scene, accident, said, name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_folder_that_cannot_be_had_ends_with_four(scene: Scene) -> None:
    def as_somebody_else(folder: Path) -> int:
        os.seteuid(65534)
        return scene.call(folder)

    complete = scene.tmp_path / "whole"
    before = outcome(complete)
    for folder in (complete, scene.tmp_path / "closed" / "run"):
        ended = in_child(partial(as_somebody_else, folder), scene.tmp_path / "log")
        assert ended.code == 4, ended.said
        assert "cannot write the run to" in ended.said
        assert "Permission denied" in ended.said
    assert outcome(complete) == before
