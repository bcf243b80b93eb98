"""Text from outside as inert Markdown: no markup, no link, no mention, no reference.

GitHub looks for mentions and references in everything but code, and no backslash stops it.
So a word that could mean something is set in code, and so is all that is not a sentence.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from reports.text import ELLIPSIS, safe_text

BAR = r"\|"

# A word, or a span that the writer of the sentence put in backticks, with the punctuation of
# the sentence around it. Whatever stands between two spaces is one token: two spans of code
# that touch would be read as another one.
_TOKEN = re.compile(
    r"(?<!\S)(?P<before>[(\"']*)(?:`(?P<quoted>[^`]+)`|(?P<core>\S*?))(?P<after>[.,;:!?)\"']*)(?!\S)"
)
# An end of an interval: brackets that can hold no link.
_NUMBER = re.compile(r"\[?[-+]?\d[\d.]*\]?")
_MEANS_SOMETHING = re.compile(
    r"[`*_{}\[\]<>#@|~&$^\\]"  # markup, tables, mentions, references, mathematics
    r"|://|www\."  # links
    r"|:.*:|^:"  # emoji by name, orders to a CI log
    r"|^-+[a-z]|^[-+]+$"  # options of a command; lists and rules
    r"|(?<!\d)[a-z]-\d|\b(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,40}\b",  # tickets, commits
    re.IGNORECASE,
)
# What would begin a numbered list where a line starts.
_LIST_NUMBER = re.compile(r"^(\d+)([.)])")


def code(text: str, limit: int = 120) -> str:
    """The text as a code span, whatever backticks it holds."""
    shown = safe_text(text, limit) or "(empty)"
    ticks = "`" * (_longest_run([shown]) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def prose(text: str, limit: int = 1000) -> str:
    """The text as one line of a sentence; words that mean something to Markdown are code."""
    cut = text if len(text) <= limit else text[: limit - 1] + ELLIPSIS
    said = " ".join(_TOKEN.sub(_inert_token, cut).split())
    return _LIST_NUMBER.sub(r"\1\\\2", said)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; `>` before a title aligns it to the right."""
    titles = [title.removeprefix(">") for title in header]
    rule = ["---:" if title.startswith(">") else "---" for title in header]
    return "\n".join(map(table_row, [titles, rule, *rows]))


def table_row(cells: Sequence[str]) -> str:
    """One line of a table. A bar within a cell, even in code, is written with a backslash."""
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def fence(lines: Sequence[str]) -> tuple[str, str]:
    """Opening and closing fence, longer than any run of backticks in the lines."""
    ticks = "`" * max(3, _longest_run(lines) + 1)
    return f"{ticks}text", ticks


def fenced(lines: Sequence[str]) -> str:
    """Lines as a block of text. Each begins with something of ours, or could be an order."""
    opening, closing = fence(lines)
    return "\n".join([opening, *lines, closing])


def heading(level: int, title: str) -> str:
    """A heading of a title that is Markdown already; the sixth level is the lowest."""
    return f"{'#' * min(level, 6)} {title}"


def folded(summary: str, body: str) -> str:
    """Markdown that opens on a click. The summary is ours, or HTML that is inert already."""
    opening, closing = folding(summary)
    return f"{opening}{body}\n{closing}"


def folding(summary: str) -> tuple[str, str]:
    """What stands before the lines of a folded part, and what after the last of them."""
    return f"<details>\n<summary>{summary}</summary>\n\n", "\n</details>"


def notes_markdown(notes: Sequence[str]) -> str:
    """Notes as a list."""
    return "\n".join(f"- Note: {prose(note)}" for note in notes)


def html_code(text: str, limit: int = 120) -> str:
    """The text as an HTML code element, for the places where Markdown is not read."""
    return f"<code>{html.escape(safe_text(text, limit))}</code>"


def _inert_token(found: re.Match[str]) -> str:
    quoted, core = found["quoted"], safe_text(found["core"] or "")
    if quoted is not None:
        core = code(quoted, len(quoted))
    elif _MEANS_SOMETHING.search(core + found["after"]) and not _NUMBER.fullmatch(core):
        if not core:  # nothing but punctuation: it is what is meant
            return code(found[0], len(found[0]))
        core = code(core, len(core))
    return f"{found['before']}{core}{found['after']}"


def _longest_run(lines: Sequence[str]) -> int:
    return max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
