"""Measure, row by row, and write the table.

    python -m benchmarks.speed [--smoke] [--only ROW] [--out FOLDER]

Two processes share the rows: one measures what is tight, the other what has a wide margin; what
reads the clock on the wall comes when both are done. With `--only` the other rows of an earlier run
are kept. Every row is written as it is done.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.speed.figures import Figure, table
from benchmarks.speed.registry import ROWS, Row
from benchmarks.speed.report import entries, forget, read, write, write_readme
from benchmarks.speed.work import FULL, RESULTS, SMOKE, Work


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="less work, under two minutes")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS])
    parser.add_argument("--out", type=Path, help="where the files go [benchmarks/results]")
    options = parser.parse_args()
    work = SMOKE if options.smoke else FULL
    if options.out is not None:
        work = replace(work, out=options.out)
    work.out.mkdir(parents=True, exist_ok=True)
    _one_thread()
    if options.only:
        return _measure([row for row in ROWS if row.name in options.only], work)
    forget(work.out)
    beside = [f"--only={row.name}" for row in ROWS if row.when == "beside"]
    command = [sys.executable, "-m", "benchmarks.speed", *beside, f"--out={work.out}"]
    with subprocess.Popen([*command, *["--smoke"] * work.smoke]) as other:
        failed = _measure([row for row in ROWS if row.when == "here"], work)
    failed += other.returncode
    failed += _measure([row for row in ROWS if row.when == "alone"], work)
    print(table(_in_order(read(work.out))))
    return min(1, failed)


def _measure(rows: Sequence[Row], work: Work) -> int:
    """Measure rows one after the other and write each; how many failed."""
    failed = 0
    for row in rows:
        began = os.times()
        print(f"{row.name}: {row.what}", flush=True)
        try:
            figures = list(row.measure(work))
        except Exception as error:  # noqa: BLE001 - told, and the command ends with 1
            failed += 1
            traceback.print_exception(error)
            figures = [Figure(row.what, None, note=f"failed: {type(error).__name__}")]
        found = entries(row.name, figures)
        print(f"{row.name}:\n{table(found)}\n{_since(began)}\n", flush=True)
        known = _in_order({**read(work.out), row.name: found})
        write(known, work)
        if work.out == RESULTS:
            write_readme(known)
    return failed


def _in_order(known: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [one for row in ROWS for one in known.get(row.name, [])]


def _since(began: os.times_result) -> str:
    now = os.times()
    own = now.user + now.system - began.user - began.system
    others = now.children_user + now.children_system
    others -= began.children_user + began.children_system
    return f"in {now.elapsed - began.elapsed:.0f} s, of the processor {own + others:.0f} s"


def _one_thread() -> None:
    """Process time on one thread is the machine's, whatever else runs on it."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    warnings.simplefilter("ignore")  # peers warn of their own; what matters is in the figures


if __name__ == "__main__":
    sys.exit(main())
