"""One figure of the table, and whether its goal is reached. Knows no model and no clock."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class CannotRunError(Exception):
    """A row has no place here: a peer or a model is missing. The message says which."""


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        ratio: the median; None where it could not be had, and `note` says why.
        goal: what it must reach; None where it stands for orientation alone.
        least: the goal is a least, not a most.
        spread: the quartiles; None of what was measured once or is exact.
        unit: `x` for a ratio, empty for a plain number, else what is counted.
        peer: what it is held against.
        model: what ran.
        work: on how much.
        note: what a reader must know beside it.
    """

    name: str
    ratio: float | None
    goal: float | None = None
    least: bool = False
    spread: tuple[float, float] | None = None
    unit: str = "x"
    peer: str = ""
    model: str = ""
    work: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is no goal or no figure."""
        if self.goal is None or self.ratio is None:
            return None
        return self.ratio >= self.goal if self.least else self.ratio <= self.goal

    def row(self) -> dict[str, Any]:
        """The figure as JSON holds it."""
        return {
            "name": self.name,
            "ratio": self.ratio,
            "goal": self.goal,
            "bound": "least" if self.least else "most",
            "met": self.met,
            "spread": None if self.spread is None else list(self.spread),
            "unit": self.unit,
            "peer": self.peer,
            "model": self.model,
            "work": self.work,
            "note": self.note,
        }


def figure_of(values: Sequence[float], name: str, **about: Any) -> Figure:
    """The median of several rounds with its quartiles, as a figure."""
    return Figure(name, statistics.median(values), spread=quartiles(values), **about)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The lower and the upper quartile; the extremes of fewer than four values."""
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of the JSON file as one Markdown table."""
    lines = [
        "| what | figure | quartiles | goal | reached | beside | model | work |",
        "|---|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for row in rows:
        mark = ""
        if row["note"]:
            if row["note"] not in notes:
                notes.append(row["note"])
            mark = f" [{notes.index(row['note']) + 1}]"
        lines.append("| " + " | ".join(_cells(row, mark)) + " |")
    if notes:
        lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


def _cells(row: dict[str, Any], mark: str) -> list[str]:
    value, spread, goal = row["ratio"], row["spread"], row["goal"]
    unit = "" if row["unit"] in ("x", "") else f" {row['unit']}"
    sign = "≥" if row["bound"] == "least" else "≤"
    return [
        row["name"] + mark,
        "not run" if value is None else f"{said(value)}{unit}",
        "" if spread is None else f"{said(spread[0])} – {said(spread[1])}",
        "" if goal is None else f"{sign} {said(goal)}{unit}",
        {None: "", True: "yes", False: "**no**"}[row["met"]],
        row["peer"],
        row["model"],
        row["work"],
    ]


def said(value: float) -> str:
    """A number in three digits, as few as a reader compares."""
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1e}"
