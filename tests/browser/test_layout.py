"""Nothing is cut, on a phone or on a desk: text, drawings, and the words in drawings."""

from __future__ import annotations

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Window
from tests.browser.conftest import Show
from tests.browser.layout import beyond, cut, overlapping, style, unfold
from tests.browser.pages import RECORDS, html_of
from tests.reports import factory

NARROW = (320, 600)


@pytest.mark.parametrize("size", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "narrow"])
@pytest.mark.parametrize("kind", RECORDS)
def test_nothing_lies_beyond_the_window(kind: str, size: tuple[int, int], show: Show) -> None:
    with show(html_of(RECORDS[kind]()), Window(size)) as shown:
        assert beyond(shown.page) == []
        unfold(shown.page)
        assert beyond(shown.page) == []
        assert cut(shown.page) == []
        assert overlapping(shown.page) == []


def test_what_lies_beyond_is_seen(show: Show) -> None:
    with show(html_of(factory.make_report()), Window(PHONE)) as shown:
        shown.page.evaluate("document.querySelector('.asked').style.whiteSpace = 'nowrap'")
        assert any("asked" in one for one in beyond(shown.page))


def test_a_word_that_a_drawing_cuts_is_seen(show: Show) -> None:
    with show(html_of(factory.make_report())) as shown:
        said = shown.page.evaluate(
            "() => { const t = document.querySelector('svg[viewBox] text');"
            " t.setAttribute('x', -30); return t.textContent; }"
        )
        assert any(said in one for one in cut(shown.page))


def test_words_on_words_are_seen(show: Show) -> None:
    with show(html_of(factory.make_report())) as shown:
        shown.page.evaluate(
            "() => { const t = document.querySelector('svg[viewBox] text');"
            " t.after(t.cloneNode(true)); }"
        )
        assert overlapping(shown.page)


def test_dark_is_dark_and_light_is_light(show: Show) -> None:
    html = html_of(factory.make_report())
    with show(html) as light, show(html, Window(dark=True)) as dark:
        assert style(light.page, "body", "backgroundColor") == "rgb(255, 255, 255)"
        red, green, blue = (
            int(one) for one in style(dark.page, "body", "backgroundColor")[4:-1].split(",")
        )
        assert max(red, green, blue) < 40
        assert style(light.page, "svg .found, svg .fdot", "fill") != style(
            dark.page, "svg .found, svg .fdot", "fill"
        )


@pytest.mark.parametrize("kind", ["audit", "series"])
def test_verdicts_are_words_where_colours_are_the_readers_own(kind: str, show: Show) -> None:
    with show(html_of(RECORDS[kind]()), Window(forced=True)) as shown:
        badges = shown.page.locator(".verdicts .badge").all()
        assert badges
        for badge in badges:
            assert badge.inner_text().strip()
            box = badge.locator("svg").bounding_box()
            assert box
            assert box["width"] > 8
        colours = {
            (
                badge.evaluate("one => getComputedStyle(one).color"),
                badge.evaluate("one => getComputedStyle(one).backgroundColor"),
            )
            for badge in badges
        }
        assert all(front != back for front, back in colours)
