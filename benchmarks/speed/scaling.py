"""How the cost of an audit grows with each thing that a user may have more of.

Tiny models, so that the growth is followed over two decades in minutes. An exponent of 1 is a cost
in proportion; fixed costs bring the first decade below it, so the last one is what is judged.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from audit.engine.assembly import Options
from audit.engine.run import run_audit
from audit.models.loaded import wrap_model
from audit.series.checkpoints import find_checkpoints
from audit.series.following import audit_series
from benchmarks.speed.figures import Figure
from benchmarks.speed.plot import Panel, write_panels
from benchmarks.speed.prompts import prompts, tokenizer
from benchmarks.speed.suite_files import write_suite
from benchmarks.speed.timing import timed
from benchmarks.speed.tiny import saved, tiny
from benchmarks.speed.work import Work

GOAL = 1.1
ENOUGH = 3.0  # seconds of one size, after which it is not measured again; less for a look
Run = Callable[[], Any]


def rows(work: Work) -> Iterator[Figure]:
    """The exponent over the last decade of each, and `scaling.svg` with all of them."""
    panels = []
    for what, (smallest, prepare) in AXES.items():
        sizes = [smallest * step for step in work.steps]
        with tempfile.TemporaryDirectory() as folder:
            runs = [prepare(Path(folder) / str(size), size) for size in sizes]
            seconds = [_seconds(run, work) for run in runs]
        panels.append(Panel(what, sizes, seconds, exponent(sizes, seconds)))
        steepest = exponent(sizes[-3:], seconds[-3:])
        yield Figure(
            f"exponent of the cost against {what}, last decade",
            steepest,
            GOAL,
            unit="",
            model="tiny Llama",
            work=f"{sizes[0]:,} to {sizes[-1]:,} {what}",
            note=f"{what}: {exponent(sizes, seconds):.2f} over the whole, "
            f"{seconds[0]:.2g} to {seconds[-1]:.2g} s; results/scaling.svg",
        )
    write_panels(work.out / "scaling.svg", panels)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of a straight line through the logarithms, by least squares."""
    x, y = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    return statistics.linear_regression(x, y).slope


def _seconds(run: Run, work: Work) -> float:
    """The median of as many runs as there are rounds, of fewer where one takes long."""
    found: list[float] = []
    if not work.smoke:
        run()
    while len(found) < work.rounds and sum(found) < (ENOUGH if not work.smoke else 0.5):
        found.append(timed(run))
    return statistics.median(found)


def _audit(folder: Path, model: Any, **suite: Any) -> Run:
    loaded = wrap_model(model, tokenizer(), digest=False)
    path = write_suite(folder, suite.pop("prompts"), **{"checks": 1, "shared": 1.0, **suite})
    return partial(run_audit, path, loaded, cache=False)


def _prompts(folder: Path, size: int) -> Run:
    return _audit(folder, tiny(), prompts=prompts(tokenizer(), size))


def _tokens(folder: Path, size: int) -> Run:
    """As wide as it must be for attention between tokens to be the small part that it is."""
    return _audit(folder, tiny(2, 512), prompts=prompts(tokenizer(), 50, tokens=size))


def _layers(folder: Path, size: int) -> Run:
    return _audit(folder, tiny(size), prompts=prompts(tokenizer(), 100), monitor="layers: all")


def _checks(folder: Path, size: int) -> Run:
    return _audit(folder, tiny(), prompts=prompts(tokenizer(), 60), checks=size)


def _checkpoints(folder: Path, size: int) -> Run:
    """A run whose weights move a little from each checkpoint to the next."""
    import torch

    model = tiny()
    for number in range(size):
        saved(folder / "run" / f"checkpoint-{number + 1}", model)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.01 * torch.randn_like(parameter) * parameter.std())
    suite = write_suite(folder, prompts(tokenizer(), 60), checks=1, shared=1.0)
    found = find_checkpoints([str(folder / "run")])
    options = Options(cache=False, device="cpu", exit_zero=True)
    return lambda: audit_series([suite], found, _fresh(folder), options=options)


def _fresh(folder: Path) -> Path:
    """A folder that nothing was written to."""
    return folder / f"out-{len(list(folder.glob('out-*')))}"


AXES: dict[str, tuple[int, Callable[[Path, int], Run]]] = {
    "prompts": (60, _prompts),
    "tokens of a prompt": (8, _tokens),
    "layers": (1, _layers),
    "checks": (1, _checks),
    "checkpoints": (1, _checkpoints),
}
"""What there may be more of: the least of it, and an audit of so much, prepared."""
