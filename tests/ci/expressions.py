"""Expressions of GitHub's workflows, as far as an action of ours uses them.

Literals, `inputs.x`, `steps.x.outputs.y`, `github.x`, `runner.x`, `==`, `!=`, `!`, `&&`, `||`,
parentheses and the functions of a job's state. Anything else is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|[!()]|[A-Za-z_][A-Za-z0-9_.-]*)")
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
STATES = ("always", "success", "failure", "cancelled")


@dataclass(frozen=True)
class Scope:
    """What an expression may ask for: the contexts, and whether a step has failed."""

    contexts: Mapping[str, Any]
    failed: bool = False


def evaluate(expression: str, scope: Scope) -> Any:
    """The value of one expression without its braces."""
    tokens = _tokens(expression)
    value = _either(tokens, scope)
    if tokens:
        raise ValueError(f"{tokens[0]!r} in {expression!r} is not understood")
    return value


def substitute(text: str, scope: Scope) -> str:
    """The text with every `${{ }}` replaced by its value, as the runner does: no quoting."""
    return _EMBEDDED.sub(lambda found: as_text(evaluate(found[1], scope)), text)


def runs(condition: str | None, scope: Scope) -> bool:
    """Whether a step with this `if` runs; one that asks for no state wants success."""
    if condition is None:
        return not scope.failed
    inner = _EMBEDDED.fullmatch(condition.strip())
    expression = inner[1] if inner else condition
    asks = any(re.search(rf"\b{state}\(", expression) for state in STATES)
    return (asks or not scope.failed) and truth(evaluate(expression, scope))


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def truth(value: Any) -> bool:
    return value not in (None, False, "", 0)


def _tokens(expression: str) -> list[str]:
    tokens, at, text = [], 0, expression.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"{text[at:]!r} in {expression!r} is not understood")
        tokens.append(found[1])
        at = found.end()
    return tokens


def _either(tokens: list[str], scope: Scope) -> Any:
    value = _both(tokens, scope)
    while tokens[:1] == ["||"]:
        tokens.pop(0)
        other = _both(tokens, scope)
        value = value if truth(value) else other
    return value


def _both(tokens: list[str], scope: Scope) -> Any:
    value = _comparison(tokens, scope)
    while tokens[:1] == ["&&"]:
        tokens.pop(0)
        other = _comparison(tokens, scope)
        value = other if truth(value) else value
    return value


def _comparison(tokens: list[str], scope: Scope) -> Any:
    value = _unary(tokens, scope)
    if tokens[:1] in (["=="], ["!="]):
        wanted = tokens.pop(0) == "=="
        other = _unary(tokens, scope)
        return (as_text(value).casefold() == as_text(other).casefold()) == wanted
    return value


def _unary(tokens: list[str], scope: Scope) -> Any:
    token = tokens.pop(0)
    if token == "!":
        return not truth(_unary(tokens, scope))
    if token == "(":
        value = _either(tokens, scope)
        assert tokens.pop(0) == ")"
        return value
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token in ("true", "false"):
        return token == "true"
    if tokens[:2] == ["(", ")"]:
        del tokens[:2]
        states = (True, not scope.failed, scope.failed, False)
        return dict(zip(STATES, states, strict=True))[token]
    return _looked_up(token, scope)


def _looked_up(path: str, scope: Scope) -> Any:
    first, *rest = path.split(".")
    if first not in scope.contexts:
        raise ValueError(f"there is no context {first!r} ({path})")
    value: Any = scope.contexts[first]
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
