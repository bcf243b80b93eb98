"""A record made on a cluster is the record made here, whoever was killed in the middle of it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from audit.cluster.crew import RayCrew
from audit.engine.assembly import Options
from audit.engine.measuring import Talk
from audit.engine.run import run_audit
from audit.models.loading import ORGANISMS
from audit.series.checkpoints import find_checkpoints
from audit.series.following import audit_series

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("two_nodes")]

SUITE = "organism_lying"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.models.cache.parts.BATCHES_A_PART", 1)
    monkeypatch.setattr("audit.models.cache.recalling.batch_tokens", lambda *of: 512)


def another_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path / f"cache-{name}"))


def seats() -> list[int]:
    """Processes of seats, as Ray's nodes began them below this one."""
    import psutil

    below = psutil.Process().children(recursive=True)
    return [one.pid for one in below if any("ray::Seat" in word for word in one.cmdline())]


class Killing:
    """Kills a seat with the first parts that come in, each time that a model is read."""

    def __init__(self) -> None:
        self.killed: list[int] = []
        self._armed = False

    def phase(self, name: str, total: int) -> None:
        self._armed = name.startswith("reading")

    def reached(self, done: int) -> None:
        if self._armed and done > 0:
            victim = min(seats())
            os.kill(victim, signal.SIGKILL)
            self.killed.append(victim)
            self._armed = False

    def talk(self) -> Talk:
        return Talk(self.phase, self.reached)


def asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Whose parts are handed round because they were not asked ahead, and by which function."""
    asked: list[tuple[str, str]] = []
    handed = RayCrew._handed_round

    def hearing(crew: RayCrew, function: Any, parts: Any, numbers: Any) -> Any:
        if numbers:
            asked.append((crew.held.opener.args[0].name, function.__name__))  # type: ignore[attr-defined]
        return handed(crew, function, parts, numbers)

    monkeypatch.setattr(RayCrew, "_handed_round", hearing)
    return asked


def without_provenance(report: Any) -> str:
    return str(report.model_copy(update={"provenance": None}).model_dump_json())


@pytest.mark.parametrize("killing", [False, True])
def test_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, killing: bool) -> None:
    options = Options(device="cpu", limit=120)
    another_cache(monkeypatch, tmp_path, "here")
    here = run_audit(SUITE, "organism:liar", reference="organism:honest", options=options)
    another_cache(monkeypatch, tmp_path, "there")
    killer = Killing()
    there = run_audit(
        SUITE,
        "organism:liar",
        reference="organism:honest",
        options=options,
        ray="local",
        talk=killer.talk() if killing else None,
    )
    assert bool(killer.killed) == killing
    assert without_provenance(there) == without_provenance(here)
    assert there.digest() == here.digest()

    # What came back lies in the cache: without the cluster nothing runs any more.
    def never(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a forward pass")

    monkeypatch.setattr("audit.models.cache.recalling.capture", never)
    again = run_audit(SUITE, "organism:liar", reference="organism:honest", options=options)
    assert again.digest() == here.digest()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Checkpoints of a run; the last but one is broken."""
    folder = tmp_path / "run"
    for number, organism in enumerate(("honest", "liar", "honest", "biased"), start=1):
        ignore = shutil.ignore_patterns("sae")
        shutil.copytree(ORGANISMS / organism, folder / f"checkpoint-{number}", ignore=ignore)
    weights = folder / "checkpoint-3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    return folder


@pytest.mark.parametrize("killing", [False, True])
def test_a_series(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    run: Path,
    capfd: pytest.CaptureFixture[str],
    killing: bool,
) -> None:
    found = find_checkpoints([str(run)])
    options = Options(device="cpu", limit=60)
    another_cache(monkeypatch, tmp_path, "here")
    here = audit_series([SUITE], found, tmp_path / "here", options=options)
    another_cache(monkeypatch, tmp_path, "there")
    killer = Killing()
    in_turn = asked_in_turn(monkeypatch)
    options = Options(device="cpu", limit=60, ray="local")
    there = audit_series(
        [SUITE],
        found,
        tmp_path / "there",
        options=options,
        talk=killer.talk() if killing else None,
    )
    assert len(killer.killed) == (3 if killing else 0)
    assert without_provenance(there) == without_provenance(here)
    # All but the reference were asked before their turn.
    assert [name for name, function in in_turn if function == "capture"] == ["checkpoint-1"]
    assert capfd.readouterr().out == ""  # of deaths Ray says nothing there
