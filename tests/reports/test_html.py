"""The page of an audit: whole, inert and closed whatever a model wrote.

Read here without a browser; `tests/browser` opens it in a real one.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from reports.html.audit import render_html
from reports.html.glossary import term
from reports.record import AuditReport
from reports.text import is_hidden
from reports.views.audit import view_report
from tests.reports import factory
from tests.reports.hostile import HOSTILE
from tests.reports.page import ALLOWED, Page, read_page
from tests.reports.strategies import reports


def inert(page: Page) -> None:
    """What must hold of every page, whatever it shows."""
    assert not page.mistakes
    assert not page.unclosed
    assert {tag for tag, _ in page.elements} <= ALLOWED
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attributes)
    ids = page.ids
    assert len(ids) == len(set(ids))
    assert all(link.startswith("#") and link[1:] in ids for link in page.links)


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
    assert f"Exit code {report.exit_code}." in html


def test_equal_records_give_equal_pages() -> None:
    assert render_html(factory.make_report()) == render_html(factory.make_report())


def test_a_long_text_is_cut_and_the_page_says_by_how_much() -> None:
    row = factory.make_row(text="x" * 10_000_000, tokens=None)
    html = render_html(factory.make_report(checks=[factory.make_check(top_rows=[row])]))
    assert "9,996,000 more characters" in html
    assert len(html) < 200_000


def test_twenty_checks_weigh_less_than_two_megabytes() -> None:
    tokens = factory.make_tokens()
    long = tokens.model_copy(
        update={"tokens": tokens.tokens * 7, "values": tokens.values * 7, "read": [62]}
    )
    rows = [factory.make_row(rank, tokens=long) for rank in range(20)]
    checks = [factory.make_check(id=f"check-{n}", top_rows=rows) for n in range(20)]
    assert len(render_html(factory.make_report(checks=checks)).encode()) < 2_000_000


def test_a_term_that_is_not_explained_cannot_be_linked() -> None:
    with pytest.raises(KeyError):
        term("vibes")
