"""A user's mistakes: what is wrong, where it stands, and the nearest thing that is right.

Knows text and nothing else. Every door of this room collects `Problem`s and raises one
`SuiteError` that holds them all, so that a person mends a file in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# C0 and C1 controls, line separators, and the marks that turn the direction of writing.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. Only `message` is always there.

    Attributes:
        message: a sentence without a full stop, fit to stand behind the field.
        file: the file as the user named it, or as a suite does.
        line: counted from 1.
        column: counted from 1.
        field: dotted path of the field, `checks.lying.fpr`.
        value: the offending value; shortened here, so that no message is longer than a line.
        hint: what to do, or the nearest valid spelling.
    """

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    field: str = ""
    value: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", shorten(self.value, 60))

    def __str__(self) -> str:
        numbers = [str(n) for n in (self.line, self.column) if n is not None]
        place = ":".join([clean(self.file), *numbers]) if self.file else ""
        head = [part for part in (place, shorten(self.field, 200)) if part]
        tail = f" ({shorten(self.hint, 400)})" if self.hint else ""
        return ": ".join([*head, shorten(self.message, 600)]) + tail


class SuiteError(Exception):
    """Everything that is wrong with a suite or its data; one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def clean(text: str) -> str:
    """The text on one line, its control characters made visible."""
    text = _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters on one line; three dots stand for the rest."""
    text = clean(text[: limit + 1])
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def show(value: object, limit: int = 60) -> str:
    """A value as a message quotes it: on one line, at most `limit` characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a very large number"
    if isinstance(value, str):
        quoted = shorten(value, limit)
        return quoted if quoted.endswith("...") and quoted != value else f"'{quoted}'"
    return shorten(str(value), limit)


def nearest(word: str, words: Iterable[str], *, otherwise_list: bool = True) -> str:
    """A hint that names the nearest of `words`; failing that, all of them where they are few."""
    known = [w for w in words if w]
    lowered = {w.lower(): w for w in known}
    close = get_close_matches(word[:200].lower(), lowered, n=1)
    if close:
        return f"did you mean '{lowered[close[0]]}'?"
    if otherwise_list and 0 < len(known) <= 12:
        return f"known: {', '.join(sorted(known))}"
    return ""


def dotted(loc: Sequence[str | int]) -> str:
    """`("checks", "a", "gates", 0, "max")` as `checks.a.gates[0].max`."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return path.removeprefix(".")


def capped(problems: Sequence[Problem], limit: int = 20) -> list[Problem]:
    """The first `limit` problems, and one more that counts the rest."""
    if len(problems) <= limit:
        return list(problems)
    last = problems[limit - 1]
    rest = Problem(f"... and {len(problems) - limit} more", file=last.file)
    return [*problems[:limit], rest]
