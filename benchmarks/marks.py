"""Figures in a page: what stands between two marks is written anew, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

from reports.atomic import write_text_atomic


def put_between(page: Path, begin: str, end: str, text: str) -> None:
    """Put a text between two lines of a page.

    Args:
        page: file.
        begin: the line before.
        end: the line after.
        text: what is to stand between them.

    Raises:
        ValueError: the page has not both, once each and in that order.
    """
    whole = page.read_text(encoding="utf-8")
    if whole.count(begin) != 1 or whole.count(end) != 1 or whole.index(begin) > whole.index(end):
        raise ValueError(f"{page}: the lines {begin!r} and {end!r} are not there once each")
    before, after = whole.split(begin)[0], whole.split(end)[1]
    write_text_atomic(page, f"{before}{begin}\n{text.rstrip()}\n{end}{after}")
