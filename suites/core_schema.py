"""What an unquoted word of YAML means: the core schema of YAML 1.2.2, section 10.3.2.

`1e-3` is a number, `no` is text, `012` is twelve, and a date is text like any other.
"""

from __future__ import annotations

import re

MAX_DIGITS = 400  # of a number; the largest float has 309

_NUMBER_START = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


def scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar by the core schema.

    Raises:
        ValueError: a number of more than `MAX_DIGITS` characters.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_START:
        if len(text) > MAX_DIGITS and (_INT.fullmatch(text) or _FLOAT.fullmatch(text)):
            raise ValueError(f"a number of more than {MAX_DIGITS} characters")
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
