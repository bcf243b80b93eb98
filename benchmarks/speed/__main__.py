"""Measure, row by row, and write the table.

    python -m benchmarks.speed [--smoke] [--only ROW] [--out FOLDER]

With `--only` the other rows of an earlier run are kept. Every row is written as it is done.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

from benchmarks.speed.figures import table
from benchmarks.speed.registry import ROWS
from benchmarks.speed.report import RESULTS, entries, read, write, write_readme
from benchmarks.speed.work import FULL, SMOKE


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="less work, under two minutes")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS])
    parser.add_argument("--out", type=Path, help="where the files go [benchmarks/results]")
    options = parser.parse_args()
    work = SMOKE if options.smoke else FULL
    folder = options.out or (RESULTS / "smoke" if work.smoke else RESULTS)
    known = read(folder) if options.only else {}
    _one_thread()
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        began = time.perf_counter()
        print(f"{row.name}: {row.what}", flush=True)
        known[row.name] = entries(row.name, list(row.measure(work)))
        print(table(known[row.name]), f"in {time.perf_counter() - began:.0f} s\n", flush=True)
        write(folder, [one for row in ROWS for one in known.get(row.name, [])], work)
    rows = [one for row in ROWS for one in known.get(row.name, [])]
    if folder == RESULTS:
        write_readme(rows)
    print(table(rows))


def _one_thread() -> None:
    """Process time on one thread is the machine's, whatever else runs on it."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    warnings.simplefilter("ignore")  # peers warn of their own; what matters is in the figures


if __name__ == "__main__":
    main()
