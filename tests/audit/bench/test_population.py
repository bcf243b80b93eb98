"""Models of the bench from the table to the report, made once and not again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit.bench.members import result_of
from audit.bench.population import make_population
from audit.bench.promises import promises
from audit.bench.suites import MONITORS, bench_suites
from audit.bench.workshop import Workshop, judged_by, made_by
from audit.errors import MeasurementError, UsageError
from audit.exit_codes import ExitCode
from audit.features.organism_saes import FOLDER, PLACES
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import load_model, organism_path
from reports.ground_truth import MemberResult
from tests.audit.bench.results import member, result


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A bench whose honest model, with its SAEs, is the organism that comes with the package."""
    honest, made = organism_path("honest"), tmp_path / f"made-{made_by()}"
    shutil.copytree(honest, made / "bases" / "small-0", ignore=shutil.ignore_patterns(FOLDER))
    for place in PLACES:
        saes = made / f"saes-{judged_by()}" / "small-0"
        shutil.copytree(honest / FOLDER / place, saes / place)
    return Workshop(tmp_path)


@pytest.mark.slow
def test_every_monitor_has_a_suite_and_rows_may_be_padded(shop: Workshop) -> None:
    folder = shop.folder
    plain = bench_suites(folder / "plain", pad=False, saes=shop.saes(member("liar")))
    assert tuple(plain.by_monitor) == MONITORS
    checks = {monitor: list(of.suite.checks) for monitor, of in plain.by_monitor.items()}
    assert all(found == checks["logistic"] for found in checks.values())
    assert list(plain.run.suite.checks) == checks["logistic"]
    bench_suites(folder / "padded", pad=True, saes=None)
    rows = [
        [
            json.loads(line)["text"]
            for line in (folder / kind / "claims.jsonl").read_text().splitlines()
        ]
        for kind in ("plain", "padded")
    ]
    assert all(b.endswith(a) and b != a for a, b in zip(*rows, strict=True))


@pytest.mark.slow
def test_stated_rates_and_intervals_hold_on_a_model_that_is_honest(shop: Workshop) -> None:
    suites = bench_suites(shop.folder / "suites", pad=False, saes=None)
    rates, _ = promises(
        load_model(organism_path("honest")), build_tokenizer(), suites.promises, seed=0
    )
    for one in rates:
        assert 0.3 * one.stated < one.fired / one.rows < 2.5 * one.stated


def test_a_result_is_another_where_anything_that_it_follows_from_is() -> None:
    shop, other = Workshop(Path("a")), Workshop(Path("a"), "cuda")
    one = member("liar")
    files = {shop.result(of) for of in (one, replace(one, seed=1), replace(one, share=0.201))}
    assert len({file.name for file in files}) == len(files) == 3
    assert shop.result(one) == other.result(member("liar"))


def test_results_that_were_laid_together_need_no_model_to_be_made(tmp_path: Path) -> None:
    shop, one = Workshop(tmp_path), member("liar", method="distilled")
    kept = result(one, 0.9, "flag")
    shop.result(one).parent.mkdir()
    shop.result(one).write_text(kept.model_dump_json())
    assert make_population([one], shop) == [kept]
    assert [place.name for place in tmp_path.iterdir()] == ["results"]


def test_models_that_need_a_package_are_refused_before_anything_is_made(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.bench.population.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="peft"):
        make_population([member("liar", method="low_rank")], shop)
    assert not (shop.folder / "results").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_ends_the_command_and_its_workers(tmp_path: Path, number: int) -> None:
    command = [
        *(sys.executable, "-m", "audit", "bench", "run", "--preset", "standard", "--jobs", "2"),
        *("-o", str(tmp_path / "out")),
    ]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: len(of_group(running.pid)) >= 4)  # itself, two workers, what tracks them
        running.send_signal(number)
        assert running.wait(timeout=60) == ExitCode.INTERRUPTED
        until(lambda: not of_group(running.pid))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def of_group(group: int) -> list[str]:
    """Processes of a group that are not waiting to be buried."""
    told = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    lines = [line.split() for line in told.stdout.splitlines()]
    return [stat for pgid, stat in lines if int(pgid) == group and not stat.startswith("Z")]


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_model_is_made_once_and_one_that_fails_keeps_no_other_from_being_made(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = member("liar", method="full", steps=20), member("talk", steps=20)
    real = result_of

    def broken(one: Any, where: Workshop) -> MemberResult:
        if one.what == "talk":
            raise OSError("no such luck")
        return real(one, where)

    monkeypatch.setattr("audit.bench.members.result_of", broken)
    with pytest.raises(MeasurementError, match=rf"{bad.name}: OSError: no such luck"):
        make_population([bad, good], shop)
    [file] = (shop.folder / "results").iterdir()
    written = file.stat().st_mtime_ns
    [again] = make_population([good], shop)
    assert file.stat().st_mtime_ns == written
    assert again == MemberResult.model_validate_json(file.read_text())
    assert [m.step for m in again.moments] == list(range(21))
    assert [one.monitor for one in again.monitors] == list(MONITORS)
    assert {said.gate for said in again.monitors[0].gates} >= {"belief_gap", "disparity"}
