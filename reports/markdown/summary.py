"""Markdown for places with no files beside it: a comment, and the summary of a CI step."""

from __future__ import annotations

from reports.diff import RecordDiff
from reports.markdown.audit import render_markdown
from reports.markdown.diff import render_diff_markdown
from reports.markdown.pieces import COMMENT_LIMIT, SUMMARY_LIMIT, Limit
from reports.markdown.series import render_series_markdown
from reports.read import Record
from reports.series import SeriesReport


def comment(record: Record | RecordDiff) -> str:
    """What a comment takes; its first line is the marker by which it is found and updated."""
    return _rendered(record, COMMENT_LIMIT)


def step_summary(record: Record | RecordDiff, room: int = SUMMARY_LIMIT.most) -> str:
    """What is appended to the summary of a step that has `room` bytes of UTF-8 left.

    Empty where not even the sentence that something was cut has room.
    """
    return _rendered(record, Limit(room, "bytes"))


def _rendered(record: Record | RecordDiff, limit: Limit) -> str:
    if isinstance(record, SeriesReport):
        return render_series_markdown(record, limit=limit, picture=False)
    if isinstance(record, RecordDiff):
        return render_diff_markdown(record, limit=limit)
    return render_markdown(record, limit=limit)
