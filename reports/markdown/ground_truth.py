"""The record of the ground-truth bench as inert GitHub Markdown: goals first, then why.

Says what the page says, in the same words and figures. Where room is short the models of which
truth and verdict agree go first. Decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reports.ground_truth import GroundTruth
from reports.markdown.pieces import SUMMARY_LIMIT, Limit, Piece, by_turns, fitted
from reports.markdown.text import code, folded, prose, table, table_row
from reports.views.bench_cells import CellView
from reports.views.bench_goals import NOT_MET, GoalView, goals_of
from reports.views.bench_models import ModelView
from reports.views.ground_truth import (
    HOW_TO_READ,
    GroundTruthView,
    MonitorView,
    steps,
    view_ground_truth,
)
from reports.views.wording import UNKNOWN

# What is kept longest comes first.
BROKE, CELL, MODEL = range(3)
MOST = 8
"""Sentences of what broke that stand open."""
WHOLE = "`ground_truth.json` holds all of it"

_NUMBERS = re.compile(r"-|[≥≤]? ?[\d.]+( to [\d.]+)?", re.ASCII)
GOALS = ("Goal", ">Found", ">Must be", "Met", "Rests on")
MONITORS = ("Monitor", ">AUROC over models", ">Passed", ">Not flagged", ">False flags",
            ">Inconclusive")  # fmt: skip
CELLS = ("Models by", "Name", ">Models", ">Misbehaving", ">Flagged", ">Inconclusive", ">Passed",
         ">Alarm in time", ">False flags")  # fmt: skip
LEFT_OUT = ("Models by", "Name", ">Misbehaving", ">AUROC beside all innocent models", ">Flagged")
MODELS = ("Truth and audit", "Model", ">Behaviour", "Truth", "Verdict", "By what",
          ">First alarm, step", ">Behaviour passed, step", ">Seconds")  # fmt: skip


def render_markdown(record: GroundTruth, *, limit: Limit = SUMMARY_LIMIT) -> str:
    """What the bench found, as Markdown of at most `limit`."""
    return fitted(_pieces(view_ground_truth(record)), limit, WHOLE)


def goals_table(record: GroundTruth) -> str:
    """The goals alone, as one table."""
    return _goals(goals_of(record))


def _goals(goals: Sequence[GoalView]) -> str:
    rows = [
        (
            prose(one.name),
            one.found,
            _plain(one.goal),
            f"**{one.met}**" if one.met == NOT_MET else one.met,
            prose(one.rests),
        )
        for one in goals
    ]
    return table(GOALS, rows)


def _plain(goal: str) -> str:
    """A goal that is a number with its sign stays one; a cell of a table begins no list."""
    return goal if _NUMBERS.fullmatch(goal) else prose(goal)


def _pieces(view: GroundTruthView) -> Iterator[Piece]:
    yield Piece(
        f"# Does a flag mean what it says? {view.headline}\n\n{prose(view.summary)}. "
        f"{prose(view.population)}.\n\n## The goals\n\n{_goals(view.goals)}\n\n"
    )
    yield Piece(f"## The monitors beside one another\n\n{_monitors(view.monitors)}\n\n")
    known = "\n".join(
        f"- {prose(one.name)}: {prose(one.meaning)}" for one in view.monitors if one.meaning
    )
    if known:
        yield Piece(f"{folded('What each monitor is', known)}\n\n")
    yield Piece(f"## Before or after the behaviour\n\n{prose(view.leads.sentence)}.\n\n")
    yield Piece(f"{_lead_lines(view.leads.leads, view.leads.never)}## Where it broke\n\n")
    told = [f"- {prose(one.sentence, 2000)}" for one in view.broken]
    if view.unbroken:
        yield Piece(f"{view.unbroken}.\n")
    yield from by_turns(told[:MOST], BROKE, "part of the population")
    if told[MOST:]:
        yield Piece(
            f"\n{folded(f'{len(told) - MOST} more', chr(10).join(told[MOST:]))}\n", (BROKE, MOST)
        )
    if view.cells:
        yield Piece(f"\n{table(CELLS, [])}\n", (CELL, 0))
        yield from by_turns(map(_cell, view.cells), CELL, "cell")
    if view.left_out:
        yield Piece(f"\n## One left out\n\n{_left_out(view)}\n")
    yield Piece("\n## Every model\n\n")
    meant = [f"- **{mark}**: {prose(meaning)}" for mark, meaning in view.marks]
    yield Piece("".join(f"{line}\n" for line in meant) + ("\n" if meant else ""))
    if view.models:
        yield Piece(f"{table(MODELS, [])}\n", (MODEL, 0))
        yield from by_turns(map(_model, view.models), MODEL, "model")
    else:
        yield Piece("There is none.\n")
    how = "\n\n".join(map(prose, HOW_TO_READ))
    yield Piece(f"\n## How to read it\n\n{how}\n")
    if view.words:
        words = "\n".join(_words(view))
        yield Piece(f"\n{folded('What the names mean', words)}\n")


def _monitors(monitors: Sequence[MonitorView]) -> str:
    return table(
        MONITORS,
        [
            (prose(m.name), m.auroc, m.missed, m.not_flagged, m.false_flags, m.inconclusive)
            for m in monitors
        ],
    )


def _left_out(view: GroundTruthView) -> str:
    rows = [
        (prose(one.fact), code(one.value) + (f" {prose(one.meaning)}" if one.meaning else ""),
         one.models, one.auroc, one.flagged)
        for one in view.left_out
    ]  # fmt: skip
    return table(LEFT_OUT, rows)


def _lead_lines(leads: Sequence[float], never: int) -> str:
    """How many runs had which lead."""
    counted = [(steps(lead), leads.count(lead)) for lead in dict.fromkeys(leads)]
    counted += [("never", never)] if never else []
    if not counted:
        return ""
    rows = [(lead, str(count)) for lead, count in counted]
    return f"{folded('Every lead', table(('>Steps', '>Runs'), rows))}\n\n"


def _words(view: GroundTruthView) -> Iterator[str]:
    for fact, names in view.words:
        yield f"- {prose(fact)}: " + "; ".join(
            f"{code(name)} {prose(meaning)}" for name, meaning in names
        )


def _cell(one: CellView) -> str:
    cell = one.cell
    return table_row(
        (
            prose(one.fact),
            code(one.value) + (f" {prose(one.meaning)}" if one.meaning else ""),
            *map(
                str,
                (cell.models, cell.misbehaving, cell.flagged, cell.inconclusive, cell.passed),
            ),
            f"{cell.in_time} of {cell.runs}" if cell.runs else UNKNOWN,
            f"{cell.false_flags} of {one.innocent}" if one.innocent else UNKNOWN,
        )
    )


def _model(one: ModelView) -> str:
    marks = ", ".join(f"**{mark}**" for mark in one.marks)
    return table_row(
        (
            marks or ("agree" if not one.odd else "in between"),
            code(one.name) + (" (adversary)" if one.adversary else ""),
            one.behaviour,
            one.truth + (f" ({one.agreement})" if one.agreement else ""),
            one.verdict,
            prose(one.by, 2000),
            one.alarm,
            one.passed,
            one.seconds,
        )
    )
