"""The pages that are looked at: every kind of record, with everything that it can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reports.diff import RecordDiff
from reports.html.audit import render_html
from reports.html.diff import render_diff_html
from reports.html.series import render_series_html
from reports.record import AuditReport
from reports.series import SeriesReport
from tests.reports import factory, features_factory, series_factory
from tests.reports.test_diff import make_diff


def every_verdict() -> AuditReport:
    """Checks of each verdict, one suppressed, one known from a baseline."""
    warned = factory.make_passing_check(
        id="close",
        verdict="warn",
        gates=[factory.make_gate(verdict="warn", estimate=factory.estimate(0.07, 0.05, 0.09))],
    )
    report = factory.make_report()
    return report.model_copy(
        update={"checks": [*report.checks, warned, factory.make_known_check()]}
    )


RECORDS: dict[str, Callable[[], AuditReport | SeriesReport | RecordDiff]] = {
    "audit": every_verdict,
    "features": features_factory.make_feature_report,
    "series": series_factory.make_series,
    "first": series_factory.make_reference_only,
    "diff": make_diff,
    "quiet": series_factory.make_quiet,
}


def html_of(record: Any) -> str:
    """The page of a record."""
    if isinstance(record, SeriesReport):
        return render_series_html(record)
    if isinstance(record, RecordDiff):
        return render_diff_html(record, every_verdict(), every_verdict())
    return render_html(record)
