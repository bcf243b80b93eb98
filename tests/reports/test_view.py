"""What is said first, what counts as found, and what as not measured."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from hypothesis import given, settings

from reports.html.audit import render_html
from reports.markdown.audit import render_markdown
from reports.record import VERDICTS, AuditReport, CheckResult
from reports.verdicts import WORST_FIRST
from reports.views.audit import UNDECIDED, view_report
from reports.views.check import beside_event, short_place, view_check
from reports.views.known import check_state
from reports.views.standing import STANDINGS, Standing
from tests.reports import factory
from tests.reports.strategies import reports


@settings(max_examples=50, deadline=None)
@given(reports)
def test_no_check_no_finding_and_no_gap_is_lost(report: AuditReport) -> None:
    view = view_report(report)
    assert Counter(id(v.check) for v in view.checks) == Counter(map(id, report.checks))
    for v in view.checks:
        told = {g.verdict for g in v.check.gates} or {v.check.verdict}
        assert v.verdict in told | ({"error"} & {v.check.verdict})
    loud = [g for c in report.checks for g in c.gates if g.verdict in {"flag", "warn"}]
    assert Counter(f.verdict for f in view.findings) == Counter(g.verdict for g in loud)
    told = [gap.verdict for gap in view.gaps if gap.where]
    for verdict in UNDECIDED:
        assert told.count(verdict) >= sum(v.verdict == verdict for v in view.checks)
    assert all(gap.why for gap in view.gaps)
    shown = [len(v.hidden_concerns) + len(v.other_rows) for v in view.checks]
    assert sum(shown) == sum(len(c.top_rows) for c in report.checks)


def test_every_verdict_and_every_standing_has_its_rank() -> None:
    assert set(WORST_FIRST) == set(VERDICTS)
    assert set(STANDINGS) == set(get_args(Standing))


def test_checks_come_by_what_they_count_for() -> None:
    names = [view.name for view in view_report(factory.make_report()).checks]
    assert names == [
        "organism_bias/favouring",
        "organism_lying/lying",
        "truth/larger_than",
        "organism_sycophancy/flattery",
        "organism_trigger/trigger",
    ]


def test_the_summary_counts_what_is_suppressed_apart() -> None:
    assert view_report(factory.make_report()).summary == (
        "5 checks: 1 error, 1 flag, 1 inconclusive, 1 flag (suppressed), 1 pass"
    )


def test_where_misbehaviour_is_the_event_the_reading_stands_beside_it() -> None:
    """First of the gates it is what is counted on a row; the four fields stay those of the gap."""
    rows = [factory.make_row(i, event=i < 2, misbehaves=i < 2, fires=i != 0) for i in range(3)]
    gates = [factory.make_gate(kind="misbehaviour"), factory.make_gate(kind="belief_gap")]
    view = view_check(factory.make_check(gates=gates, top_rows=rows))
    assert (view.words.event, view.reads.event) == ("misbehaves", "contradicts")
    assert view.hidden_concerns == ()
    assert [beside_event(row, view.words) for row in rows] == ["does not fire", "fires", "fires"]
    assert [beside_event(row, view.reads) for row in rows] == [
        "misbehaves", "misbehaves", "looks fine",
    ]  # fmt: skip
    faulty = {"faults": ["the monitor is too weak"]}
    alone = view_check(factory.make_check(gates=gates[:1], top_rows=rows, **faulty))
    assert (alone.reads.event, alone.unread) == ("fires", False)
    assert view_check(factory.make_check(gates=gates[1:], **faulty)).unread
    report = factory.make_report(checks=[view.check])
    for text in (render_markdown(report), render_html(report)):
        assert "misbehaves and misbehaves" not in text
        assert "does not fire" in text
        assert "contradicts" in text


def test_findings_come_by_severity_and_then_by_q() -> None:
    gates = [
        factory.make_gate(severity="low", q_value=1e-9),
        factory.make_gate(severity="critical", q_value=0.02),
        factory.make_gate(severity="critical", q_value=0.001),
        factory.make_gate(severity="critical", q_value=None),
        factory.make_gate(severity="critical", q_value=1e-12, verdict="warn"),
    ]
    report = factory.make_report(
        checks=[factory.make_suppressed_check(), factory.make_check(gates=gates)]
    )
    found = view_report(report).findings
    assert [(f.verdict, f.severity, f.q_value) for f in found[:5]] == [
        ("flag", "critical", 0.001),
        ("flag", "critical", 0.02),
        ("flag", "critical", None),
        ("flag", "low", 1e-9),
        ("warn", "critical", 1e-12),
    ]
    assert all(f.excuse for f in found[5:])


def test_a_suppressed_check_that_passes_is_not_called_suppressed() -> None:
    suppressed = factory.make_suppressed_check().suppressed
    view = view_check(factory.make_passing_check(suppressed=suppressed))
    assert view.excuse is None
    assert view.suppression is not None
    assert view.suppression.sentence == (
        "suppressed until 2027-03-01: known since the first release"
    )


def test_a_flag_known_from_the_baseline_is_excused_and_a_new_one_beside_it_is_not() -> None:
    known = factory.make_known_check()
    view = view_check(known)
    assert view.excuse is not None
    assert view.excuse.word == "known"
    both = view_check(
        known.model_copy(update={"gates": [*known.gates, factory.make_gate(baseline_state="new")]})
    )
    assert both.excuse is None
    assert {line.excuse.word if line.excuse else None for line in both.gates} == {"known", None}


def test_what_is_below_fail_on_is_marked_and_stands_before_what_is_known() -> None:
    below = factory.make_gate(severity="low", gates=False)
    known = factory.make_gate(severity="critical", baseline_state="unchanged", gates=False)
    view = view_check(factory.make_check(gates=[known, below]))
    assert view.excuse is not None
    assert (view.verdict, view.excuse.word, view.beside) == (
        "flag",
        "below --fail-on",
        ("flag (known)",),
    )
    report = factory.make_report(checks=[factory.make_check(gates=[known, below])])
    assert view_report(report).summary == "1 check: 1 flag (below --fail-on)"


def test_the_state_against_the_baseline_is_that_of_the_gate_that_is_shown() -> None:
    new = factory.make_gate(severity="critical", baseline_state="new")
    worse = factory.make_gate(severity="low", baseline_state="updated")
    assert check_state(view_check(factory.make_check(gates=[worse, new]))) == "new"
    assert check_state(view_check(factory.make_check(gates=[worse]))) == "updated"
    assert check_state(view_check(factory.make_known_check())) is None


def test_a_check_that_failed_where_no_gate_did_shows_none_of_them() -> None:
    view = view_check(factory.make_check(verdict="error", reasons=["it broke"]))
    assert (view.verdict, view.headline, view.standing) == ("error", None, "unmeasured")


def test_the_gate_that_decided_is_the_headline() -> None:
    decided = factory.make_gate(kind="belief_gap", severity="low")
    passed = factory.make_gate(severity="critical", verdict="pass")
    view = view_check(factory.make_check(gates=[passed, decided]))
    assert view.headline is not None
    assert view.headline.title == "belief gap"
    assert view.words.event == "fires"


def test_a_flagged_check_tells_of_its_gates_that_gave_no_answer() -> None:
    silent = factory.make_gate(
        kind="excess_over_reference",
        estimate=None,
        verdict="inconclusive",
        reason="there is no reference model",
    )
    check = factory.make_check(gates=[factory.make_gate(), silent])
    (gap,) = view_report(factory.make_report(checks=[check], partial=False, not_measured=[])).gaps
    assert (gap.where, gap.verdict) == ("organism_lying/lying", "inconclusive")
    assert gap.why == ("excess over reference: there is no reference model",)


def test_a_reason_of_all_gates_is_said_once() -> None:
    why = "the monitor is not valid here: too few controls"
    gates = [factory.make_gate(verdict="inconclusive", reason=why) for _ in range(3)]
    check = factory.make_inconclusive_check(gates=gates, reasons=["too few controls"])
    gaps = view_report(factory.make_report(checks=[check], not_measured=[])).gaps
    assert [gap.why for gap in gaps if gap.where] == [(why,)]
    assert view_check(check).reasons == ()


def test_a_partial_run_and_a_cut_prompt_are_said() -> None:
    report = factory.make_report(partial=True, work=factory.make_work(truncated=3))
    why = [reason for gap in view_report(report).gaps for reason in gap.why]
    assert any("partial" in reason for reason in why)
    assert "3 prompts were cut to the model's context" in why


def test_a_contradiction_is_called_one() -> None:
    view = view_check(factory.make_check(gates=[factory.make_gate(kind="belief_gap")]))
    assert (view.words.event, view.words.no_event) == ("contradicts", "does not contradict")


def test_hidden_concerns_are_rows_with_the_event_that_look_fine() -> None:
    rows = [
        factory.make_row(0, event=True, misbehaves=False),
        factory.make_row(1, event=True, misbehaves=True),
        factory.make_row(2, event=True, misbehaves=None),
        factory.make_row(3, event=False, fires=True, misbehaves=False),
    ]
    view = view_check(factory.make_check(top_rows=rows))
    assert [row.id for row in view.hidden_concerns] == ["claim-000"]
    assert len(view.other_rows) == 3


def test_places_in_short() -> None:
    assert short_place("blocks.12.hook_resid_post") == "12 resid_post"
    assert short_place("blocks.3.attn.hook_z") == "3 attn.hook_z"
    assert short_place("hook_embed") == "hook_embed"


def test_a_row_that_fires_is_no_concern_where_the_gate_compares_groups() -> None:
    row = factory.make_row(misbehaves=False)
    alone = factory.make_check(top_rows=[row])
    compared = factory.make_check(top_rows=[row], gates=[factory.make_gate(kind="disparity")])
    assert view_check(alone).hidden_concerns == (row,)
    assert view_check(compared).hidden_concerns == ()
    assert view_check(compared).four_fields is None
    assert not any("hidden concern" in why for why in _whys(compared))


def test_a_monitor_that_is_not_valid_raises_no_concern() -> None:
    row = factory.make_row(misbehaves=False)
    check = factory.make_inconclusive_check(top_rows=[row])
    assert check.faults
    assert view_check(check).hidden_concerns == ()
    assert view_check(check).other_rows == (row,)
    believed = check.model_copy(update={"faults": []})
    assert view_check(believed).hidden_concerns == (row,)


def _whys(check: CheckResult) -> list[str]:
    report = factory.make_report(checks=[check], not_measured=[], partial=False)
    return [why for gap in view_report(report).gaps for why in gap.why]
