"""How a run tells of its progress on stderr: a bar on a terminal, timed lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from audit.engine.measuring import Talk
from reports.text import safe_text

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def talk(*, quiet: bool, verbose: bool) -> Iterator[Talk]:
    """Yield a `Talk` for stderr; nothing is said where `quiet`."""
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet:
        yield Talk()
    elif console.is_terminal and not console.is_dumb_terminal:
        with _bar(console) as bar:
            yield _on_terminal(bar)
    else:
        yield _in_lines(console, seconds=1.0 if verbose else SECONDS_BETWEEN_LINES)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _on_terminal(bar: Progress) -> Talk:
    current: list[TaskID] = []

    def phase(name: str, total: int) -> None:
        for task in current:
            bar.remove_task(task)
        current[:] = [bar.add_task(safe_text(name), total=total)]

    def reached(done: int) -> None:
        bar.update(current[0], completed=done)

    return Talk(
        phase=phase,
        reached=reached,
        say=lambda sentence: bar.console.print(safe_text(sentence), markup=False, soft_wrap=True),
    )


def _in_lines(console: Console, *, seconds: float) -> Talk:
    name, total = "", 0
    begun = said = time.monotonic()

    def phase(new_name: str, new_total: int) -> None:
        nonlocal name, total, begun, said
        name, total = new_name, new_total
        begun = said = time.monotonic()
        console.print(safe_text(name))

    def reached(done: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= seconds and 0 < done < total:
            left = (now - begun) * (total - done) / done
            console.print(
                safe_text(f"{name}: {done / total:.0%}, {left:.0f} s left"), soft_wrap=True
            )
            said = now

    return Talk(
        phase=phase,
        reached=reached,
        say=lambda sentence: console.print(safe_text(sentence), soft_wrap=True),
    )
