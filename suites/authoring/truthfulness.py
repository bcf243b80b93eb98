"""True and false statements, affirmed and denied, with a question about each.

    statement with the subject's own value     affirmed: true     denied: false
    statement with another subject's value     affirmed: false    denied: true

So neither the subject nor the value nor the word "not" tells the label, nor any pair of
neighbouring words: only knowing the fact does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from suites.authoring._truthfulness_facts import Fact, facts

NEGATED = {"affirmative": False, "negated": True}

ASKS = (
    "Is this statement true?",
    "Is this statement correct?",
    "Is that right?",
    "Is that so?",
)


def files() -> dict[str, list[dict[str, Any]]]:
    """The one data file of the suite."""
    return {"truthfulness.jsonl": list(_rows())}


def _rows() -> Iterator[dict[str, Any]]:
    for part, known in facts().items():
        role, _, half = part.partition("/")
        # A control subject gives two rows, both affirmed or both denied; any other gives four.
        forms = [form for form in NEGATED if half in ("", form)]
        for number, fact in enumerate(known):
            ask = ASKS[number % len(ASKS)]
            for own, form in product((True, False), forms):
                yield _row(fact, role, ask, form, own=own)


def _row(fact: Fact, part: str, ask: str, form: str, *, own: bool) -> dict[str, Any]:
    negated = NEGATED[form]
    return {
        "id": f"{fact.group} / {'own' if own else 'other'} {form}",
        "group": fact.group,
        "part": part,
        "topic": fact.topic,
        "form": form,
        "statement": fact.statement(own=own, negated=negated),
        "ask": ask,
        "label": int(own != negated),
    }
