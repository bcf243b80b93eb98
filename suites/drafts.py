"""From one record to the row that it holds, or the two of a pair, before all of them have names.

Knows what a row is made of and which mixtures are none. Ids and groups that the source does not
give need the other records as well: `dataset.py` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

from suites import cells
from suites.cells import CellError
from suites.columns import CONTENTS, Claims, cell, is_template
from suites.problems import show
from suites.records import Record
from suites.rows import NO_ATTRIBUTES, Row

T = TypeVar("T")


class FieldError(Exception):
    """A `CellError`, and the field that it befell."""

    def __init__(self, field: str, cause: CellError) -> None:
        super().__init__(field, cause)
        self.field = field
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Draft:
    """The rows of one record; their id and group are those of its source, or empty."""

    record: Record
    rows: tuple[Row, ...]

    @property
    def id(self) -> str:
        """The id that the source gives."""
        return self.rows[0].id


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the values of two columns mean, 0 or 1, by the suite; the keys are folded."""

    labels: Mapping[str, int]
    behaviours: Mapping[str, int]


def draft(record: Record, claims: Claims, meanings: Meanings, written: str) -> Draft:
    """Convert the cells of a record; `written` is the source as the suite names it.

    Raises:
        FieldError: the first cell that does not fit, or a mixture of contents.
    """
    sources, values = claims.sources, record.values

    def field(name: str, convert: Callable[[Any], T]) -> T | None:
        source = sources.get(name)
        return None if source is None else _converted(name, source, values, convert)

    content = _content(record, claims)
    answers = content == "question" and claims.pair is None
    choices = field("choices", cells.as_choices) or ()
    row = Row(
        label=field("label", lambda value: cells.as_label(value, meanings.labels)),
        behaviour=field("behaviour", lambda value: cells.as_flag(value, meanings.behaviours)),
        choices=choices,
        misbehaviour=field("misbehaviour", lambda value: cells.as_misbehaviour(value, choices)),
        span=field("span", cells.as_optional_text),
        attributes=MappingProxyType(
            {name: _converted(name, name, values, cells.as_attribute) for name in claims.attributes}
        )
        if claims.attributes
        else NO_ATTRIBUTES,
        place=":".join(
            str(part) for part in (record.written or written, record.line) if part is not None
        ),
        text=field("text", cells.as_text) if content == "text" else None,
        question=field("question", cells.as_text) if content == "question" else None,
        answer=(field("answer", cells.as_optional_text) or "") if answers else None,
        messages=(field("messages", cells.as_messages) or ()) if content == "messages" else (),
        id=field("id", cells.as_name) or "",
        group=field("group", cells.as_name) or "",
    )
    if claims.pair is None:
        return Draft(record, (row,))
    sides = zip(("positive", "negative"), claims.pair, (1, 0), strict=True)
    return Draft(
        record,
        tuple(
            replace(row, answer=_converted(side, source, values, cells.as_text), label=label)
            for side, source, label in sides
        ),
    )


def _converted(
    name: str, source: str | list[str], values: Mapping[str, Any], convert: Callable[[Any], T]
) -> T:
    try:
        return convert(cell(source, values))
    except CellError as error:
        raise FieldError(name, error) from None


def _content(record: Record, claims: Claims) -> str:
    """Which of the three contents the record has.

    Raises:
        FieldError: none, several, an answer to no question, or a pair without a question.
    """
    given = [name for name in (*CONTENTS, "answer") if _is_given(claims.sources.get(name), record)]
    contents = [name for name in given if name != "answer"]
    if not contents and len(known := [name for name in CONTENTS if name in claims.sources]) == 1:
        contents = known  # its cell is empty, and the conversion will say so
    if not contents:
        columns = ", ".join(show(name) for name in list(record.values)[:8]) or "none"
        hint = f"map one in `columns`; the row's columns: {columns}"
        raise FieldError("text", CellError("the row has no text, question or messages", hint=hint))
    content = contents[0]
    if len(contents) > 1:
        hint = f"keep one, or write `columns: {{{contents[1]}: null}}`"
        cause = CellError(f"the row has {content} and {contents[1]}", hint=hint)
        raise FieldError(contents[1], cause)
    if content != "question" and "answer" in given:
        hint = "an answer belongs to a question; or write `columns: {answer: null}`"
        raise FieldError("answer", CellError(f"the row has {content} and answer", hint=hint))
    if content != "question" and claims.pair is not None:
        raise FieldError(content, CellError(f"a pair needs a question, not {content}"))
    return content


def _is_given(source: str | list[str] | None, record: Record) -> bool:
    """Whether the cell says anything; an empty text is given too, and found empty later."""
    if not isinstance(source, str):
        return False
    value = record.values.get(source)
    return is_template(source) or value == "" or not cells.is_missing(value)
