"""A whole audit beside the bare forward pass, what the rest of it goes to, and further suites.

The model is loaded and its cache is empty. Three checks of one suite share 30 % of their prompts.
Whoever audits asks of everything: fits in five folds, baselines, intervals, the record, the run on
disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from audit.engine.opening import open_suites, select_checks
from audit.engine.plan import make_plan
from audit.engine.run import run_audit
from audit.models.loaded import LoadedModel
from benchmarks.speed.cold import with_empty_cache
from benchmarks.speed.figures import CannotRunError, Figure, figure_of
from benchmarks.speed.floor import cut_at, forward, own_batches
from benchmarks.speed.phases import told_apart
from benchmarks.speed.profile import begin_profile, write_functions, write_phases
from benchmarks.speed.prompts import prompts
from benchmarks.speed.subjects import subject
from benchmarks.speed.suite_files import write_suite
from benchmarks.speed.timing import interleaved, ratios
from benchmarks.speed.work import Work

MODELS = ("GPT-2 small", "MiniLM-L6", "stories260k")
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
        with tempfile.TemporaryDirectory() as folder:
            yield from _whole(name, loaded, Path(folder), work, about)


def _whole(
    name: str, loaded: LoadedModel, folder: Path, work: Work, about: dict[str, str]
) -> Iterator[Figure]:
    count = work.audited(loaded.name)
    suite = _suite(folder, loaded, count)
    plan = make_plan(select_checks(open_suites([suite])), loaded)
    cut = cut_at(loaded, plan.deepest.layer or 0)
    batches = own_batches(plan.sequences, len(plan.reads))
    phases: list[dict[str, float]] = []

    def audited(number: int) -> None:
        with told_apart() as seconds:
            audit([suite], loaded, folder, f"whole {number}")
        phases.append(seconds)

    times = interleaved(
        {"floor": lambda number: forward(cut, batches), "whole": audited},
        range(work.rounds),
        warm=-1,
    )
    about = {**about, "work": f"{work.rounds} rounds of {len(plan.sequences):,} prompts"}
    yield figure_of(ratios(times, "whole", "floor"), name, goal=GOAL, **about)
    write_phases(work.out, loaded.name, about["work"], phases[1:], times["floor"])
    if loaded.name != "GPT-2 small":  # whose profile is matrix products
        write_functions(
            work.out, loaded.name, lambda: audit([suite], loaded, folder, "under cProfile")
        )


def further_suites(work: Work) -> Iterator[Figure]:
    """A second and a third suite over the same prompts, with labels of their own.

    Nothing is shared with them but the forward pass: their fits, baselines and words are new.
    """
    loaded = subject("GPT-2 small", work)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        count = work.audited(loaded.name)
        suites = [_suite(folder, loaded, count, labels) for labels in range(3)]
        ways: dict[str, Run] = {
            said: _of_suites(suites[:number], loaded, folder, said)
            for said, number in (("one", 1), ("three", 3))
        }
        times = interleaved(ways, range(work.rounds), warm=-1)
    yield figure_of(
        ratios(times, "three", "one"),
        "three suites over the same prompts / one",
        goal=MORE,
        peer="one suite",
        model=loaded.name,
        work=f"{work.rounds} rounds of {count:,} prompts",
    )


def _of_suites(suites: list[Path], loaded: LoadedModel, folder: Path, said: str) -> Run:
    return lambda number: audit(suites, loaded, folder, f"{said} {number}")


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
