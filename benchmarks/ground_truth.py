"""Runs of the ground-truth bench, side by side: one row a goal, a column for each set of seeds.

    make truth SEED=100
    make truth SEED=200
    python -m benchmarks.ground_truth build/truth-100 build/truth-200

Writes results/ground_truth.json, a row for each goal and run; the table between the marks in
README.md; and in docs/ground-truth.md the monitors beside one another, with the picture of the
first run. The reports of the runs themselves hold every model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.marks import put_between
from benchmarks.picture import alone
from reports.drawing.ground_truth import aurocs_drawn
from reports.ground_truth import GroundTruth
from reports.views.bench_goals import BY_POINT, NOT_MET, goals_of
from reports.views.ground_truth import view_ground_truth
from reports.views.wording import UNKNOWN

HERE = Path(__file__).parent
README, RECORD = HERE.parent / "README.md", HERE / "results" / "ground_truth.json"
DOC, PICTURE = HERE.parent / "docs" / "ground-truth.md", HERE.parent / "docs" / "ground-truth.svg"
BEGIN, END = "<!-- ground truth: written by the script -->", "<!-- end of ground truth -->"


def main(argv: list[str]) -> int:
    """Read the runs and write both files."""
    asked = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    asked.add_argument("runs", type=Path, nargs="+", help="folders of `audit bench run`")
    runs = [
        GroundTruth.model_validate_json((folder / "ground_truth.json").read_text(encoding="utf-8"))
        for folder in asked.parse_args(argv).runs
    ]
    RECORD.write_text(json.dumps(record(runs), indent=1) + "\n", encoding="utf-8")
    put_between(README, BEGIN, END, table(runs))
    put_between(DOC, BEGIN, END, monitors(runs))
    PICTURE.write_text(picture(runs[0]), encoding="utf-8")
    return 0


def record(runs: Sequence[GroundTruth]) -> dict[str, object]:
    """What stands in the file: the runs, and a row for every goal of each."""
    return {
        "runs": [
            {
                "preset": one.preset,
                "first_seed": one.first_seed,
                "models": one.models,
                "date": _date(one),
                "command": _command(one),
            }
            for one in runs
        ],
        "goals": [
            {"first_seed": one.first_seed, **goal.model_dump(mode="json")}
            for one in runs
            for goal in one.goals
        ],
    }


def table(runs: Sequence[GroundTruth]) -> str:
    """The goals, a line each, with what every run found and, under it, how each was run."""
    columns = [f"seeds from {one.first_seed}" for one in runs]
    lines = [
        f"| what | must be | {' | '.join(columns)} |",
        f"|---|---:|{'---:|' * len(runs)}",
    ]
    asked = {goal.name: goal.goal for one in runs for goal in goals_of(one)}
    for name, goal in asked.items():
        found = [_found(one, name) for one in runs]
        if set(found) == {UNKNOWN}:  # of no run: its models were made before that was asked
            continue
        lines.append(f"| {name} | {goal} | {' | '.join(found)} |")
    said = "; ".join(f"{one.models} models on {_date(one)} by `{_command(one)}`" for one in runs)
    return "\n".join(
        [*lines, "", f"{said}. Intervals are over models, 95 %; a star: met by the point alone."]
    )


def monitors(runs: Sequence[GroundTruth]) -> str:
    """Every monitor beside the others, a table for each run."""
    parts = []
    for run in runs:
        lines = [
            f"Seeds from {run.first_seed}, {run.models} models:",
            "",
            "| monitor | AUROC over models | passed | not flagged | false flags | inconclusive |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {one.name} | {one.auroc} | {one.missed} | {one.not_flagged} | "
            f"{one.false_flags} | {one.inconclusive} |"
            for one in view_ground_truth(run).monitors
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def picture(run: GroundTruth) -> str:
    """The AUROC of each monitor, as a picture of its own."""
    rows = [(one.name, one.area, one.auroc) for one in view_ground_truth(run).monitors if one.area]
    drawn = aurocs_drawn(rows)
    assert drawn is not None, "a run has monitors"
    return alone(drawn)


def _found(run: GroundTruth, name: str) -> str:
    at = next((i for i, goal in enumerate(run.goals) if goal.name == name), None)
    if at is None:
        return UNKNOWN
    shown = goals_of(run)[at]
    if shown.met == NOT_MET:
        return f"**{shown.found}**"
    return f"{shown.found} \\*" if shown.met == BY_POINT else shown.found


def _date(run: GroundTruth) -> str:
    return "" if run.provenance is None else run.provenance.created[:10]


def _command(run: GroundTruth) -> str:
    words = [] if run.provenance is None else run.provenance.command
    return " ".join(["audit", *words[1:]]) if words else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
