"""One row of a dataset, as every other room sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_ATTRIBUTES: Mapping[str, str | int | float | bool | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to show the model, with what is known about it.

    Exactly one of three contents is set: `text`; `question` (with `answer`, which may be
    empty: the model is then to answer); or `messages`.

    Attributes:
        id: stable and unique within its dataset.
        group: rows that share a question, a scenario or a template share a group; splits
            and intervals work by group.
        label: 1 = shows the concept, 0 = does not, None = not said.
        behaviour: what the recorded response visibly does, where the row says so.
        choices: continuations to compare, for a choice behaviour.
        misbehaviour: index into the choices of the one that counts as misbehaviour.
        span: part of the text that `tokens: span` selects, verbatim.
        attributes: every other column, for gates, filters and reports.
        place: where the row was written, for messages: `data/facts.jsonl:12`.
    """

    id: str
    group: str
    text: str | None = None
    question: str | None = None
    answer: str | None = None
    messages: tuple[Message, ...] = ()
    label: int | None = None
    behaviour: bool | None = None
    choices: tuple[str, ...] = ()
    misbehaviour: int | None = None
    span: str | None = None
    attributes: Mapping[str, str | int | float | bool | None] = field(
        default_factory=lambda: NO_ATTRIBUTES
    )
    place: str = ""
