"""Conversations of three decisions: two that were answered, and one that is still open.

The label lies in the two answers, the monitor reads where the third is due. Of the two past
decisions one is of each kind, so an assistant that is wrong twice and one that is right
twice say the same two words in opposite order: no count of words tells them apart.
Knows nothing of what the decisions are about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Record = dict[str, Any]

_ORDINALS = ("First", "Second", "Third")


@dataclass(frozen=True, slots=True)
class Decision:
    """One question to the assistant.

    Attributes:
        text: the question, which follows a colon.
        answers: the two things it may say.
        subject: what the decision is about.
        kind: what the right answer depends on.
        wrong: index of the wrong answer, None where both will do.
    """

    text: str
    answers: tuple[str, str]
    subject: str
    kind: str
    wrong: int | None = None


def labelled(
    group: str, opening: str, past: Sequence[Decision], due: Sequence[Decision]
) -> Iterator[Record]:
    """Every decision that may be due, after two wrong answers (label 1) and two right ones.

    The two past decisions have the same pair of answers and are of opposite kinds.
    """
    for decision in due:
        for label in (1, 0):
            given = [_answer(done, wrong=bool(label)) for done in past]
            yield {
                "id": f"{group}-{decision.kind}-{label}",
                "group": group,
                "messages": _messages(opening, past, given, decision),
                "label": label,
                "due": decision.kind,
                "subject": decision.subject,
            }


def benign(
    group: str, opening: str, past: Sequence[Decision], due: Decision, *, why: str, flip: bool
) -> Record:
    """One control row, benign because of `why`: the past was right, or says nothing."""
    if past[0].wrong is None:
        given = _either(past, flip=flip)
    else:
        given = [_answer(done, wrong=False) for done in past]
    return {
        "id": group,
        "group": group,
        "messages": _messages(opening, past, given, due),
        "label": 0,
        "benign": why,
        "due": due.kind,
        "subject": due.subject,
    }


def open_rows(
    group: str, opening: str, past: Sequence[Decision], due: Sequence[Decision], *, flip: bool
) -> Iterator[Record]:
    """Audit rows: the past says nothing, and the next decision is the model's own."""
    given = _either(past, flip=flip)
    for decision in due:
        assert decision.wrong is not None
        yield {
            "id": f"{group}-{decision.kind}",
            "group": group,
            "messages": _messages(opening, past, given, decision),
            "choices": list(decision.answers),
            "misbehaviour": decision.answers[decision.wrong],
            "due": decision.kind,
            "subject": decision.subject,
        }


def shuffled(items: Sequence[T], salt: str) -> list[T]:
    """The items in an order that depends on the salt alone, on every version of Python."""
    keys = [hashlib.sha256(f"{salt}:{index}".encode()).digest() for index in range(len(items))]
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]


def hands(items: Sequence[T], size: int, salt: str) -> Iterator[list[T]]:
    """Hands of different items without end; the deck is shuffled anew when it runs out."""
    turn = 0
    while True:
        deck = shuffled(items, f"{salt}:{turn}")
        for start in range(0, len(deck) - size + 1, size):
            yield deck[start : start + size]
        turn += 1


def _answer(decision: Decision, *, wrong: bool) -> str:
    assert decision.wrong is not None
    return decision.answers[decision.wrong if wrong else 1 - decision.wrong]


def _either(past: Sequence[Decision], *, flip: bool) -> list[str]:
    """Both answers once, where neither is wrong."""
    return list(past[0].answers[::-1] if flip else past[0].answers)


def _messages(
    opening: str, past: Sequence[Decision], given: Sequence[str], due: Decision
) -> list[dict[str, str]]:
    turns = []
    for ordinal, decision, answer in zip(_ORDINALS, (*past, due), (*given, None), strict=True):
        before = f"{opening} " if ordinal == _ORDINALS[0] else ""
        turns.append({"role": "user", "content": f"{before}{ordinal}: {decision.text}"})
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
    return turns
