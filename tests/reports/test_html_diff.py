"""The page of a comparison: what got worse first, whole and inert whatever a record holds."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given

from reports.curves import Distributions, RoleScores
from reports.diff import STATUSES, Caveat, RecordDiff, Status
from reports.drawing.diff import score_change
from reports.html.diff import render_diff_html
from reports.record import VERDICTS, Threshold, Verdict
from reports.text import is_hidden
from reports.views.diff import became, place_of
from reports.views.wording import estimate_words
from tests.reports import factory
from tests.reports.diff_strategies import diffs
from tests.reports.hostile import HOSTILE
from tests.reports.page import read_page
from tests.reports.strategies import distributions, numbers
from tests.reports.test_diff import hostile_diff, make_diff, make_gate_diff, make_side
from tests.reports.test_html import inert

REPORT = factory.make_report()


def page_of(diff: RecordDiff) -> str:
    return render_diff_html(diff, REPORT, REPORT)


def text_of(html: str) -> str:
    return " ".join("".join(read_page(html).text).split())


def told(html: str) -> list[str]:
    """The tones of the first list, in its order."""
    first = html[html.index('<ol class="verdicts">') : html.index("</ol>")]
    return re.findall(r'<li class="(\w+)">', first)


@given(diffs)
def test_the_page_is_whole_and_inert(diff: RecordDiff) -> None:
    html = page_of(diff)
    inert(read_page(html))
    assert not any(is_hidden(character) for character in html if character != "\n")
    html.encode("utf-8")


@given(diffs)
def test_every_gate_is_told_in_the_order_in_which_it_is_read(diff: RecordDiff) -> None:
    html = page_of(diff)
    changed = [tone for tone in told(html) if tone != "unchanged"]
    gates = [gate for gate in diff.gates if gate.status != "unchanged"]
    read = sorted(gates, key=lambda gate: (STATUSES.index(gate.status), place_of(gate)))
    anew = [gate for gate in read if gate.is_new_flag and gate.gates]
    others = [gate for gate in read if gate not in anew]
    worse = [gate for gate in others if gate.status == "worse"]
    expected = [*worse, *anew, *others[len(worse) :]]
    assert changed == [became(gate).tone for gate in expected]
    assert ("unchanged" in told(html)) == (diff.count("unchanged") > 0 or not diff.gates)
    assert html.count('<h3><span class="badge') == len(diff.gates)
    assert f"Exit code {diff.exit_code}" in html


@pytest.mark.parametrize("text", HOSTILE[::4])
def test_hostile_text_is_inert(text: str) -> None:
    html = page_of(hostile_diff(text))
    inert(read_page(html))
    assert not any(is_hidden(character) for character in html if character != "\n")


def test_hostile_text_is_shown() -> None:
    assert "<script>alert(1)</script>" in text_of(
        page_of(hostile_diff("<script>alert(1)</script>"))
    )


def test_the_check_that_a_page_is_inert_can_fail() -> None:
    html = page_of(make_diff())
    inert(read_page(html))
    for hole in ("<script>1</script>", '<a href="https://evil.example">x</a>', "</section>"):
        with pytest.raises(AssertionError):
            inert(read_page(html.replace("</main>", f"{hole}</main>", 1)))


@pytest.mark.parametrize("status", STATUSES)
def test_the_worst_status_stands_at_the_top_in_a_word(status: Status) -> None:
    gate = make_gate_diff(status=status)
    html = page_of(make_diff(gates=[gate, make_gate_diff(status="unchanged")]))
    assert f'<header class="top {became(gate).tone}">' in html
    top = text_of(html[html.index("<header") : html.index("</header>")])
    assert became(gate).word in top


def test_a_new_flag_is_as_loud_as_what_got_worse_and_a_new_pass_is_not() -> None:
    lone = {"status": "new", "verdict_before": None, "estimate_before": None, "paired": None}
    passes = make_gate_diff(**lone | {"check": "a", "verdict_after": "pass"})
    html = page_of(make_diff(gates=[passes, make_gate_diff(**lone | {"check": "b"})]))
    assert told(html) == ["worse", "new"]
    assert '<header class="top worse">' in html
    top = text_of(html[html.index("<header") : html.index("</header>")])
    assert "NEW FLAG" in top
    assert "1 new flag, 1 new pass." in top
    section = html[html.index('<section class="check') :]
    assert re.findall(r'<section class="check (\w+)"', section) == ["worse", "new"]


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise([*VERDICTS, VERDICTS[0]])))
def test_both_verdicts_are_shown_side_by_side(before: Verdict, after: Verdict) -> None:
    gate = make_gate_diff(verdict_before=before, verdict_after=after)
    diff = make_diff(before=make_side(verdict=before), after=make_side(verdict=after), gates=[gate])
    html = page_of(diff)
    sides = html[html.index('class="sides"') : html.index("</table>")]
    assert re.findall(r"#v-(\w+)", sides) == [before, after]
    section = html[html.index('<section class="check') :]
    assert re.findall(r"#v-(\w+)", section) == [before, after]


def test_every_number_has_its_interval_and_n() -> None:
    gate = make_gate_diff()
    assert gate.paired is not None
    html = text_of(page_of(make_diff(gates=[gate])))
    assert estimate_words(gate.paired.difference, signed=True) in html
    assert "q = 2e-12" in html
    for found in (gate.estimate_before, gate.estimate_after):
        assert found is not None
        assert estimate_words(found) in html
        assert f"n = {found.n}" in html


def test_rows_and_groups_stand_beside_the_numbers_of_the_list_once_where_they_agree() -> None:
    def first(diff: RecordDiff) -> str:
        html = page_of(diff)
        return text_of(html[html.index('<ol class="verdicts">') : html.index("</ol>")])

    same = first(make_diff())
    assert same.count("n = ") == 1
    assert "limit 0.20; n = 200 in 100 groups" in same
    other = make_gate_diff(estimate_before=factory.estimate(0.02, 0.001, 0.06, n=80, groups=80))
    said = "before n = 80, after n = 200 in 100 groups, same rows n = 200 in 100 groups"
    assert said in first(make_diff(gates=[other]))


def test_what_makes_it_less_than_fair_is_said_and_nothing_is_said_of_a_fair_one() -> None:
    caveat = Caveat(where="a/b", kind="rows", sentence="`rows` were changed")
    assert "<code>a/b</code>: <code>rows</code> were changed" in page_of(
        make_diff(caveats=[caveat])
    )
    other = make_side(weights_digest="0" * 64)
    assert "Nothing but the weights differs" in page_of(make_diff(caveats=[], after=other))
    assert "Nothing but the weights differs" not in page_of(make_diff(after=other))
    assert "Nothing differs that was looked at" in page_of(make_diff(caveats=[]))


def test_the_exit_code_is_explained_and_the_commands_are_there() -> None:
    text = text_of(page_of(make_diff(exit_code=1)))
    assert "Exit code 1: something that gates got worse" in text
    assert text.count("$ audit run organism_lying") == 2
    bare = REPORT.model_copy(update={"provenance": None})
    assert "No command was recorded" in render_diff_html(make_diff(), bare, bare)


def test_a_gate_that_one_run_lacks_is_drawn_with_the_side_that_is_there() -> None:
    gone = make_gate_diff(
        status="gone", verdict_after=None, estimate_after=None, limit_after=None, paired=None
    )
    html = page_of(make_diff(gates=[gone]))
    assert "after not there" in text_of(html)
    assert html.count('class="chart"') == 2
    assert page_of(make_diff()).count('class="chart"') == 3


def test_scores_stand_above_each_other_where_both_records_have_them() -> None:
    check = factory.make_check()
    drawn = score_change(check, check)
    assert drawn is not None
    assert "before, n = " in drawn
    assert "after, n = " in drawn
    assert score_change(check, check.model_copy(update={"distributions": None})) is None
    diff = make_diff(gates=[make_gate_diff(suite=check.suite, check=check.id)])
    report = factory.make_report(checks=[check])
    assert "each with its own threshold" in render_diff_html(diff, report, report)
    assert "each with its own threshold" not in render_diff_html(
        diff, factory.make_report(checks=[]), report
    )


def test_what_fires_is_drawn_apart_from_what_does_not() -> None:
    spread = Distributions(edges=[0, 1, 2], roles=[RoleScores(role="audit", counts=[5, 3])])

    def drawn(threshold: float) -> str:
        cut = factory.make_check().threshold
        assert cut is not None
        moved = cut.model_copy(update={"value": threshold})
        check = factory.make_check(distributions=spread, threshold=moved)
        return score_change(check, check) or ""

    assert 'class="fires"' not in drawn(2.0)
    assert 'class="quiet"' not in drawn(0.0)
    assert 'class="fires"' in drawn(1.0)
    assert 'class="quiet"' in drawn(1.0)


@given(distributions, distributions, numbers)
def test_any_scores_can_be_drawn(before: Distributions, after: Distributions, cut: float) -> None:
    plain = factory.make_check()
    assert plain.threshold is not None
    threshold: Threshold = plain.threshold.model_copy(update={"value": cut})
    a, b = (
        plain.model_copy(update={"distributions": each, "threshold": threshold})
        for each in (before, after)
    )
    drawn = score_change(a, b)
    assert drawn is None or ("nan" not in drawn and "inf" not in drawn)


@pytest.mark.parametrize("code", [0, 1, 6])
def test_a_comparison_of_nothing_is_said(code: int) -> None:
    html = page_of(make_diff(gates=[], caveats=[], exit_code=code))
    inert(read_page(html))
    assert "No gate in either audit" in text_of(html)


def test_twenty_checks_weigh_less_than_two_megabytes() -> None:
    checks = [factory.make_check(id=f"check-{number}") for number in range(20)]
    report = factory.make_report(checks=checks)
    gates = [
        make_gate_diff(suite=check.suite, check=check.id, kind=kind)
        for check in checks
        for kind in ("firing_rate", "belief_gap", "disparity")
    ]
    html = render_diff_html(make_diff(gates=gates), report, report)
    assert len(html.encode()) < 2_000_000 / 5


def test_equal_comparisons_give_equal_pages() -> None:
    assert page_of(make_diff()) == page_of(make_diff())
