"""A table as CSV that a spreadsheet opens without obeying it.

A cell of text that a spreadsheet would take for a formula begins with an apostrophe. Numbers
stay numbers. What an eye cannot see stands as its escape.
"""

from __future__ import annotations

import csv
import io
import math
import numbers
import re
from typing import TYPE_CHECKING

from reports.text import safe_text

if TYPE_CHECKING:
    import pandas as pd

# Signs that begin a formula, their wide forms, and what a spreadsheet skips before them. Tabs
# and line ends, which it obeys as well, are visible escapes by then.
_FORMULA = re.compile(r"[\s'\"`‘’“”]*[=+\-@|%＝＋－＠﹢﹣﹦﹫−]")


def scores_csv(frame: pd.DataFrame) -> str:
    """The table with its header, a line each row, without its index."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([neutral(str(name)) for name in frame.columns])
    for row in frame.itertuples(index=False, name=None):
        writer.writerow([cell(value) for value in row])
    return text.getvalue()


def cell(value: object) -> str:
    """A value as it stands in a cell: nothing for what is missing or no number."""
    if value is None or _is_missing(value):
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        number = float(value)
        return repr(number) if math.isfinite(number) else ""
    return neutral(str(value))


def neutral(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula."""
    shown = safe_text(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _is_missing(value: object) -> bool:
    """Whether pandas means by it that there is none."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and math.isnan(float(value))
