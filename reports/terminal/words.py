"""What every view on a terminal shares: verdicts as words, text from outside, titled lists.

Data is `Text`, never markup, and holds no control character. Our own words are ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.record import Verdict
from reports.text import safe_text

STYLES: dict[Verdict, str] = {
    "pass": "green",
    "warn": "yellow",
    "flag": "bold red",
    "inconclusive": "magenta",
    "error": "bold white on red",
}
# What stops a run is in capitals, so that it stands out without colour.
WORDS: dict[Verdict, str] = {
    "pass": "pass",
    "warn": "warn",
    "flag": "FLAG",
    "inconclusive": "inconclusive",
    "error": "ERROR",
}
WIDEST_WORD = max(map(len, WORDS.values()))
NARROW = 72
"""Columns below which there are lines instead of columns."""


def word(verdict: Verdict) -> Text:
    """The verdict, in its colour."""
    return Text(WORDS[verdict], STYLES[verdict])


def inert(text: str, limit: int | None = None) -> str:
    """Text from outside, safe wherever a line is broken.

    A CI log obeys `::` where a line starts, and on a terminal a line may start anywhere.
    """
    return re.sub(r":(?=:)", r":\\", safe_text(text, limit))


def print_lines(console: Console, title: str, lines: Sequence[tuple[Text, Text]]) -> None:
    """A titled list; long lines go on under their own beginning."""
    if not lines:
        return
    narrow = console.width < NARROW
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, min_width=1 if narrow else WIDEST_WORD)
    grid.add_column(overflow="fold")
    for first, sentence in lines:
        if not narrow or first.plain == "-":
            grid.add_row(first, sentence)
        else:
            grid.add_row(Text("-"), Text.assemble(first, " ", sentence))
    console.print()
    console.print(Text(title, "bold"))
    console.print(grid)
