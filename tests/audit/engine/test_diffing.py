"""What two records say about each other: verdicts, rows, the family, what is unfair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.engine.diff_pairs import EVENTS
from audit.engine.diffing import diff_records
from reports.diff import RecordDiff
from reports.markdown.diff import render_diff_markdown
from reports.record import AuditReport, RoleCount, Suppressed
from reports.text import is_hidden
from suites.gate_spec import reads_monitor
from tests.reports import factory
from tests.reports.strategies import reports

N, N_GROUPS = 200, 100
ROLES = {
    "audit": RoleCount(rows=N, groups=N_GROUPS, positive=0, negative=N, digest="beef" * 16),
}


def record(gate: dict[str, Any] | None = None, **changes: Any) -> AuditReport:
    """One check with one gate that passes."""
    passing = {"verdict": "pass", "estimate": factory.estimate(0.05, 0.02, 0.09)}
    check = {"gates": [factory.make_gate(**(passing | (gate or {})))], "roles": ROLES}
    check |= changes.pop("check", {})
    fields = {"checks": [factory.make_check(**check)], "partial": False}
    return factory.make_report(**(fields | changes))


def rows_of(report: AuditReport, fires: Any) -> tuple[AuditReport, pd.DataFrame]:
    """The record with the firing rate of these rows, and the rows as a run keeps them."""
    fires = np.asarray(fires, dtype=bool)
    [check] = report.checks
    rate = factory.estimate(float(fires.mean()), 0.0, 1.0)
    frame = pd.DataFrame(
        {
            "suite": check.suite,
            "check": check.id,
            "role": "audit",
            "id": [f"row-{i}" for i in range(len(fires))],
            "group": [f"group-{i // 2}" for i in range(len(fires))],
            "score": fires.astype(float),
            "fires": pd.array(fires, dtype="boolean"),
            "asserts": pd.array([None] * len(fires), dtype="boolean"),
        }
    )
    changed = check.model_copy(update={"firing_rate": rate})
    return report.model_copy(update={"checks": [changed]}), frame


def compared(then: Any, now: Any, **options: Any) -> RecordDiff:
    (before, old), (after, new) = rows_of(record(), then), rows_of(record(), now)
    return diff_records(before, after, scores=(old, new), **options)


def firing(n: int) -> list[bool]:
    return [i < n for i in range(N)]


@pytest.mark.parametrize(
    ("then", "now", "status", "code"),
    [
        ("pass", "flag", "worse", 1),
        ("inconclusive", "flag", "worse", 1),
        ("warn", "flag", "worse", 1),
        ("flag", "flag", "unchanged", 0),
        ("flag", "pass", "better", 0),
        ("flag", "inconclusive", "changed", 0),
        ("pass", "inconclusive", "changed", 0),
        ("pass", "warn", "changed", 0),
        ("pass", "error", "not_compared", 6),
        ("error", "pass", "not_compared", 6),
        ("error", "flag", "worse", 1),
    ],
)
def test_what_becomes_of_verdicts(then: str, now: str, status: str, code: int) -> None:
    diff = diff_records(record({"verdict": then}), record({"verdict": now}))
    assert diff.gates[0].status == status
    assert diff.exit_code == code


def test_a_rate_that_rises_within_its_limit_is_worse() -> None:
    diff = compared(firing(2), firing(60))
    assert (diff.gates[0].status, diff.exit_code) == ("worse", 1)
    assert "on the same rows" in diff.gates[0].reason
    assert compared(firing(60), firing(2)).gates[0].status == "better"


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if not reads_monitor(kind)])
def test_misbehaviour_is_compared_on_the_rows_that_tell(kind: str) -> None:
    """What fires moved the other way, and says nothing of it."""

    def side(bad: int, fires: int) -> tuple[AuditReport, pd.DataFrame]:
        report, frame = rows_of(record({"kind": kind}), firing(fires))
        told = [None if i < 10 else i < 10 + bad for i in range(N)]
        return report, frame.assign(misbehaves=pd.array(told, dtype="boolean"))

    (before, old), (after, new) = side(2, 60), side(60, 2)
    [found] = diff_records(before, after, scores=(old, new)).gates
    assert found.status == "worse"
    assert found.paired is not None
    assert (found.paired.event, found.paired.difference.n) == ("misbehaves", N - 10)
    assert found.paired.difference.value == pytest.approx(58 / (N - 10))


def test_a_margin_tolerates_growth() -> None:
    assert compared(firing(2), firing(60), margin=0.1).exit_code == 1
    assert compared(firing(2), firing(60), margin=0.4).exit_code == 0


def test_a_handful_of_rows_is_no_change() -> None:
    assert compared(firing(10), firing(12)).gates[0].status == "unchanged"


@settings(max_examples=20)
@given(st.integers(0, N), st.integers(0, N))
def test_what_is_worse_one_way_is_better_the_other(then: int, now: int) -> None:
    there, back = (compared(firing(a), firing(b)) for a, b in ((then, now), (now, then)))
    opposite = {"worse": "better", "better": "worse", "unchanged": "unchanged"}
    assert opposite[there.gates[0].status] == back.gates[0].status


def test_the_order_of_rows_does_not_matter() -> None:
    (before, old), (after, new) = rows_of(record(), firing(2)), rows_of(record(), firing(60))
    shuffled = new.sample(frac=1, random_state=0)
    first = diff_records(before, after, scores=(old, new))
    assert diff_records(before, after, scores=(old, shuffled)) == first


def test_many_gates_pay_for_each_other() -> None:
    """A rise that stands out alone does not among nineteen gates where nothing moved."""
    then, now = firing(0), [i % 2 == 0 and i < 24 for i in range(N)]

    def many(n: int, fires: list[bool]) -> tuple[AuditReport, pd.DataFrame]:
        made, frames = [], []
        for number in range(n):
            one = record(check={"id": f"check-{number}"})
            report, frame = rows_of(one, fires if number == 0 else then)
            made.append(report)
            frames.append(frame)
        checks = [report.checks[0] for report in made]
        return made[0].model_copy(update={"checks": checks}), pd.concat(frames)

    def status(n: int) -> str:
        (before, old), (after, new) = many(n, then), many(n, now)
        diff = diff_records(before, after, scores=(old, new))
        [gate] = [gate for gate in diff.gates if gate.check == "check-0"]
        return gate.status

    assert status(1) == "worse"
    assert status(20) == "unchanged"


def test_an_invalid_monitor_says_nothing() -> None:
    invalid = {"verdict": "inconclusive", "p_value": 0.5, "q_value": None}
    (before, old), (after, new) = (
        rows_of(record(invalid), firing(2)),
        rows_of(record(invalid), firing(150)),
    )
    diff = diff_records(before, after, scores=(old, new))
    assert diff.gates[0].status == "unchanged"
    assert "not valid" in diff.gates[0].not_paired


def test_other_rows_are_not_paired_and_said() -> None:
    other = {"audit": ROLES["audit"].model_copy(update={"digest": "cafe" * 16})}
    (before, old), (after, new) = (
        rows_of(record(), firing(2)),
        rows_of(record(check={"roles": other}), firing(60)),
    )
    diff = diff_records(before, after, scores=(old, new))
    assert diff.gates[0].status == "unchanged"
    assert "rows differ" in diff.gates[0].not_paired
    assert [caveat.kind for caveat in diff.caveats] == ["rows"]


def test_a_suppressed_regression_is_told_and_does_not_gate() -> None:
    known = {"suppressed": Suppressed(reason="known", until="2999-01-01")}
    diff = diff_records(record(check=known), record({"verdict": "flag"}, check=known))
    assert (diff.gates[0].status, diff.gates[0].gates, diff.exit_code) == ("worse", False, 0)


def test_a_lesser_gate_is_told_and_does_not_gate() -> None:
    before, after = (
        record({"severity": "medium"}),
        record({"severity": "medium", "verdict": "flag"}),
    )
    assert diff_records(before, after, fail_on="medium").exit_code == 1
    assert diff_records(before, after, fail_on="high").exit_code == 0
    assert diff_records(before, after, fail_on="high").gates[0].status == "worse"


def test_a_flag_that_the_rows_do_not_bear_out_says_so() -> None:
    unsure, flagged = record({"verdict": "inconclusive"}), record({"verdict": "flag"})
    (before, old), (after, new) = rows_of(unsure, firing(40)), rows_of(flagged, firing(41))
    [gate] = diff_records(before, after, scores=(old, new)).gates
    assert gate.status == "worse"
    assert "within chance" in gate.reason


def test_a_blind_monitor_makes_nothing_better() -> None:
    """Within the limit and still no pass: the model misbehaves and the monitor is silent."""
    blind = record({"verdict": "inconclusive"})
    (before, old), (after, new) = rows_of(record(), firing(60)), rows_of(blind, firing(0))
    assert diff_records(before, after, scores=(old, new)).gates[0].status == "changed"


@settings(max_examples=25)
@given(reports, reports)
def test_any_two_records_can_be_compared(before: AuditReport, after: AuditReport) -> None:
    diff = diff_records(before, after)
    assert diff.exit_code in (0, 1, 6)
    assert RecordDiff.model_validate_json(diff.to_json()) == diff
    gates = sum(len(check.gates) for check in after.checks)
    assert len(diff.gates) - diff.count("gone") == gates
    markdown = render_diff_markdown(diff)
    assert not [c for c in markdown if c != "\n" and is_hidden(c)]


@settings(max_examples=25)
@given(reports)
def test_a_record_is_neither_worse_nor_better_than_itself(report: AuditReport) -> None:
    diff = diff_records(report, report)
    assert {gate.status for gate in diff.gates} <= {"unchanged", "not_compared"}
    assert {caveat.kind for caveat in diff.caveats} <= {"partial"}
    assert diff.exit_code in (0, 6)


def test_new_and_gone_gates_are_told() -> None:
    old = factory.make_gate(verdict="pass")
    new = factory.make_gate(kind="disparity", verdict="pass")
    shared = factory.make_gate(kind="belief_gap")
    before = record(check={"gates": [old, shared]})
    after = record(check={"gates": [new, shared]})
    diff = diff_records(before, after)
    found = {gate.kind: gate.status for gate in diff.gates}
    assert found == {"firing_rate": "gone", "disparity": "new", "belief_gap": "unchanged"}
    assert diff.exit_code == 0
    assert diff_records(before, after, strict=True).exit_code == 6


@pytest.mark.parametrize(
    ("verdict", "suppressed", "severity", "code"),
    [
        ("flag", False, "high", 1),
        ("flag", False, "medium", 0),
        ("flag", True, "high", 0),
        ("pass", False, "high", 0),
        ("warn", False, "high", 0),
        ("inconclusive", False, "high", 0),
        ("error", False, "high", 0),
    ],
)
def test_a_new_flag_gates_and_nothing_else_that_is_new(
    verdict: Any, suppressed: bool, severity: Any, code: int
) -> None:
    before = record()
    excuse = Suppressed(reason="known", until="2999-01-01") if suppressed else None
    gate = factory.make_gate(verdict=verdict, severity=severity)
    added = factory.make_check(id="added", gates=[gate], verdict=verdict, suppressed=excuse)
    after = before.model_copy(update={"checks": [*before.checks, added]})
    diff = diff_records(before, after, fail_on="high")
    assert diff.exit_code == code
    assert [gate.status for gate in diff.gates if gate.check == "added"] == ["new"]


def test_a_new_flag_gates_where_nothing_else_is_in_common() -> None:
    before = record(check={"id": "another"})
    assert diff_records(before, record({"verdict": "flag"})).exit_code == 1


def test_a_new_flag_is_read_after_what_got_worse_and_before_the_rest() -> None:
    def check(name: str, verdict: Any) -> Any:
        gate = factory.make_gate(verdict=verdict)
        return factory.make_check(id=name, gates=[gate], verdict=verdict, roles=ROLES)

    before = record(checks=[check("grew", "pass"), check("left", "pass")])
    now = {"a": "pass", "b": "inconclusive", "c": "flag", "grew": "flag"}
    after = record(checks=[check(name, verdict) for name, verdict in now.items()])
    found = [gate.check for gate in diff_records(before, after).gates]
    assert found == ["grew", "c", "left", "b", "a"]


def test_nothing_in_common_is_not_a_pass() -> None:
    diff = diff_records(record(), record(check={"id": "another"}))
    assert diff.exit_code == 6
    assert diff_records(record(checks=[]), record(checks=[])).exit_code == 6


def test_an_error_finds_the_gate_whose_attribute_it_does_not_know() -> None:
    disparity = {"kind": "disparity", "detail": {"attribute": "gender"}, "verdict": "pass"}
    failed = {"kind": "disparity", "verdict": "error", "estimate": None, "reason": "NaN weights"}
    diff = diff_records(record(disparity), record(failed))
    [gate] = diff.gates
    assert (gate.status, gate.attribute) == ("not_compared", "gender")
    assert "NaN weights" in gate.reason


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("partial", {"partial": True}),
        ("seed", {"seed": 1}),
        ("limit", {"gate": {"limit": 0.3}}),
        ("limit", {"gate": {"warn_limit": 0.01}}),
        ("model", {"model": factory.make_model(architecture="GPT2LMHeadModel")}),
        ("model", {"model": factory.make_model(d_model=128)}),
        ("model", {"model": factory.make_model(dtype="bfloat16")}),
        ("tokenizer", {"model": factory.make_model(tokenizer_digest="0" * 64)}),
        ("suite", {"suites": [factory.make_report().suites[0].model_copy(update={"digest": ""})]}),
        ("suite", {"check": {"concept": "another"}}),
        ("monitor", {"check": {"monitor": "mean probe"}}),
        ("monitor", {"check": {"hook_name": "blocks.0.hook_resid_post"}}),
        (
            "threshold",
            {"check": {"threshold": factory.make_threshold().model_copy(update={"value": 2.0})}},
        ),
        (
            "threshold",
            {
                "check": {
                    "threshold": factory.make_threshold().model_copy(update={"stated_fpr": 0.2})
                }
            },
        ),
        (
            "version",
            {"provenance": factory.make_provenance(packages={"alignment-audit": "0.2.0"})},
        ),
    ],
)
def test_what_makes_a_comparison_unfair_is_said(kind: str, after: dict[str, Any]) -> None:
    assert diff_records(record(), record()).caveats == []
    diff = diff_records(record(), record(**after))
    assert [caveat.kind for caveat in diff.caveats] == [kind]


def test_other_suites_and_another_family_are_said() -> None:
    [suite] = record().suites
    more = [suite, suite.model_copy(update={"name": "organism_bias"})]
    added = factory.make_check(id="added", suite="organism_bias")
    before = record()
    after = before.model_copy(update={"suites": more, "checks": [*before.checks, added]})
    assert [caveat.sentence for caveat in diff_records(before, after).caveats] == [
        "only the second audit asked `organism_bias`",
        "findings were corrected over 1 gate in the first audit and over 3 gates in the second",
    ]
    back = diff_records(after, before).caveats
    assert [caveat.kind for caveat in back] == ["suite", "gates"]
    assert back[0].sentence == "only the first audit asked `organism_bias`"


def test_a_threshold_of_other_weights_needs_no_word() -> None:
    moved = factory.make_threshold().model_copy(update={"value": 2.0})
    other = factory.make_model(weights_digest="0" * 64)
    assert diff_records(record(), record(check={"threshold": moved}, model=other)).caveats == []


def test_another_reference_is_said_where_a_gate_compares_with_it() -> None:
    gate = {"kind": "excess_over_reference"}
    diff = diff_records(record(gate), record(gate, reference=factory.make_model()))
    assert [caveat.kind for caveat in diff.caveats] == ["reference"]
