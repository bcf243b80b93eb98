"""A comment and the summary of a step fit, whatever the record, and link to no file beside them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.diff import RecordDiff
from reports.markdown.pieces import COMMENT_LIMIT, SUMMARY_LIMIT
from reports.markdown.series import render_series_markdown
from reports.markdown.summary import comment, step_summary
from reports.record import AuditReport
from reports.series import SeriesReport
from tests.reports import factory, series_factory
from tests.reports.series_strategies import series
from tests.reports.strategies import reports
from tests.reports.test_diff import make_diff, make_gate_diff
from tests.reports.test_markdown import assert_inert
from tests.reports.test_series_markdown import PICTURE, without_our_own


def make_long_diff(count: int = 900) -> RecordDiff:
    gates = [make_gate_diff(check=f"check-{i}", status="unchanged") for i in range(count)]
    return make_diff(gates=[*gates, make_gate_diff(check="the-worse")])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports | series, st.integers(-10, 12_000))
def test_no_room_is_exceeded(record: AuditReport | SeriesReport, room: int) -> None:
    text = step_summary(record, room)
    assert len(text.encode()) <= max(room, 0)
    whole = step_summary(record, 10**9)
    assert ("Cut to fit" in text) == (text not in ("", whole))
    assert_inert(without_our_own(text))


@pytest.mark.parametrize(
    "record",
    [series_factory.make_quiet(600), make_long_diff(), factory.make_report()],
    ids=["series", "diff", "audit"],
)
def test_github_takes_both(record: AuditReport | SeriesReport | RecordDiff) -> None:
    assert len(comment(record)) <= COMMENT_LIMIT.most == 65_536
    assert len(step_summary(record).encode()) <= SUMMARY_LIMIT.most == 1_048_576
    assert comment(record).startswith("<!-- alignment-audit: ")
    assert step_summary(record, room=0) == ""


def test_no_picture_is_shown_where_none_lies() -> None:
    record = series_factory.make_series()
    assert PICTURE in render_series_markdown(record)
    assert "![" not in comment(record)
    assert "![" not in step_summary(record)


def test_a_comparison_keeps_what_got_worse() -> None:
    text = comment(make_long_diff())
    assert "| **WORSE** | `organism_lying/the-worse` |" in text
    assert "`audit diff --json` tells all of it" in text


def test_a_summary_goes_on_after_another() -> None:
    there = "- 語\n" * 100_000
    room = SUMMARY_LIMIT.most - len(there.encode())
    text = step_summary(series_factory.make_quiet(900), room)
    assert "Cut to fit" in text
    assert SUMMARY_LIMIT.most - 1_000 < len((there + text).encode()) <= SUMMARY_LIMIT.most
