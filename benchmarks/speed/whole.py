"""A whole audit beside the bare forward pass, what the rest of it goes to, and further suites.

The model is loaded and its cache is empty. Three checks of one suite share 30 % of their prompts.
Whoever audits asks of everything: fits in five folds, baselines, intervals, the record, the run on
disk.
"""

from __future__ import annotations

import cProfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.engine.opening import open_suites, select_checks
from audit.engine.plan import make_plan
from audit.engine.run import run_audit
from audit.models.loaded import LoadedModel
from benchmarks.speed.breakdown import begin_profile, write_functions, write_phases
from benchmarks.speed.cold import with_empty_cache
from benchmarks.speed.figures import CannotRunError, Figure, figure_of
from benchmarks.speed.floor import cut_at, forward, own_batches
from benchmarks.speed.phases import told_apart
from benchmarks.speed.prompts import prompts
from benchmarks.speed.subjects import subject
from benchmarks.speed.suite_files import write_suite
from benchmarks.speed.timing import Times, interleaved, ratios
from benchmarks.speed.work import Work

SEVERAL = "GPT-2 small"
MODELS = (SEVERAL, "MiniLM-L6", "stories260k")
GOAL, MORE = 1.25, 1.05
Run = Callable[[int], Any]


def rows(work: Work) -> Iterator[Figure]:
    """The whole audit of each model; where its time goes is written to `profile.md`."""
    begin_profile(work.out)
    for model in MODELS:
        about = {"peer": "floor", "model": model}
        name = "whole run_audit, three checks at half depth"
        try:
            loaded = subject(model, work)
        except CannotRunError as error:
            yield Figure(name, None, GOAL, note=str(error), **about)
            continue
        found = measured(loaded, work)
        write_phases(work.out, model, found.work, found.phases, found.times["floor"])
        if found.functions is not None:
            write_functions(work.out, model, found.functions)
        yield figure_of(
            ratios(found.times, "one", "floor"), name, goal=GOAL, work=found.work, **about
        )


def further_suites(work: Work) -> Iterator[Figure]:
    """A second and a third suite over the same prompts, with labels of their own.

    Nothing is shared with them but the forward pass: their fits, baselines and words are new.
    """
    loaded = subject(SEVERAL, work)
    found = measured(loaded, work)
    yield figure_of(
        ratios(found.times, "three", "one"),
        "three suites over the same prompts / one",
        goal=MORE,
        peer="one suite",
        model=loaded.name,
        work=found.work,
    )


@dataclass(frozen=True)
class Found:
    """What the rounds of one model gave.

    Attributes:
        times: of the floor, of an audit with one suite and, of one model, with three.
        phases: of each audit with one suite.
        work: in words.
        functions: a profile of one audit; None where it is all matrix products.
    """

    times: Times
    phases: list[dict[str, float]]
    work: str
    functions: cProfile.Profile | None


_KNOWN: dict[tuple[str, bool], Found] = {}


def measured(loaded: LoadedModel, work: Work) -> Found:
    """All rounds of one model, once in a process: two rows of the table look at them."""
    key = (loaded.name, work.smoke)
    if key not in _KNOWN:
        with tempfile.TemporaryDirectory() as folder:
            _KNOWN[key] = _measure(loaded, Path(folder), work)
    return _KNOWN[key]


def _measure(loaded: LoadedModel, folder: Path, work: Work) -> Found:
    suites = [_suite(folder, loaded, work.prompts, labels) for labels in range(3)]
    plan = make_plan(select_checks(open_suites(suites[:1])), loaded)
    cut = cut_at(loaded, plan.deepest.layer or 0)
    batches = own_batches(loaded, plan.sequences, len(plan.reads))
    phases: list[dict[str, float]] = []

    def one(number: int) -> None:
        with told_apart() as seconds:
            audit(suites[:1], loaded, folder, f"one {number}")
        phases.append(seconds)

    ways: dict[str, Run] = {"floor": lambda number: forward(cut, batches), "one": one}
    if loaded.name == SEVERAL:
        ways["three"] = lambda number: audit(suites, loaded, folder, f"three {number}")
    times = interleaved(ways, range(work.rounds), warm=-1)
    functions = None
    if loaded.name != SEVERAL:
        functions = cProfile.Profile()
        functions.runcall(audit, suites[:1], loaded, folder, "under cProfile")
    said = f"{work.rounds} rounds of {len(plan.sequences):,} prompts"
    return Found(times, phases[1:], said, functions)


def audit(suites: list[Path], loaded: LoadedModel, folder: Path, name: str) -> None:
    """One audit with an empty cache, written to a folder of its own.

    Raises:
        AssertionError: a check came to no verdict: then less was done than an audit does.
    """
    report = run_audit(
        suites, with_empty_cache(loaded, folder / "cache" / name), out=folder / "runs" / name
    )
    errors = [check.id for check in report.checks if check.verdict == "error"]
    if errors:
        raise AssertionError(f"{', '.join(errors)} could not be measured")


def _suite(folder: Path, loaded: LoadedModel, count: int, labels: int = 0) -> Path:
    return write_suite(
        folder, prompts(loaded.tokenizer, count), name=f"speed_{labels}", labels=labels
    )
