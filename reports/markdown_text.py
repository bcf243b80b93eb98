"""Text from outside as inert Markdown: no markup, no link, no mention, no reference.

GitHub looks for mentions and references in everything but code, and no backslash stops it.
So a word that could mean something is set in code, and so is all that is not a sentence.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from reports.text import ELLIPSIS, safe_text

# Quoted by the writer of the sentence: it becomes code, as was meant.
_QUOTED = re.compile(r"(`[^`]+`)")
# A word with the punctuation of the sentence around it.
_WORD = re.compile(r"^(?P<before>[(\"']*)(?P<core>.*?)(?P<after>[.,;:!?)\"']*)$", re.DOTALL)
_MEANS_SOMETHING = re.compile(
    r"[`*_{}\[\]<>#@|~&$^\\]"  # markup, tables, mentions, references, mathematics
    r"|://|^www\.|^mailto:|^xmpp:"  # links
    r"|:.*:|^:"  # emoji by name, commands to the CI log
    r"|^[A-Za-z]+-\d+$|^[0-9a-f]{7,40}$",  # references: tickets and commits
    re.IGNORECASE,
)
# What would begin a list where a line starts.
_LIST_MARK = re.compile(r"^(\d*)([-+.)])")


def code(text: str, limit: int = 120) -> str:
    """The text as a code span, whatever backticks it holds. For a table use `cell`."""
    shown = safe_text(text, limit) or "(empty)"
    ticks = "`" * (_longest_run([shown]) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def prose(text: str, limit: int = 400) -> str:
    """The text as one line of a sentence; words that mean something to Markdown are code."""
    cut = text if len(text) <= limit else text[: limit - 1] + ELLIPSIS
    said = [
        code(part[1:-1], limit) if _QUOTED.fullmatch(part) else _plain_words(part)
        for part in _QUOTED.split(cut)
    ]
    line = re.sub(r"\s+", " ", "".join(said)).strip()
    return _LIST_MARK.sub(r"\1\\\2", line)


def cell(markdown: str) -> str:
    """What `code` or `prose` gave, fit for a cell of a table."""
    return markdown.replace("|", r"\|")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(table_row(line) for line in lines)


def table_row(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(cell, cells))} |"


def fence(lines: Sequence[str]) -> tuple[str, str]:
    """Opening and closing fence, longer than any run of backticks in the lines."""
    ticks = "`" * max(3, _longest_run(lines) + 1)
    return f"{ticks}text", ticks


def html_code(text: str, limit: int = 120) -> str:
    """The text as an HTML code element, for the places where Markdown is not read."""
    return f"<code>{html.escape(safe_text(text, limit))}</code>"


def _plain_words(text: str) -> str:
    return re.sub(r"\S+", lambda found: _plain_word(found[0]), text)


def _plain_word(word: str) -> str:
    safe = safe_text(word)
    parts = _WORD.match(safe)
    if parts is None or not _MEANS_SOMETHING.search(parts["core"]):
        return safe
    return f"{parts['before']}{code(parts['core'], len(safe))}{parts['after']}"


def _longest_run(lines: Sequence[str]) -> int:
    return max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
