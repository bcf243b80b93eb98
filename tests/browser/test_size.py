"""A page of much stays light, opens, and fits a phone."""

from __future__ import annotations

from reports.series import SeriesReport
from tests.browser.chromium import PHONE, Window
from tests.browser.conftest import Show
from tests.browser.layout import beyond
from tests.browser.pages import html_of
from tests.reports import factory, series_factory

MOST = 2_000_000


def test_twenty_checks_with_twenty_rows_of_ninety_six_tokens(show: Show) -> None:
    tokens = factory.make_tokens()
    long = tokens.model_copy(
        update={
            "tokens": (tokens.tokens * 11)[:96],
            "values": (tokens.values * 11)[:96],
            "read": [95],
        }
    )
    rows = [factory.make_row(rank, tokens=long) for rank in range(20)]
    checks = [factory.make_check(id=f"check-{n}", top_rows=rows) for n in range(20)]
    html = html_of(factory.make_report(checks=checks))
    assert len(html.encode()) < MOST
    with show(html, Window(PHONE)) as shown:
        assert shown.page.locator(".tokens i").count() == 20 * 20 * 96
        assert shown.page.locator(".verdicts > li").count() == 20
        assert beyond(shown.page) == []


def test_twenty_checks_on_twenty_checkpoints(show: Show) -> None:
    html = html_of(much())
    assert len(html.encode()) < MOST
    with show(html, Window(PHONE)) as shown:
        assert shown.page.locator(".matrix tbody td").count() == 20 * 20
        assert beyond(shown.page) == []


def much() -> SeriesReport:
    series = series_factory.make_series()
    row = series.checkpoints[-1]
    checks = [row.checks[0].model_copy(update={"check": f"check-{n}"}) for n in range(20)]
    rows = [
        row.model_copy(update={"step": step, "name": f"checkpoint-{step}", "checks": checks})
        for step in range(20)
    ]
    tracks = [series.tracks[0].model_copy(update={"check": check.check}) for check in checks]
    return series.model_copy(update={"checkpoints": rows, "tracks": tracks})
