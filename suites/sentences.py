"""Pydantic's errors in our own sentences, each at its place in the file.

Knows pydantic's error types and the schema's classes; opens no file. For a value that may
be one of several things pydantic reports every arm that failed; here they become one
sentence, or the one that went deepest.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from suites.problems import Problem, dotted, nearest, show
from suites.schema import Suite
from suites.yaml12 import Document

Loc = tuple[str | int, ...]

# What stood at the place instead of the value: the phrase behind "must be".
_EXPECTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "string_type": lambda _: "text",
    "int_type": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "none_required": lambda _: "null",
    "dict_type": lambda _: "a mapping",
    "model_type": lambda _: "a mapping",
    "model_attributes_type": lambda _: "a mapping",
    "list_type": lambda _: "a list",
    "literal_error": lambda ctx: str(ctx["expected"]),
    "union_tag_invalid": lambda ctx: " or ".join(str(ctx["expected_tags"]).rsplit(", ", 1)),
    "greater_than": lambda ctx: f"above {ctx['gt']:g}",
    "greater_than_equal": lambda ctx: f"at least {ctx['ge']:g}",
    "less_than": lambda ctx: f"below {ctx['lt']:g}",
    "less_than_equal": lambda ctx: f"at most {ctx['le']:g}",
    "too_short": lambda ctx: f"a list of at least {ctx['min_length']}",
    "string_too_short": lambda _: "text that is not empty",
    "string_pattern_mismatch": lambda _: (
        "letters, digits, '.', '_' and '-', beginning with a letter or digit"
    ),
}


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """One problem for each thing that is wrong with a document."""
    by_loc: dict[Loc, list[ErrorDetails]] = {}
    arms: set[Loc] = set()  # places where several arms were tried
    for detail in error.errors(include_url=False):
        loc = _in_file(detail, document.value)
        by_loc.setdefault(loc, []).append(detail)
        if len(loc) < len(detail["loc"]):
            arms.add(loc)
    shallow = {loc for loc in arms if any(o != loc and o[: len(loc)] == loc for o in by_loc)}
    return [_problem(loc, by_loc[loc], document) for loc in by_loc if loc not in shallow]


def _in_file(detail: ErrorDetails, value: Any) -> Loc:
    """Pydantic's location without the steps that no file has: arms of unions, `[key]`."""
    loc: list[str | int] = []
    last = len(detail["loc"]) - 1
    for number, step in enumerate(detail["loc"]):
        if _holds(value, step):
            value = value[step]
        elif not (detail["type"] == "missing" and number == last):
            continue
        loc.append(step)
    return tuple(loc)


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _problem(loc: Loc, details: Sequence[ErrorDetails], document: Document) -> Problem:
    first = details[0]
    kind, ctx, given = first["type"], first.get("ctx", {}), first["input"]
    value, hint = show(given), ""
    at_key = False
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        loc = (*loc, "kind")
    if not loc and given is None:
        return Problem("is empty", document.file, 1, 1)
    if kind == "extra_forbidden":
        message, at_key = f"unknown key {show(loc[-1])}", True
        hint = nearest(str(loc[-1]), keys_at(loc[:-1], document.value))
    elif kind in ("missing", "union_tag_not_found"):
        message, value = "is missing", ""
    elif kind == "value_error":
        message = str(ctx["error"])
        if message.startswith("must be"):
            message = f"{message}, not {value}"
        else:
            value = ""
    elif kind == "string_pattern_mismatch":
        message, at_key = f"must be {_EXPECTED[kind](ctx)}, not {show(given)}", True
    else:
        message, hint = _expectation(details)
    line, column = document.place(loc, key=at_key)
    return Problem(message, document.file, line, column, dotted(loc), value, hint)


def _expectation(details: Sequence[ErrorDetails]) -> tuple[str, str]:
    """`must be A or B, not C`, over every arm that failed at this place."""
    given = details[0]["input"]
    phrases: list[str] = []
    words: list[str] = []
    for detail in details:
        ctx = detail.get("ctx", {})
        phrase = _EXPECTED.get(detail["type"], lambda _, said=detail["msg"]: f"right: {said}")(ctx)
        if phrase not in phrases:
            phrases.append(phrase)
        words += _quoted(str(ctx.get("expected", ctx.get("expected_tags", ""))))
    if details[0]["type"] == "union_tag_invalid":
        given = details[0].get("ctx", {}).get("tag", given)
    hint = nearest(given, words, otherwise_list=False) if isinstance(given, str) else ""
    if not hint:
        hint = _quoting_hint(given, phrases)
    return f"must be {' or '.join(phrases)}, not {show(given)}", hint


def _quoting_hint(given: Any, phrases: Sequence[str]) -> str:
    if isinstance(given, bool | int | float) and "text" in phrases:
        return f"put it in quotes: '{show(given)}'"
    if isinstance(given, str) and {"a number", "a whole number"} & set(phrases):
        try:
            float(given)
        except ValueError:
            return ""
        return "remove the quotes"
    return ""


def _quoted(text: str) -> list[str]:
    return text.split("'")[1::2]


def keys_at(loc: Iterable[str | int], value: Any) -> list[str]:
    """The keys that the schema allows where `loc` leads, for a document's value."""
    kinds: list[Any] = [Suite]
    for step in loc:
        inside: list[Any] = []
        for kind in kinds:
            inside += _step_into(kind, step)
        value = value[step] if _holds(value, step) else value
        kinds = [arm for kind in inside for arm in _arms(kind, value)]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    tag = value.get("kind") if isinstance(value, dict) else None
    tagged = [
        m for m in models if "kind" in m.model_fields and m.model_fields["kind"].default == tag
    ]
    keys: dict[str, None] = {}
    for model in tagged or models:
        keys.update({field.alias or name: None for name, field in model.model_fields.items()})
    return list(keys)


def _step_into(kind: Any, step: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(step))
        return [] if field is None else [field.annotation]
    if get_origin(kind) is dict:
        return [get_args(kind)[1]]
    return [get_args(kind)[0]] if get_origin(kind) is list else []


def _arms(kind: Any, value: Any) -> list[Any]:
    """What a value may be; a single source may stand where a list of them is meant."""
    if get_origin(kind) is Annotated:
        return _arms(get_args(kind)[0], value)
    if get_origin(kind) in (Union, types.UnionType):
        return [arm for part in get_args(kind) for arm in _arms(part, value)]
    if get_origin(kind) is list and isinstance(value, dict):
        return _arms(get_args(kind)[0], value)
    return [kind]
