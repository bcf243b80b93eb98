"""What a command costs over the start of Python itself: seconds on the clock, as a user waits.

Each command is a process of its own, a bare `python -c pass` beside it in every round. The time is
the clock's, so a busy machine shows; the processor's own time is in the note.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit.engine.run import run_audit
from audit.models.loaded import wrap_model
from benchmarks.speed.figures import Figure, quartiles, said
from benchmarks.speed.prompts import prompts, tokenizer
from benchmarks.speed.suite_files import write_suite
from benchmarks.speed.tiny import tiny
from benchmarks.speed.work import Work

BARE = "python -c pass"
AUDIT = (sys.executable, "-c", "import sys; from audit.cli import main; sys.exit(main())")


def rows(work: Work) -> Iterator[Figure]:
    """`audit --help`, `audit validate` and `audit report`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        suite = write_suite(folder, prompts(tokenizer(), 120))
        run_audit(suite, wrap_model(tiny(), tokenizer()), out=folder / "run")
        commands: dict[str, Sequence[str]] = {
            BARE: (sys.executable, "-c", "pass"),
            "audit --help": (*AUDIT, "--help"),
            "audit validate": (*AUDIT, "validate", str(suite)),
            "audit report": (*AUDIT, "report", str(folder / "run"), "-o", f"{folder}/report.html"),
        }
        goals = {"audit --help": 0.25, "audit validate": 0.6, "audit report": 1.0}
        waited: dict[str, list[float]] = {name: [] for name in commands}
        worked: dict[str, list[float]] = {name: [] for name in commands}
        for command in commands.values():
            _run(command)  # what is compiled once, and what the disk has to be asked for
        for _ in range(work.rounds):
            for name, command in commands.items():
                clock, processor = _run(command)
                waited[name].append(clock)
                worked[name].append(processor)
        for name, goal in goals.items():
            over = [a - b for a, b in zip(waited[name], waited[BARE], strict=True)]
            own = [a - b for a, b in zip(worked[name], worked[BARE], strict=True)]
            yield Figure(
                f"start of `{name}` over bare Python's",
                statistics.median(over),
                goal,
                spread=quartiles(over),
                unit="s",
                peer=f"`{BARE}`",
                work=f"{work.rounds} rounds",
                note=f"`{name}`: {said(statistics.median(own))} s of the processor",
            )


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Seconds on the clock and of the processor.

    Raises:
        CalledProcessError: the command failed, with what it said.
    """
    before, clock = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return time.perf_counter() - clock, (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
