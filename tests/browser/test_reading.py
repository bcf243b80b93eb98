"""A page is read with a keyboard, without scripts, and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import ElementHandle, Page

from tests.browser.chromium import DESKTOP, PHONE, Opened, Window
from tests.browser.conftest import Show
from tests.browser.layout import beyond, unfold
from tests.browser.pages import RECORDS, html_of

KINDS = ["audit", "features", "series", "diff"]
FOCUSED = """() => {
  const one = document.activeElement, look = getComputedStyle(one);
  return {
    tag: one.tagName, href: one.getAttribute('href') ?? '', of: one.className,
    outline: look.outlineStyle === 'none' ? 0 : parseFloat(look.outlineWidth),
    left: one.getBoundingClientRect().left,
  };
}"""


def stops(page: Page, most: int = 400) -> Iterator[dict[str, object]]:
    """What Tab reaches, in order, until it leaves the page."""
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["tag"] == "BODY":
            return
        yield found


@pytest.mark.parametrize("kind", KINDS)
def test_tab_reaches_everything_and_one_sees_where_one_is(kind: str, show: Show) -> None:
    with show(html_of(RECORDS[kind]())) as shown:
        reached = list(stops(shown.page))
        assert all(float(str(one["outline"])) > 0 for one in reached)
        assert reached[0]["of"] == "skip"
        assert float(str(reached[0]["left"])) >= 0
        links = shown.page.locator("a:visible").count()
        assert sum(one["tag"] == "A" for one in reached) == links
        folds = shown.page.locator("summary:visible").count()
        assert sum(one["tag"] == "SUMMARY" for one in reached) == folds
        verdicts = shown.page.locator(".verdicts h3 a").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        assert set(verdicts) <= {one["href"] for one in reached}


def test_an_outline_that_is_missing_is_seen(show: Show) -> None:
    with show(html_of(RECORDS["audit"]())) as shown:
        shown.page.evaluate("document.querySelector('.skip').style.outline = 'none'")
        assert next(stops(shown.page))["outline"] == 0


def test_enter_opens_what_is_folded_and_follows_links(show: Show) -> None:
    with show(html_of(RECORDS["audit"]())) as shown:
        fold = closed(shown.page)
        fold.focus()
        shown.page.keyboard.press("Enter")
        assert fold.evaluate("one => one.parentElement.open")
        shown.page.locator(".skip").focus()
        shown.page.keyboard.press("Enter")
        assert shown.page.url.endswith("#content")
        shown.page.keyboard.press("Tab")
        inside = shown.page.evaluate("document.activeElement.closest('main') !== null")
        assert inside


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_link_leads_to_where_one_can_see_it(
    kind: str, size: tuple[int, int], show: Show
) -> None:
    with show(html_of(RECORDS[kind]()), Window(size)) as shown:
        targets = shown.page.locator("a").evaluate_all(
            "all => [...new Set(all.map(one => one.getAttribute('href')))]"
            ".filter(one => one[0] === '#')"
        )
        assert len(targets) > 5
        seen = shown.page.evaluate(
            """targets => targets.map(target => {
              location.hash = target;
              const box = document.getElementById(target.slice(1)).getBoundingClientRect();
              return [target, box.top >= -1 && box.top < innerHeight];
            })""",
            targets,
        )
        assert [target for target, there in seen if not there] == []


def closed(page: Page) -> ElementHandle:
    """The first summary of what is folded; that one also when it is open."""
    found = page.query_selector("details:not([open]) > summary")
    assert found
    return found


def text_of(shown: Opened) -> str:
    return re.sub(r"\s+", " ", shown.page.inner_text("body"))


@pytest.mark.parametrize("kind", KINDS)
def test_without_scripts_the_page_says_the_same(kind: str, show: Show) -> None:
    html = html_of(RECORDS[kind]())
    with show(html) as with_scripts, show(html, Window(scripts=False)) as without:
        assert text_of(without) == text_of(with_scripts)
        assert len(without.requests) == 1
        for fold in without.page.query_selector_all("details:not([open]) > summary")[:2]:
            fold.click()
            assert fold.evaluate("one => one.parentElement.open")


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_nothing_is_folded_and_nothing_is_cut(kind: str, show: Show) -> None:
    with show(html_of(RECORDS[kind]()), Window((700, 990))) as shown:
        hidden = """() => [...document.querySelectorAll('details > :not(summary)')].filter(
            one => one.closest('.values') === null && !one.checkVisibility()).length"""
        assert shown.page.evaluate(hidden) > 0 or kind == "diff"  # which folds nothing
        shown.page.emulate_media(media="print")
        assert shown.page.evaluate(hidden) == 0
        assert beyond(shown.page) == []
        assert wider_than_paper(shown.page) == []
        badges = shown.page.locator(".badge:visible").all_inner_texts()
        assert all(badge.strip() for badge in badges)
        unfold(shown.page)  # and what a reader opened looks the same
        assert beyond(shown.page) == []


def wider_than_paper(page: Page) -> list[str]:
    """Regions that scroll on a screen and would be cut on paper."""
    return list(
        page.locator(".scroll").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth + 1)"
            ".map(one => `${one.getAttribute('aria-label')}: ${one.scrollWidth}`)"
        )
    )


def test_a_page_is_printed_as_pdf(show: Show) -> None:
    with show(html_of(RECORDS["audit"]())) as shown:
        folded = shown.page.pdf()
        unfold(shown.page)
        assert folded.startswith(b"%PDF")
        assert folded.count(b"/Type /Page\n") == shown.page.pdf().count(b"/Type /Page\n")
