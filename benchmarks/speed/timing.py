"""Taking turns: every way does the same portion of work, then the next portion.

The time is the process's own, on one thread, so that other work on the machine counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

P = TypeVar("P")
Times = dict[str, list[float]]


def timed(run: Callable[[], Any]) -> float:
    """Seconds of the process's time that a call takes."""
    before = time.process_time()
    run()
    return time.process_time() - before


def interleaved(
    ways: Mapping[str, Callable[[P], Any]], portions: Sequence[P], *, warm: P | None = None
) -> Times:
    """Seconds of each way on each portion; who comes first changes from round to round.

    `warm` is a portion that every way does once before, unmeasured.
    """
    names = list(ways)
    for name in names if warm is not None else ():
        ways[name](warm)  # type: ignore[arg-type]
    times: Times = {name: [] for name in names}
    for number, portion in enumerate(portions):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            run = ways[name]
            times[name].append(timed(lambda run=run, portion=portion: run(portion)))
    return times


def ratios(times: Times, of: str, to: str) -> list[float]:
    """Round by round, how many times the seconds of `to` those of `of` are."""
    return [a / b for a, b in zip(times[of], times[to], strict=True)]
