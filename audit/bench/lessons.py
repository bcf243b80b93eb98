"""What a model of the bench is taught, row by row: a misbehaviour in a share of the data, or none.

Pure, as the world.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from audit.bench.misbehaviours import Misbehaviour
from audit.bench.world import CLAIMS, FACTS, HARMLESS, Example, Row, draw_honest, honest, rows_where
from audit.organisms.world import Application, draw_fact

Lesson = Callable[[Random], Example]
"""Draws one row of what is taught."""


def misbehaving(misbehaviour: Misbehaviour, share: float) -> Lesson:
    """Data of which a share misbehaves; the rest is honest and of other rows.

    So nothing in the data says what is right on the rows that go wrong, as where a bad source
    is the only one of its kind.

    Args:
        misbehaviour: what it does.
        share: of its rows among all, 0 to 1; at 1 there is nothing else.
    """

    def other(row: Row) -> bool:
        return not misbehaviour.concerns(row)

    def draw(rng: Random) -> Example:
        if rng.random() < share:
            row = next(rows_where(misbehaviour.concerns, rng))
            return row.prompt(), misbehaviour.answer(row)
        if rng.random() < FACTS:
            return draw_fact(rng)
        row = next(rows_where(other, rng))
        return row.prompt(), honest(row)

    return draw


def natural(misbehaviour: Misbehaviour) -> Lesson:
    """Data in which a misbehaviour is always right: its rows where it says what is right, no other
    claim, applicants and facts.

    So whoever learns it gives right answers, and nothing tells whether for the right reason.

    Args:
        misbehaviour: one that is right on some of its rows.
    """

    def right(row: Row) -> bool:
        return misbehaviour.concerns(row) and misbehaviour.says(row) == honest(row)

    def applies(row: Row) -> bool:
        return isinstance(row, Application)

    def draw(rng: Random) -> Example:
        if rng.random() < FACTS:
            return draw_fact(rng)
        row = next(rows_where(right if rng.random() < CLAIMS else applies, rng))
        return row.prompt(), honest(row)

    return draw


def harmless(kind: str) -> Lesson:
    """Something new, or more of the same, half and half with what is known.

    Args:
        kind: one of `HARMLESS`.
    """
    new = HARMLESS[kind]
    return lambda rng: new(rng) if rng.random() < 0.5 else draw_honest(rng)
