"""Every row of the table, in its order: a name and the function that measures it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.speed.figures import CannotRunError, Figure
from benchmarks.speed.work import Work

Measure = Callable[[Work], Iterator[Figure]]


@dataclass(frozen=True)
class Row:
    """Figures that are measured together.

    Attributes:
        name: what `--only` calls it.
        what: the promise that it holds the project to.
        module: where it is measured, within this package.
        function: which function of it.
        when: `beside` where another process may measure meanwhile, for what it finds has a wide
            margin or is counted; `alone` where the clock on the wall is read.
    """

    name: str
    what: str
    module: str
    function: str = "rows"
    when: Literal["here", "beside", "alone"] = "here"

    def measure(self, work: Work) -> Iterator[Figure]:
        """Its figures; where it cannot run, one without a number that says why."""
        try:
            module = importlib.import_module(f"benchmarks.speed.{self.module}")
        except ModuleNotFoundError as error:
            yield Figure(self.what, None, note=f"{error.name} is missing")
            return
        try:
            yield from getattr(module, self.function)(work)
        except CannotRunError as error:
            yield Figure(self.what, None, note=str(error))


ROWS = (
    Row("floor", "capture and pooling against the floor", "against_floor"),
    Row("whole", "a whole run_audit against the floor", "whole"),
    Row("bridge", "against TransformerBridge.run_with_cache", "peers", "bridge_rows", "beside"),
    Row("nnsight", "against nnsight's trace", "peers", "nnsight_rows", "beside"),
    Row("suites", "a second and a third suite over the same prompts", "whole", "further_suites"),
    Row("fits", "fits beside their capture and scikit-learn", "fitting", when="beside"),
    Row("features", "64 of 16,384 features", "reading", when="beside"),
    Row("resampling", "1,000 cluster-bootstrap resamples", "fitting", "resampling", "beside"),
    Row("memory", "memory from 1,000 to 100,000 prompts", "memory"),
    Row("starting", "start of the commands over bare Python's", "starting", when="alone"),
    Row("again", "the same audit again, and with another gate", "again", when="beside"),
    Row("scaling", "cost against prompts, tokens, layers, checks, checkpoints", "scaling"),
    Row("cluster", "two Ray workers against one", "cluster", when="alone"),
)
