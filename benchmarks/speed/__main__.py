"""Measure, row by row, and write the table.

    python -m benchmarks.speed [--smoke] [--only ROW] [--out FOLDER]

With `--only` the other rows of an earlier run are kept, so that two processes may share the rows
between them. Every row is written as it is done.
"""

from __future__ import annotations

import argparse
import os
import warnings
from dataclasses import replace
from pathlib import Path

from benchmarks.speed.figures import Figure, table
from benchmarks.speed.registry import ROWS
from benchmarks.speed.report import entries, forget, read, write, write_readme
from benchmarks.speed.work import FULL, RESULTS, SMOKE


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="less work, under two minutes")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS])
    parser.add_argument("--out", type=Path, help="where the files go [benchmarks/results]")
    options = parser.parse_args()
    work = SMOKE if options.smoke else FULL
    if options.out is not None:
        work = replace(work, out=options.out)
    work.out.mkdir(parents=True, exist_ok=True)
    if not options.only:
        forget(work.out)
    _one_thread()
    failed: list[Exception] = []
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        began = os.times()
        print(f"{row.name}: {row.what}", flush=True)
        try:
            figures = list(row.measure(work))
        except Exception as error:  # noqa: BLE001 - raised when the other rows are done
            failed.append(error)
            figures = [Figure(row.what, None, note=f"failed: {type(error).__name__}")]
        found = entries(row.name, figures)
        print(f"{table(found)}\n{_since(began)}\n", flush=True)
        known = {**read(work.out), row.name: found}
        rows = [one for each in ROWS for one in known.get(each.name, [])]
        write(rows, work)
        if work.out == RESULTS:
            write_readme(rows)
    if not options.only:
        print(table(rows))
    if failed:
        raise ExceptionGroup("rows that failed", failed)


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
    main()
