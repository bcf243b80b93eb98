"""Whatever a record holds, its page shows it and does nothing.

The same texts, put raw into a page, run and ask for things: the tests can see it.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import Phase, given, settings
from playwright.sync_api import Browser

from reports.html.environment import policy
from reports.record import AuditReport
from reports.series import SeriesReport
from tests.browser.chromium import DESKTOP, PHONE, Opened, Window, tab
from tests.browser.conftest import File, Show
from tests.browser.layout import beyond, unfold
from tests.browser.pages import RECORDS, html_of
from tests.browser.soiled import SCRIPTS, soiled
from tests.reports import factory
from tests.reports.series_strategies import series
from tests.reports.strategies import reports

# Every link is followed and every element pointed at; then the address is put back.
TOUCH = """() => {
  const here = location.pathname;
  for (const one of document.querySelectorAll('body *'))
    one.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
  document.querySelectorAll('a').forEach(one => one.getAttribute('href')[0] == '#' && one.click());
  history.replaceState(null, '', here);
}"""
LEAVES = "refresh"
META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="[^"]*">')


def quiet(shown: Opened) -> None:
    """Nothing ran, nothing was asked for but the file, nothing was refused, nobody was told."""
    assert shown.page.url.startswith("file:")
    assert shown.requests == [shown.page.url]
    assert not shown.pwned
    assert shown.refused == []
    assert (shown.console, shown.errors, shown.dialogs) == ([], [], [])
    assert len(shown.page.query_selector_all("h1")) == 1
    # The style sheet is the one that the policy allows.
    assert shown.page.evaluate("getComputedStyle(document.body).marginTop") == "0px"
    assert shown.page.evaluate("document.styleSheets[0].cssRules.length") > 50


@pytest.mark.parametrize("kind", ["audit", "features", "series", "diff"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_hostile_text_everywhere_does_nothing(kind: str, size: tuple[int, int], show: Show) -> None:
    with show(html_of(soiled(RECORDS[kind]())), Window(size)) as shown:
        unfold(shown.page)
        shown.page.evaluate(TOUCH)
        quiet(shown)
        assert beyond(shown.page) == []


def test_hostile_text_is_there_to_be_read(show: Show) -> None:
    rows = [factory.make_row(text=text, tokens=None) for text in SCRIPTS]
    with show(html_of(factory.make_report(checks=[factory.make_check(top_rows=rows)]))) as shown:
        unfold(shown.page)
        assert shown.page.locator(".rows .text").all_inner_texts() == SCRIPTS
        quiet(shown)


def bare(text: str, head: str = "") -> str:
    return f"<!doctype html><meta charset=utf-8>{head}<style>p{{margin:0}}</style><h1>x</h1>{text}"


def test_raw_the_same_text_runs_where_no_policy_forbids_it(browser: Browser, file: File) -> None:
    ran, asked = [], []
    with tab(browser) as shown:
        for text in SCRIPTS:
            if LEAVES not in text:
                shown.go(file(bare(text)))
                ran += [text] if shown.pwned else []
                asked += [text] if len(shown.requests) > 1 else []
    assert len(ran) >= 12
    assert len(asked) >= 5


def test_raw_a_page_that_leaves_by_itself_is_seen(browser: Browser, file: File) -> None:
    leaving = next(text for text in SCRIPTS if LEAVES in text)
    with tab(browser) as shown:
        with shown.page.expect_request("http://evil.example/**"):
            shown.go(file(bare(leaving)))
        assert len(shown.requests) > 1


def test_raw_the_same_text_is_refused_by_the_policy_and_seen(browser: Browser, file: File) -> None:
    head = META.search(html_of(factory.make_report()))
    assert head
    refused = []
    with tab(browser) as shown:
        for text in SCRIPTS:
            if LEAVES not in text:
                shown.go(file(bare(text, head[0])))
                assert not shown.pwned
                # The sheet of this bare page is refused as well, and does not count.
                refused += [text] if len(shown.refused) > 1 else []
    assert len(refused) >= 15


def test_a_style_that_the_policy_does_not_know_is_not_applied(show: Show) -> None:
    changed = html_of(factory.make_report()).replace("margin: 0;", "margin: 0 ;", 1)
    with show(changed) as shown:
        assert shown.page.evaluate("getComputedStyle(document.body).marginTop") == "8px"
        assert any(one.startswith("style-src") for one in shown.refused)
    assert "script-src" not in policy()  # scripts fall under default-src 'none'


def test_hidden_characters_are_shown_and_turn_nothing_around(show: Show) -> None:
    text = "a\u202eb\u2066c\x1b[31md\x00e\u200bf\ud800g\U000e0041h\u2028i"
    row = factory.make_row(text=text, tokens=None, id=text, group=text)
    with show(html_of(factory.make_report(checks=[factory.make_check(top_rows=[row])]))) as shown:
        seen = shown.page.inner_text(".rows li")
        assert seen.count("a\\u202eb\\u2066c\\x1b[31md\\x00e\\u200bf\\ud800g") == 3
        quiet(shown)


def test_a_line_of_ten_megabytes_is_cut_and_nothing_hangs_over(show: Show) -> None:
    row = factory.make_row(text="<b>x" * 2_500_000, tokens=None)
    html = html_of(factory.make_report(checks=[factory.make_check(top_rows=[row])]))
    with show(html, Window(PHONE)) as shown:
        assert "9,996,000 more characters" in shown.page.inner_text(".rows .text")
        assert beyond(shown.page) == []
        quiet(shown)


EACH_ONCE = settings(max_examples=20, phases=[Phase.generate])


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_random_reports_do_nothing_and_fit(
    size: tuple[int, int], browser: Browser, file: File
) -> None:
    with tab(browser, Window(size)) as shown:

        @EACH_ONCE
        @given(reports)
        def looks(report: AuditReport) -> None:
            shown.go(file(html_of(report)))
            quiet(shown)
            unfold(shown.page)
            assert beyond(shown.page) == []

        looks()


def test_random_series_do_nothing_and_fit(browser: Browser, file: File) -> None:
    with tab(browser, Window(PHONE)) as shown:

        @EACH_ONCE
        @given(series)
        def looks(report: SeriesReport) -> None:
            shown.go(file(html_of(report)))
            quiet(shown)
            unfold(shown.page)
            assert beyond(shown.page) == []

        looks()
