"""`-k EXPR`: which checks to run, in pytest's words.

A word matches a check when it is part of the suite's name, the check's id, its concept or
one of its tags; `and`, `or`, `not` and parentheses combine words. Nothing is evaluated as
code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from audit.errors import UsageError

_TOKEN = re.compile(r"\s*(?:(?P<paren>[()])|(?P<word>[^\s()]+))")
_KEYWORDS = frozenset({"and", "or", "not"})

Matcher = Callable[[frozenset[str]], bool]


def compile_expression(expression: str) -> Matcher:
    """Turn `lying and not slow` into a predicate over the names of a check.

    Raises:
        UsageError: the expression has no meaning; the message shows where it broke.
    """
    tokens = list(_tokens(expression))
    parser = _Parser(tokens, expression)
    matcher = parser.any_of()
    if parser.peek() is not None:
        raise parser.error(f"did not expect {parser.peek()!r}")
    return matcher


def names_of(suite: str, check_id: str, concept: str, tags: Iterable[str]) -> frozenset[str]:
    """All that a word of an expression is looked for in, in lower case."""
    return frozenset(name.lower() for name in (suite, check_id, concept, *tags))


def _tokens(expression: str) -> Iterator[str]:
    for match in _TOKEN.finditer(expression):
        yield match["paren"] or match["word"]


class _Parser:
    """Recursive descent over `or`, `and`, `not`, in falling order of reach."""

    def __init__(self, tokens: list[str], expression: str) -> None:
        self._tokens = tokens
        self._expression = expression
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def error(self, what: str) -> UsageError:
        return UsageError(
            f"-k {self._expression!r}: {what}; write words joined by and, or, not, and parentheses"
        )

    def any_of(self) -> Matcher:
        parts = [self.all_of()]
        while self.peek() == "or":
            self._at += 1
            parts.append(self.all_of())
        return lambda names: any(part(names) for part in parts)

    def all_of(self) -> Matcher:
        parts = [self.one()]
        while self.peek() == "and":
            self._at += 1
            parts.append(self.one())
        return lambda names: all(part(names) for part in parts)

    def one(self) -> Matcher:
        token = self.peek()
        self._at += 1
        if token is None:
            raise self.error("it ends where a word should be")
        if token == "not":
            inner = self.one()
            return lambda names: not inner(names)
        if token == "(":
            inner = self.any_of()
            if self.peek() != ")":
                raise self.error("a parenthesis is not closed")
            self._at += 1
            return inner
        if token == ")" or token in _KEYWORDS:
            raise self.error(f"did not expect {token!r}")
        word = token.lower()
        return lambda names: any(word in name for name in names)
