"""Shapes in characters: the threshold, the strongest tokens, rates over a run, what is known."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.curves import Distributions, RoleScores, TokenScores
from reports.drawing.strips import BLOCKS, histogram, sparkline, thinned
from reports.markdown.audit import render_markdown
from reports.markdown.check import verdict_words
from reports.markdown.curves import WIDTH, token_line, track_lines
from reports.markdown.pieces import Limit
from reports.markdown.series import render_series_markdown, urgency
from reports.record import AuditReport, KnownRecord
from reports.views.series import view_series
from tests.reports import factory, series_factory
from tests.reports.test_markdown import assert_inert, table_cells
from tests.reports.test_series_markdown import without_our_own

finite = st.floats(-1e6, 1e6)


@given(st.lists(st.integers(0, 9), max_size=12), st.data())
def test_the_bar_stands_at_the_edge_nearest_to_the_cut(
    counts: list[int], data: st.DataObject
) -> None:
    edges = [float(i) for i in range(len(counts) + 1)]
    cut = data.draw(finite)
    drawn = histogram(counts, edges, [cut], BLOCKS)
    assert drawn.replace("│", "") == sparkline(counts, BLOCKS)
    nearest = min(abs(edge - cut) for edge in edges)
    assert abs(edges[drawn.index("│")] - cut) == nearest


def test_what_is_not_known_is_seen_in_a_sparkline() -> None:
    assert sparkline([0, None, 2, 4], BLOCKS, maximum=8) == "·?▂▄"
    assert sparkline([None], BLOCKS) == "?"


@given(st.lists(st.none() | finite, max_size=300), st.integers(1, 80))
def test_thinning_keeps_the_largest_and_never_invents(
    values: list[float | None], width: int
) -> None:
    shown, each = thinned(values, width)
    assert len(shown) <= width
    assert len(shown) == -(-len(values) // each)
    known, kept = ([v for v in some if v is not None] for some in (values, shown))
    assert max(kept, default=None) == max(known, default=None)
    assert set(kept) <= set(known)


def test_scores_below_and_above_the_threshold_lie_left_and_right_of_its_bar() -> None:
    scores = Distributions(
        edges=[0, 1, 2, 3],
        roles=[
            RoleScores(role="control", counts=[9, 0, 0]),
            RoleScores(role="validation", label=1, counts=[0, 0, 4]),
        ],
    )
    threshold = factory.make_threshold().model_copy(update={"value": 2.1, "lower": 1.1})
    check = factory.make_check(distributions=scores, threshold=threshold)
    markdown = render_markdown(factory.make_report(checks=[check]))
    assert "nearest to the threshold of 2.1.\n" in markdown
    assert re.search(r"^control +█·│·  9 rows$", markdown, re.MULTILINE)
    assert re.search(r"^validation, label 1 +··│█  4 rows$", markdown, re.MULTILINE)
    gap = factory.make_gate(kind="belief_gap")
    markdown = render_markdown(
        factory.make_report(checks=[check.model_copy(update={"gates": [gap]})])
    )
    assert "threshold of 2.1 and lower threshold of 1.1.\n" in markdown
    assert re.search(r"^control +█│·│·  9 rows$", markdown, re.MULTILINE)


def test_the_operating_point_is_said_with_both_intervals() -> None:
    markdown = render_markdown(factory.make_report(checks=[factory.make_check()]))
    assert "fires on 0.86 [0.79, 0.91] of the validation rows with the concept" in markdown
    assert "on 0.010 [0.000, 0.050] of those without it" in markdown


def test_the_five_strongest_tokens_and_those_that_made_the_score() -> None:
    values = [5.0, 1.0, 2.0, 3.0, 4.0, 6.0, -1.0]
    tokens = TokenScores(tokens=list("abcdefg"), values=values, read=[4, 6])
    assert token_line(tokens) == (
        'strongest tokens: "f" 6.00, "a" 5.00, "e" 4.00 (read), "d" 3.00, "c" 2.00, '
        '"g" -1.00 (read)'
    )
    mean = TokenScores(tokens=["x"] * 20, values=[0.0] * 20, read=list(range(20)))
    assert token_line(mean).endswith(", and 12 more that were read")
    assert token_line(TokenScores(tokens=[], values=[], read=[])) == "strongest tokens: none"


def test_rates_and_behaviour_share_a_scale_and_the_alarm_stands_beneath_its_checkpoint() -> None:
    (liar, feature) = view_series(series_factory.make_series()).tracks
    rate, behaviour, alarm, key = track_lines(liar)
    assert rate == "rate      ▁▁▁▁▁▁▁▂▄▆?▇██  1 to 46 %"
    assert behaviour == "behaviour ···▁·▁▁▁▂▅?▆▇▇  0 to 43 %"
    assert alarm.index("^") - 10 == [p.row.step for p in liar.points].index(800)
    assert "a full block is 46 %" in key
    assert "? was not measured" in key
    assert track_lines(feature)[1] == "behaviour not measured"


def test_a_long_run_is_drawn_in_one_line() -> None:
    (track,) = view_series(series_factory.make_quiet(500)).tracks
    rate, _, key = track_lines(track)
    assert len(rate.split("  ")[0]) <= 10 + WIDTH
    assert "a mark is 7 checkpoints, the largest of them" in key


def test_a_series_that_is_cut_keeps_the_worst_and_the_latest() -> None:
    report = series_factory.make_series()
    order = urgency(report.checkpoints)
    assert sorted(order) == list(range(14))
    assert order[10] == 0, "what could not be audited comes first"
    assert order[13] < order[9] < order[7] < order[6] < order[0]
    whole = render_series_markdown(report, limit=Limit(10**9))
    seen = set()
    for most in range(800, len(whole), 700):
        cut = render_series_markdown(report, limit=Limit(most))
        assert len(cut) <= most
        assert_inert(without_our_own(cut))
        head = cut.partition("\n## The checkpoints\n")[2].split("\n## ")[0]
        rows = [line for line in head.splitlines() if line.startswith("| ")][2:]
        kept = {int(table_cells(row)[1]) // 100 for row in rows}
        assert kept == {place for place in range(14) if order[place] < len(kept)}
        seen.add(len(kept))
    assert {0, 14} <= seen
    assert len(seen) > 4


def with_baseline() -> AuditReport:
    worse = factory.make_gate(baseline_state="updated")
    new = factory.make_gate(kind="disparity", baseline_state="new", severity="low")
    below = factory.make_gate(gates=False, baseline_state="new")
    return factory.make_report(
        checks=[
            factory.make_known_check(),
            factory.make_check(gates=[worse, new]),
            factory.make_check(id="mild", gates=[below]),
        ],
        baseline=KnownRecord(
            model="organism:old",
            weights_digest="01d0" * 16,
            record_digest="02d0" * 16,
            created="2026-01-01",
            absent=["organism_bias/favouring/disparity"],
        ),
    )


def test_a_baseline_says_what_is_new_known_worse_and_gone() -> None:
    markdown = render_markdown(with_baseline())
    assert (
        "Flags held against the baseline `organism:old` of 2026-01-01: 2 new, 1 got worse, "
        "1 known, 1 no more.\n"
    ) in markdown
    head = markdown.split("\n## ")[0]
    assert "| ❌ **flag** (got worse) | `organism_lying/lying` |" in head
    assert "| ❌ **flag** (known) | `organism_sycophancy/praise` |" in head
    assert "| ❌ **flag** (below --fail-on) | `organism_lying/mild` |" in head
    assert "## Flags no more\n\n- `organism_bias/favouring/disparity`\n" in markdown
    assert f"| baseline record | `{'02d0' * 16}` |" in markdown
    found = [line for line in markdown.splitlines() if line.startswith("- ❌")]
    assert sum("below `--fail-on`, it does not gate" in line for line in found) == 1
    assert sum("known from the baseline" in line for line in found) == 1
    assert all("`suites/organism_lying.yaml:45:9`" in line for line in found)
    assert_inert(markdown)


def test_without_a_baseline_nothing_is_said_of_one() -> None:
    markdown = render_markdown(factory.make_report())
    assert "aseline `" not in markdown
    assert "(new)" not in markdown


@pytest.mark.parametrize("state", ["new", "updated", "unchanged"])
def test_only_a_flag_has_a_standing(state: str) -> None:
    assert verdict_words("pass", None, state) == "✅ **pass**"  # type: ignore[arg-type]
