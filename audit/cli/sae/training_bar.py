"""How a training tells of itself on stderr: a bar on a terminal, timed lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.features.recovered import HeldOut
    from probes.sae.learning import Progress as Step

Told = Callable[["Step", "HeldOut | None"], None]
SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def training_bar(steps: int, *, quiet: bool) -> Iterator[Told]:
    """Yield what is to be told of every step of `steps`; nothing is said where `quiet`."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, highlight=False, markup=False)
    last: list[HeldOut] = []

    def said(progress: Step, held_out: HeldOut | None) -> str:
        if held_out is not None:
            last[:] = [held_out]
        return describe(progress, last[0] if last else None)

    if quiet:
        yield lambda progress, held_out: None
    elif console.is_terminal and not console.is_dumb_terminal:
        columns = (
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=steps)
            yield lambda progress, held_out: bar.update(
                task, completed=progress.step, description=said(progress, held_out)
            )
    else:
        yield _in_lines(console.print, said, steps)


def describe(progress: Step, held_out: HeldOut | None) -> str:
    """`L0 31.8  EV 87.1%  CE 95.2%  dead 0.4%`.

    CE is cross-entropy recovered when it was last measured. Where zeros do no harm to it,
    KL stands in its place: divergence recovered.
    """
    recovered = ""
    if held_out is not None and held_out.loss_recovered is not None:
        recovered = f"  CE {held_out.loss_recovered:.1%}"
    elif held_out is not None and held_out.divergence_recovered is not None:
        recovered = f"  KL {held_out.divergence_recovered:.1%}"
    return (
        f"L0 {progress.l0:.1f}  EV {progress.explained_variance:.1%}{recovered}  "
        f"dead {progress.dead_share:.1%}"
    )


def _in_lines(
    say: Callable[[str], None], said: Callable[[Step, HeldOut | None], str], steps: int
) -> Told:
    spoken = time.monotonic()

    def told(progress: Step, held_out: HeldOut | None) -> None:
        nonlocal spoken
        line = said(progress, held_out)
        now = time.monotonic()
        if held_out is not None or now - spoken >= SECONDS_BETWEEN_LINES:
            say(f"step {progress.step:,} of {steps:,}: {line}")
            spoken = now

    return told
