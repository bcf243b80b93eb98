"""Axe finds no fault on any page, in light and in dark, on a phone and on a desk."""

from __future__ import annotations

import pytest

from tests.browser.accessibility import CONTRAST, faults
from tests.browser.chromium import PHONE, Window
from tests.browser.conftest import Show
from tests.browser.layout import unfold
from tests.browser.pages import RECORDS, html_of
from tests.reports import factory

KINDS = ["audit", "features", "series", "diff"]


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_on_a_desk(kind: str, show: Show) -> None:
    with show(html_of(RECORDS[kind]())) as shown:
        unfold(shown.page)
        assert faults(shown.page, contrast=False) == []


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_on_a_phone_in_light_and_dark(kind: str, show: Show) -> None:
    with show(html_of(RECORDS[kind]()), Window(PHONE)) as shown:
        unfold(shown.page)
        assert faults(shown.page) == []
        shown.page.emulate_media(color_scheme="dark")
        assert faults(shown.page, only=CONTRAST) == []  # the rest is as it was


def test_words_that_are_pale_in_the_dark_alone_are_seen(show: Show) -> None:
    with show(html_of(factory.make_report(checks=[])), Window()) as shown:
        shown.page.evaluate(
            "document.documentElement.style.setProperty('--ink', '#333')",
        )
        assert faults(shown.page) == []
        shown.page.emulate_media(color_scheme="dark")
        assert faults(shown.page, only=CONTRAST)


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ('<p style="color:#bbb;background:#fff">pale</p>', "color-contrast"),
        ('<img src="data:,">', "image-alt"),
        ('<a href="#content"></a>', "link-name"),
        ("<dl><p>neither term nor meaning</p></dl>", "definition-list"),
    ],
)
def test_axe_finds_what_is_planted(planted: str, rule: str, show: Show) -> None:
    html = html_of(factory.make_report(checks=[]))
    with show(html) as shown:
        # Put in by a script of ours, for the page's own policy would refuse the style.
        shown.page.evaluate(
            "html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", planted
        )
        if rule == "color-contrast":
            shown.page.evaluate(
                "() => { const p = document.querySelector('main > p:last-child');"
                " p.style.color = '#bbb'; p.style.background = '#fff'; }"
            )
        assert any(rule in fault for fault in faults(shown.page))
