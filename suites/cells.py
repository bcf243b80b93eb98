"""One cell of a source as the value of one field of a row.

Pure functions from what JSON, CSV, Parquet or YAML gave to what a `Row` holds. A cell that
does not fit raises `CellError`, which knows no place: `dataset.py` adds it.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from suites.problems import nearest, show
from suites.rows import Message

MESSAGE_ROLES = ("system", "developer", "user", "assistant", "tool")
AttributeValue = str | int | float | bool | None

_COMPARISON = re.compile(r"(>=|<=|>|<)\s*(\S+)")
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_QUOTE = 'put it in quotes, or map it by a template such as `"{column}"`'


class CellError(Exception):
    """A cell that does not fit its field."""

    def __init__(self, message: str, value: object = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.value = "" if value is None else show(value)
        self.hint = hint


def is_missing(value: object) -> bool:
    """Whether a cell says nothing: null, NaN, or the empty cell of a CSV file."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def plain(value: object) -> str:
    """A scalar as text: `true`, `12`, `0.5`; lists and mappings as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def folded(value: object) -> str:
    """Text by which cells are compared: CSV's `True`, JSON's `true` and YAML's are one."""
    text = plain(value)
    return text.lower() if text.lower() in ("true", "false") else text


def wanted_cells(where: Mapping[str, object]) -> dict[str, frozenset[str]]:
    """What `where` wants of each column, folded: one value or a list of them."""
    return {
        name: frozenset(map(folded, wanted if isinstance(wanted, list) else [wanted]))
        for name, wanted in where.items()
    }


def matches(value: object, wanted: Collection[str]) -> bool:
    """Whether a cell is one of the wanted values, which are folded."""
    return value is not None and folded(value) in wanted


def as_text(value: object) -> str:
    """Text that is not blank."""
    if is_missing(value):
        raise CellError("is empty")
    if not isinstance(value, str):
        raise CellError(f"must be text, not {show(value)}", value, _QUOTE)
    if not value.strip():
        raise CellError("is blank", value)
    return value


def as_optional_text(value: object) -> str | None:
    """Text, or nothing where the cell is empty."""
    return None if is_missing(value) else as_text(value)


def as_name(value: object) -> str:
    """An id or a group: text or a whole number."""
    if is_missing(value):
        raise CellError("is empty")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CellError(f"must be text or a number, not {show(value)}", value)
    return plain(value)


def as_label(value: object, labels: Mapping[str, int]) -> int | None:
    """0 or 1, by the mapping `labels` (folded keys) where there is one."""
    if is_missing(value):
        return None
    if labels:
        return _meaning(value, labels, "labels")
    flag = _flag(value)
    if flag is None:
        raise CellError(
            f"must be 0, 1, true or false, not {show(value)}", value, _say("labels", value)
        )
    return int(flag)


def as_flag(value: object, behaviours: Mapping[str, int] = MappingProxyType({})) -> bool | None:
    """True or false, by the mapping `behaviours` (folded keys) where there is one, or nothing."""
    if is_missing(value):
        return None
    if behaviours:
        return bool(_meaning(value, behaviours, "behaviours"))
    flag = _flag(value)
    if flag is None:
        hint = _say("behaviours", value)
        raise CellError(f"must be true or false, not {show(value)}", value, hint)
    return flag


def _say(table: str, value: object) -> str:
    return f"say what it means: `{table}: {{{show(plain(value), 20)}: 1}}`"


def _meaning(value: object, table: Mapping[str, int], name: str) -> int:
    """What a value means by a table, of which a key may compare numbers: `>= 0.5`."""
    text = folded(value)
    if text in table:
        return table[text]
    found = {meaning for key, meaning in table.items() if _compares(text, key)}
    if len(found) == 1:
        return found.pop()
    if found:
        raise CellError(f"{show(value)} means both 0 and 1 by the `{name}`", value)
    raise CellError(f"{show(value)} is not among the `{name}`", value, nearest(text, table))


def _compares(text: str, key: str) -> bool:
    match = _COMPARISON.fullmatch(key)
    try:
        return match is not None and _ORDERS[match[1]](float(text), float(match[2]))
    except ValueError:
        return False


def _flag(value: object) -> bool | None:
    return {"1": True, "true": True, "0": False, "false": False}.get(folded(value))


def as_list(value: object) -> list[Any]:
    """A list, or the JSON text of one as CSV files hold it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise CellError(f"must be a list, not {show(value)}", value) from None
    if not isinstance(value, list):
        raise CellError(f"must be a list, not {show(value)}", value)
    return value


def as_choices(value: object) -> tuple[str, ...]:
    """At least two different continuations, or none where the cell is empty."""
    if is_missing(value):
        return ()
    choices = as_list(value)
    for number, choice in enumerate(choices):
        if not isinstance(choice, str) or not choice:
            raise CellError(f"choice {number} must be text, not {show(choice)}", choice, _QUOTE)
        if choices.index(choice) != number:
            raise CellError(f"the choice {show(choice)} stands there twice", choice)
    if len(choices) < 2:
        raise CellError(f"needs at least two choices, and has {len(choices)}")
    return tuple(choices)


def as_misbehaviour(value: object, choices: Sequence[str]) -> int | None:
    """The index of a choice, given by its text or by its index."""
    if is_missing(value):
        return None
    if isinstance(value, str):
        stripped = [choice.strip() for choice in choices]
        if value in choices:
            return list(choices).index(value)
        if stripped.count(value.strip()) == 1:
            return stripped.index(value.strip())
    text = plain(value)
    if isinstance(value, bool) or not text.isdecimal() or not text.isascii() or len(text) > 9:
        if not choices:
            hint = "give the index of one of the check's choices"
            raise CellError(f"names a choice ({show(value)}), and the row has none", value, hint)
        raise CellError(f"{show(value)} is none of the choices", value, nearest(text, choices))
    if choices and int(text) >= len(choices):
        raise CellError(
            f"index {text} is beyond the {len(choices)} choices (0 is the first)", value
        )
    return int(text)


def as_messages(value: object) -> tuple[Message, ...]:
    """A list of `{role, content}`."""
    messages = []
    for number, item in enumerate(as_list(value)):
        if not isinstance(item, dict):
            raise CellError(f"message {number} must be {{role, content}}, not {show(item)}", item)
        said = {key: part for key, part in item.items() if part is not None}
        if unknown := [str(key) for key in said if key not in ("role", "content")]:
            hint = nearest(unknown[0], ("role", "content"))
            raise CellError(f"message {number} has an unknown key {show(unknown[0])}", None, hint)
        role, content = said.get("role"), said.get("content")
        if role not in MESSAGE_ROLES:
            hint = nearest(str(role), MESSAGE_ROLES)
            raise CellError(f"message {number} has the role {show(role)}", role, hint)
        if not isinstance(content, str):
            raise CellError(f"message {number} has the content {show(content)}, not text", content)
        messages.append(Message(role=str(role), content=content))
    if not any(message.content.strip() for message in messages):
        raise CellError("has no message with content")
    return tuple(messages)


def as_attribute(value: object) -> AttributeValue:
    """A scalar as it is; anything else as JSON text."""
    if is_missing(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        raise CellError("is infinite", value)
    if isinstance(value, str | int | float | bool):
        return value
    return plain(value)
