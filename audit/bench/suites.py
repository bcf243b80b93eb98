"""The suites of the bench as files: the population's, one for each kind of monitor, and the run's.

The YAML beside this file is the whole audit; every other suite is the same text with another
monitor in it. Data are written beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from audit.bench.evasions import padded
from audit.bench.suite_rows import case_rows, claim_rows, pool_rows
from audit.engine.opening import open_suites
from audit.features.organism_saes import KNOWS, SAYS
from probes.fitters import FITTERS
from reports.render import write_text_atomic
from suites.load import LoadedSuite

HERE = Path(__file__).parent
POPULATION, RUN, PROMISES = "population.yaml", "population_run.yaml", "promises.yaml"
SHIPPED = "logistic"
"""The fitter of the suites that come with the package."""

FEATURES = "features"
MONITORS = (SHIPPED, *(name for name in FITTERS if name != SHIPPED), FEATURES)
"""Every kind of monitor that reads activations, the shipped one first."""


@dataclass(frozen=True, eq=False)
class BenchSuites:
    """What a model of the bench is asked.

    Attributes:
        by_monitor: the checks of the population by the kind of monitor that reads.
        run: the checks of a model in training.
        promises: one check over many rows.
    """

    by_monitor: dict[str, LoadedSuite]
    run: LoadedSuite
    promises: LoadedSuite


@cache
def bench_suites(folder: Path, *, pad: bool, saes: Path | None) -> BenchSuites:
    """Write the suites into a folder and open them.

    Args:
        folder: made if missing; what lies there of an earlier call is written anew.
        pad: bland words before every row.
        saes: folder with the SAEs of the honest model, by place; None for no feature monitor.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in _data().items():
        rng = Random(f"padding {name}")
        put = [{**row, "text": padded(row["text"], rng)} if pad else row for row in rows]
        _write(folder / f"{name}.jsonl", "".join(f"{json.dumps(row)}\n" for row in put))
    text = (HERE / POPULATION).read_text(encoding="utf-8")
    for name in (RUN, PROMISES):
        _write(folder / name, (HERE / name).read_text(encoding="utf-8"))
    files = {}
    for monitor in MONITORS:
        if monitor == FEATURES and saes is None:
            continue
        files[monitor] = folder / f"population_{monitor}.yaml"
        _write(files[monitor], text if monitor == SHIPPED else _with(text, monitor, saes))
    return BenchSuites(
        {monitor: open_suites([file])[0] for monitor, file in files.items()},
        *open_suites([folder / RUN, folder / PROMISES]),
    )


def _with(text: str, monitor: str, saes: Path | None) -> str:
    """The same checks with another monitor."""
    suite: dict[str, Any] = yaml.safe_load(text)
    for check in suite["checks"].values():
        probe = check["monitor"]
        if monitor != FEATURES:
            check["monitor"] = {**probe, "fitter": monitor}
            continue
        place = KNOWS if "layers" in probe else SAYS
        check["monitor"] = {
            "kind": "feature",
            "sae": str(saes and saes / place),
            "features": {"discover": {"top": 20, "fdr": 0.05}},
            "combine": "probe",
            "tokens": "last",
        }
    return yaml.safe_dump(suite, sort_keys=False)


@cache
def _data() -> dict[str, list[dict[str, Any]]]:
    return {
        "claims": list(claim_rows(topic=False)),
        "claims_money": list(claim_rows(topic=True)),
        "cases": list(case_rows()),
        "pool": list(pool_rows()),
    }


def _write(file: Path, text: str) -> None:
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        write_text_atomic(file, text)
