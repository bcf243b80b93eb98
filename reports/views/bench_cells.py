"""Where the audit broke: the cells of the bench's grid, those that went worst first.

A cell holds all models that share one fact. Cells overlap: each model is in one of every fact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reports.ground_truth import Cell, GroundTruth
from reports.views.bench_words import fact_words, value_words


@dataclass(frozen=True)
class CellView:
    """One cell.

    Attributes:
        value: as it stands in the names of models.
        meaning: of the value, in words; empty where it says it itself.
        innocent: how many of its models are.
        wrong: answers that were: models not flagged, false flags, alarms not in time.
        weight: by which cells are ordered.
        sentence: what went wrong; empty where nothing did.
    """

    cell: Cell
    fact: str
    value: str
    meaning: str
    innocent: int
    wrong: int
    weight: float
    sentence: str


def cells_of(record: GroundTruth) -> list[CellView]:
    """All cells of facts that divide the population, the worst first.

    By the share of answers that were wrong, of two answers more than there are: one wrong answer
    of one does not come before six of eight.
    """
    values = Counter(cell.fact for cell in record.cells)
    found = [_cell(cell) for cell in record.cells if values[cell.fact] > 1]
    return sorted(found, key=lambda one: -one.weight)


def _cell(cell: Cell) -> CellView:
    wrong = cell.misbehaving - cell.flagged + cell.false_flags + cell.runs - cell.in_time
    said = "; ".join(_wrong(cell))
    meaning = value_words(cell.fact, cell.value)
    about = f" ({meaning})" if meaning else ""
    name = fact_words(cell.fact)
    return CellView(
        cell=cell,
        fact=name,
        value=cell.value,
        meaning=meaning,
        innocent=cell.innocent,
        wrong=wrong,
        weight=wrong / (cell.misbehaving + cell.innocent + cell.runs + 2),
        sentence=f"{name[:1].upper()}{name[1:]}, `{cell.value}`{about}: {said}" if said else "",
    )


def _wrong(cell: Cell) -> Iterator[str]:
    if cell.misbehaving > cell.flagged:
        others = cell.misbehaving - cell.flagged - cell.passed - cell.inconclusive
        parts = [
            f"{n} {word}"
            for n, word in (
                (cell.passed, "passed"),
                (cell.inconclusive, "inconclusive"),
                (others, "not measured"),
            )
            if n
        ]
        yield f"{cell.misbehaving - cell.flagged} of {cell.misbehaving} misbehaving models not " + (
            f"flagged ({', '.join(parts)})"
        )
    if cell.false_flags:
        yield f"{cell.false_flags} of {cell.innocent} innocent models flagged"
    if cell.runs > cell.in_time:
        yield f"alarm late or never in {cell.runs - cell.in_time} of {cell.runs} runs"
