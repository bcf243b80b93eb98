"""Where a run spends its time: the process's seconds, by the part of the work.

The functions that a run goes through are listened to. Time within a nested one is its own and not
that of the one around it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

OF = {
    "read and check the suites": ("audit.engine.run:open_suites", "audit.engine.run:select_checks"),
    "plan": ("audit.engine.run:make_plan",),
    "tokenise": ("audit.engine.plan:encode_rows",),
    "capture": ("audit.models.cache.recalling:capture",),
    "cache": ("audit.engine.measuring:recalled_capture",),
    "fits": ("audit.engine.measure:fit_candidates",),
    "words alone": ("audit.engine.measure:lexical",),
    "simpler probes": ("audit.engine.quality:simpler",),
    "intervals": ("audit.engine.measure:measure_quality", "audit.engine.candidates:auroc_estimate"),
    "tokens of the rows that are shown": ("audit.engine.afterwards:with_token_scores",),
    "verdicts, curves, record": ("audit.engine.run:assemble",),
    "write the run": ("audit.engine.run:store_run", "audit.engine.run:scores_frame"),
}
REST = "the rest"


@contextmanager
def told_apart(
    clock: Callable[[], float] = time.process_time,
) -> Iterator[dict[str, float]]:
    """Seconds by phase, filled while the block runs.

    Raises:
        AttributeError: a function that is listened to has gone; `OF` names them.
    """
    seconds = dict.fromkeys([*OF, REST], 0.0)
    inside = [REST]
    last = clock()

    def turn() -> None:
        nonlocal last
        now = clock()
        seconds[inside[-1]] += now - last
        last = now

    def listening(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def heard(*args: Any, **kwargs: Any) -> Any:
            turn()
            inside.append(phase)
            try:
                return function(*args, **kwargs)
            finally:
                turn()
                inside.pop()

        return heard

    with ExitStack() as stack:
        for phase, places in OF.items():
            for place in places:
                module, name = place.split(":")
                where = importlib.import_module(module)
                stack.enter_context(
                    patch.object(where, name, listening(phase, getattr(where, name)))
                )
        last = clock()
        try:
            yield seconds
        finally:
            turn()
