"""The page of an audit: whole, inert and closed whatever a model wrote.

Read here without a browser; `tests/browser` opens it in a real one.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from audit.engine.evidence import TOP_ROWS
from audit.engine.token_window import MOST_TOKENS
from reports.html.audit import render_html
from reports.html.glossary import term
from reports.html.series import render_series_html
from reports.record import AuditReport
from reports.series import SeriesReport
from reports.text import is_hidden
from reports.views.audit import view_report
from tests.reports import factory, series_factory
from tests.reports.hostile import HOSTILE
from tests.reports.page import ALLOWED, Page, read_page
from tests.reports.series_strategies import series as some_series
from tests.reports.strategies import reports

BESIDE = re.compile(r"[\w.-]+(/[\w.-]+)*/report\.html", re.ASCII)


def inert(page: Page) -> None:
    """What must hold of every page, whatever it shows.

    Links stay on the page, or lead to that of a checkpoint in a folder beside it.
    """
    assert not page.mistakes
    assert not page.unclosed
    assert {tag for tag, _ in page.elements} <= ALLOWED
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attributes)
    ids = page.ids
    assert len(ids) == len(set(ids))
    for link in page.links:
        beside = BESIDE.fullmatch(link) is not None and ".." not in link
        assert beside or (link.startswith("#") and link[1:] in ids)


@given(reports)
def test_a_page_is_whole_and_inert(report: AuditReport) -> None:
    html = render_html(report)
    inert(read_page(html))
    assert not any(is_hidden(character) for character in html if character != "\n")
    html.encode("utf-8")


def test_hostile_text_is_shown_and_does_nothing() -> None:
    row = factory.make_row(text=" ".join(HOSTILE), tokens=None, says="</q><script>1</script>")
    html = render_html(factory.make_report(checks=[factory.make_check(top_rows=[row])]))
    page = read_page(html)
    inert(page)
    shown = "".join(page.text)
    assert "<script>alert(1)</script>" in shown
    assert "\\u202e" in shown
    assert "\\ud800" in shown


def test_the_check_that_a_page_is_inert_can_fail() -> None:
    html = render_html(factory.make_report())
    for hole in ("<script>1</script>", '<p style="x">y</p>', '<a href="//evil">x</a>', "</div>"):
        with pytest.raises(AssertionError):
            inert(read_page(html.replace("</main>", f"{hole}</main>", 1)))


@given(reports)
def test_the_page_says_the_verdict_of_every_check(report: AuditReport) -> None:
    html, view = render_html(report), view_report(report)
    verdicts = re.findall(r'<li class="(\w+)">\n<div class="what">', html)
    assert verdicts == [check.verdict for check in view.checks]
    assert f'<header class="top {report.verdict}">' in html
    assert f"Exit code {report.exit_code}: " in html


def test_names_that_look_like_our_own_anchors_give_no_double_id() -> None:
    checks = [factory.make_check(id=name) for name in ("a", "a-title", "a:title", "a-gates", "a")]
    inert(read_page(render_html(factory.make_report(checks=checks))))


def test_equal_records_give_equal_pages() -> None:
    assert render_html(factory.make_report()) == render_html(factory.make_report())


def test_a_long_text_is_cut_and_the_page_says_by_how_much() -> None:
    row = factory.make_row(text="x" * 10_000_000, tokens=None)
    named = factory.make_row(id="i" * 10_000_000, group="g" * 10_000_000)
    html = render_html(factory.make_report(checks=[factory.make_check(top_rows=[row, named])]))
    assert "9,996,000 more characters" in html
    assert len(html) < 200_000


def test_twenty_checks_weigh_less_than_two_megabytes() -> None:
    some = factory.make_tokens()
    times = MOST_TOKENS // len(some.tokens) + 1
    longest = some.model_copy(
        update={
            "tokens": (some.tokens * times)[:MOST_TOKENS],
            "values": (some.values * times)[:MOST_TOKENS],
            "read": [MOST_TOKENS - 1],
        }
    )
    rows = [factory.make_row(rank, tokens=longest) for rank in range(TOP_ROWS)]
    checks = [factory.make_check(id=f"check-{n}", top_rows=rows) for n in range(20)]
    assert len(render_html(factory.make_report(checks=checks)).encode()) < 2_000_000


def test_a_term_that_is_not_explained_cannot_be_linked() -> None:
    with pytest.raises(KeyError):
        term("vibes")


@given(some_series)
def test_the_page_of_a_series_is_whole_and_inert(report: SeriesReport) -> None:
    html = render_series_html(report)
    inert(read_page(html))
    assert not any(is_hidden(character) for character in html if character != "\n")


def test_the_page_of_a_series_leads_to_those_of_its_checkpoints_and_nowhere_else() -> None:
    series = series_factory.make_series()
    runs = {row.run for row in series.checkpoints if row.run}
    links = set(read_page(render_series_html(series)).links)
    assert {f"{run}/report.html" for run in runs} <= links
    rows = [
        row.model_copy(update={"run": run})
        for row, run in zip(
            series.checkpoints,
            ["javascript:alert(1)", "//evil.example", "../../etc", "/etc", "a/../b", "\u202ex"],
            strict=False,
        )
    ]
    hostile = render_series_html(series.model_copy(update={"checkpoints": rows}))
    assert all(link.startswith("#") for link in read_page(hostile).links)


def test_the_page_of_a_series_shows_every_check_on_every_checkpoint() -> None:
    series = series_factory.make_series()
    html = render_series_html(series)
    matrix = html[html.index('class="matrix"') : html.index("</table>")]
    cells = re.findall(r'<td class="(\w+)', matrix)
    checks = {(check.suite, check.check) for row in series.checkpoints for check in row.checks}
    assert len(cells) == len(checks) * len(series.checkpoints)
    said = [verdict for verdict in cells if verdict != "none"]
    read = [check.verdict for row in series.checkpoints for check in row.checks]
    assert sorted(said) == sorted(read)


def test_twenty_checks_on_twenty_checkpoints_weigh_less_than_two_megabytes() -> None:
    series = series_factory.make_series()
    row = series.checkpoints[0]
    checks = [row.checks[0].model_copy(update={"check": f"check-{number}"}) for number in range(20)]
    rows = [
        row.model_copy(update={"step": step, "name": f"checkpoint-{step}", "checks": checks})
        for step in range(20)
    ]
    tracks = [series.tracks[0].model_copy(update={"check": check.check}) for check in checks]
    many = series.model_copy(update={"checkpoints": rows, "tracks": tracks})
    assert len(render_series_html(many).encode()) < 2_000_000
