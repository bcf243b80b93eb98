"""Text from outside, made safe to look at: the one place for it.

What a model wrote, a data set held or a file was called may move the cursor, turn the line
around, hide a word or give the CI log an order. Here each such character becomes its visible
escape. What a format treats as markup is that format's own business.
"""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable

ELLIPSIS = "…"

# Controls, formats (bidi, zero width, tags), surrogates, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters and marks by category that draw nothing: joiners, fillers, variation selectors.
_HIDDEN_LETTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)

# GitHub and Azure obey `##[` and `##vso[` anywhere in a line, and `::` where a line starts.
_LOG_COMMAND = re.compile(r"##(?=(?:vso)?\[)", re.IGNORECASE)
_LINE_COMMAND = re.compile(r"^(\s*)(?=::)")

_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")


def is_hidden(character: str) -> bool:
    """Whether an eye cannot see this character, or a terminal obeys it."""
    if character.isprintable():
        return _HIDDEN_LETTERS.match(character) is not None
    return unicodedata.category(character) in _HIDDEN_CATEGORIES


def safe_text(text: str, limit: int | None = None) -> str:
    """One line that is safe on a terminal and in a log, of at most `limit` characters.

    Hidden characters and line breaks are shown as Python writes them (`\\x1b`, `\\n`).
    """
    cut = text if limit is None else text[: limit + 1]
    shown = spelled_out(cut.replace("\n", "\\n"), _as_python, hashes=r"#\#")
    shown = _LINE_COMMAND.sub(r"\1\\", shown)
    if limit is None or len(shown) <= limit:
        return shown
    return shown[: max(limit - 1, 0)] + ELLIPSIS[:limit]


def visible_text(text: str) -> str:
    """One line in which nothing is hidden. For a page: a log could still obey it."""
    return spelled_out(text.replace("\n", "\\n"), _as_python, hashes="##")


def safe_lines(text: str, width: int, limit: int) -> list[str]:
    """The text in safe lines of at most `width`, its own line breaks kept; never empty."""
    cut = text if len(text) <= limit else text[: limit - 1] + ELLIPSIS
    lines = [
        part
        for line in re.split("\r\n|\r|\n", cut)
        for part in textwrap.wrap(
            safe_text(line), width, drop_whitespace=False, replace_whitespace=False
        )
        or [""]
    ]
    return [safe_text(line.rstrip()) for line in lines]


def inert_json(text: str) -> str:
    """JSON that holds the same values, in characters that are safe to print."""
    return spelled_out(text, _as_json, hashes=r"\u0023#")


def spelled_out(text: str, spell: Callable[[str], str], *, hashes: str) -> str:
    """The text with what an eye cannot see, or a CI log obeys, in a format's own escapes.

    Args:
        text: as it came; its line breaks stay.
        spell: how the format writes a character that is hidden.
        hashes: how it writes the two signs that begin a log's order; `##` leaves them.
    """
    shown = _NOT_PLAIN.sub(lambda found: _spelled(found[0], spell), text)
    return _LOG_COMMAND.sub(lambda _: hashes, shown)


def _spelled(character: str, spell: Callable[[str], str]) -> str:
    return spell(character) if is_hidden(character) else character


def _as_python(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _as_json(character: str) -> str:
    return json.dumps(character)[1:-1]
