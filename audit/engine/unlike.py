"""In what two requests differ, in the words of who typed them.

First what somebody asked for: options, models, the baseline; then suites and data, one phrase a
check, where no option accounts for them; last the versions, which nobody typed. Knows the names of
a request's entries, and no run.
"""

from __future__ import annotations

from collections.abc import Mapping

from audit.engine.request import HANDED_OVER, Request

Value = str | int | float | bool | None

_MOST = 6  # differences that one sentence names
_SHOWN = 12  # digits of a digest
_TYPED = {
    "option expression": "-k",
    "reference weights": "--reference",
    "model weights": "--model",
    "suites": "suites",
    "baseline": "--baseline",
}
_FLAGS = ("seed", "limit", "fail_on", "strict", "exit_zero", "allow_half", "dtype")
"""Options that the command line has under their own names; `every`, say, is Python's alone."""
_CHOOSE_ROWS = ("option seed", "option limit", "option expression")
_ORDER = ("option", "model", "reference", "baseline", "sae", "suites", "suite", "checks", "data")
"""Kinds of entries, by their first word; other kinds follow, and versions come last."""


def differences(
    was: Request, now: Request, names: Mapping[str, tuple[str | None, str | None]]
) -> list[str]:
    """What differs between two requests, a phrase each, the first few of them.

    Args:
        was: the earlier one.
        now: the later one; what it does not speak of is not compared.
        names: what people call a thing, then and now.
    """
    phrases: dict[str, None] = {}  # of the data of one check there is one, whatever its roles
    differ = {name for name, value in now.items() if was.get(name) != value}
    explained = {name for name in differ if _follows(name, differ, was)}
    for name in sorted((n for n in now if n in differ - explained), key=_rank):
        phrases[_phrase(name, was.get(name), now[name], names.get(name, (None, None)))] = None
    told = list(phrases)
    return [*told[:_MOST], f"{len(told) - _MOST} more"] if len(told) > _MOST else told


def _follows(name: str, differ: set[str], was: Request) -> bool:
    """Whether it differs because something else does, which is told, or is nothing that differs."""
    if name.endswith(HANDED_OVER):
        return True
    kind = name.partition(" ")[0]
    if kind in ("suite", "data") and name not in was and differ & {"suites", "checks"}:
        return True
    return kind in ("data", "checks") and bool(differ.intersection((*_CHOOSE_ROWS, "suites")))


def _rank(name: str) -> int:
    kind = name.partition(" ")[0]
    if kind == "version":
        return len(_ORDER) + 1
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _phrase(name: str, was: Value, now: Value, names: tuple[str | None, str | None]) -> str:
    kind, _, rest = name.partition(" ")
    if kind == "data":
        return f"the data of {rest.rpartition(', ')[0]}"
    if kind == "checks":
        return "which checks are selected"
    return f"{_typed(name)}: was {_value(was, names[0])}, is {_value(now, names[1])}"


def _typed(name: str) -> str:
    """An entry as the command line calls it, where it has a word for it."""
    kind, _, rest = name.partition(" ")
    if name in _TYPED:
        return _TYPED[name]
    if kind == "option" and rest in _FLAGS:
        return f"--{rest.replace('_', '-')}"
    if kind == "option":
        return rest
    if kind == "version":
        return f"version of {rest}"
    return name


def _value(value: Value, name: str | None) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "given" if value else "not given"
    text = str(value)
    if len(text) == 64 and set(text) <= set("0123456789abcdef"):
        text = text[:_SHOWN]
    return text if name is None else f"{name} ({text})"
