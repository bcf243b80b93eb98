"""Measure, row by row, and write the table.

    python -m benchmarks.speed [--smoke] [--only ROW] [--out FOLDER]

With `--only` the other rows of an earlier run are kept. Every row is written as it is done.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.speed.figures import table
from benchmarks.speed.registry import ROWS
from benchmarks.speed.report import entries, read, write, write_readme
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
    known = read(work.out) if options.only else {}
    _one_thread()
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        began = time.perf_counter()
        print(f"{row.name}: {row.what}", flush=True)
        known[row.name] = entries(row.name, list(row.measure(work)))
        print(f"{table(known[row.name])}\nin {time.perf_counter() - began:.0f} s\n", flush=True)
        write(_in_order(known), work)
    if work.out == RESULTS:
        write_readme(_in_order(known))
    if not options.only:
        print(table(_in_order(known)))


def _in_order(known: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [one for row in ROWS for one in known.get(row.name, [])]


def _one_thread() -> None:
    """Process time on one thread is the machine's, whatever else runs on it."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    warnings.simplefilter("ignore")  # peers warn of their own; what matters is in the figures


if __name__ == "__main__":
    main()
