"""Each check and each gate, read back from each output alone, is the same for all of them.

A headline of the run may be right where the lines under it are not: these readers see the lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.engine.verdict import exit_code, run_verdict, with_heeded, worst
from reports.record import SEVERITIES, AuditReport, CheckResult, GateResult, Severity, Suppressed
from tests.reports import check_readers as readers
from tests.reports import factory

KINDS = ("firing_rate", "excess_over_control", "belief_gap", "misbehaviour_over_control")
BY_CHECK: dict[str, Callable[[AuditReport], readers.ByName]] = {
    "md": readers.of_markdown,
    "terminal": readers.of_terminal,
    "html": readers.of_html,
    "sarif": readers.of_sarif,
    "annotations": readers.of_annotations,
    "junit": readers.of_junit,
}
BY_GATE: dict[str, Callable[[AuditReport], readers.ByGate]] = {
    "gates of md": readers.gates_of_markdown,
    "gates of html": readers.gates_of_html,
    "gates of sarif": readers.gates_of_sarif,
}

# A pass has no line of its own.
SILENT: dict[str, frozenset[str]] = {
    "sarif": frozenset({"pass"}),
    "annotations": frozenset({"pass"}),
    "gates of sarif": frozenset({"pass"}),
}


def gate(index: int, verdict: Any, severity: Severity = "high", **changes: Any) -> GateResult:
    """A gate that its limit tells apart wherever it is shown."""
    limit = 0.11 + 0.01 * index
    return factory.make_gate(
        kind=KINDS[index % len(KINDS)],
        limit=limit,
        verdict=verdict,
        severity=severity,
        reason=f"so it is at {100 * limit:.0f} %",
        estimate=None if verdict == "error" else factory.estimate(0.3, 0.2, 0.4),
        **changes,
    )


def check(number: int, *gates: GateResult, suppressed: Suppressed | None = None) -> CheckResult:
    return factory.make_check(
        id=f"c{number}",
        suite="some",
        gates=list(gates),
        verdict=worst(one.verdict for one in gates),
        reasons=[one.reason for one in gates],
        suppressed=suppressed,
        top_rows=[],
        distributions=None,
        roc=None,
    )


def record(*checks: CheckResult, fail_on: Severity = "low") -> AuditReport:
    """As a run would leave it."""
    return factory.make_report(
        checks=with_heeded(checks, fail_on=fail_on),
        verdict=run_verdict(checks, fail_on=fail_on),
        exit_code=exit_code(checks, fail_on=fail_on),
        options={"strict": False, "exit_zero": False, "fail_on": fail_on},
        partial=False,
        not_measured=[],
    )


def mistold(true: AuditReport, shown: AuditReport) -> set[str]:
    """Outputs of `shown` that tell a check or a gate other than it is in `true`."""
    wrong = set()
    for name, read in BY_CHECK.items():
        right = {readers.name_of(c): readers.expected(c) for c in true.checks}
        if name in SILENT:
            right = {c: told for c, told in right.items() if told.verdict not in SILENT[name]}
        if name == "junit":
            right = _troubles(true)
        if read(shown) != right:
            wrong.add(name)
    for name, read_gates in BY_GATE.items():
        if read_gates(shown) != _gates(true, SILENT.get(name, frozenset()), name == "gates of md"):
            wrong.add(name)
    return wrong


def _gates(report: AuditReport, silent: frozenset[str], states: bool) -> readers.ByGate:
    found = {}
    for held in report.checks:
        for one in held.gates:
            mark = readers.mark_of(held, one)
            if states and one.verdict == "flag":
                mark = mark or readers.STATES.get(one.baseline_state or "", "")
            if one.verdict not in silent:
                found[readers.name_of(held), readers.limit_of(one)] = (
                    f"{one.verdict} {mark}".strip()
                )
    return found


def _troubles(report: AuditReport) -> readers.ByName:
    """What JUnit makes a case fail or skip by: the gate that counts most, remarks left out."""
    found = {}
    for held in report.checks:
        serious = [
            one
            for one in held.gates
            if one.verdict not in ("pass", "warn")
            and readers.mark_of(held, one) != "below --fail-on"
        ]
        if serious:
            part = held.model_copy(update={"gates": serious})
            found[readers.name_of(held)] = readers.expected(part)
    return found


@st.composite
def records(draw: st.DrawFn) -> AuditReport:
    checks = []
    for number in range(draw(st.integers(1, 3))):
        gates = []
        for index in range(draw(st.integers(1, len(KINDS)))):
            verdict = draw(st.sampled_from(["pass", "warn", "flag", "flag", "inconclusive"]))
            state = st.sampled_from([None, "new", "unchanged", "updated"])
            gates.append(
                gate(
                    index,
                    verdict,
                    draw(st.sampled_from(SEVERITIES)),
                    baseline_state=draw(state) if verdict == "flag" else None,
                    q_value=draw(st.sampled_from([None, 0.001, 0.01])),
                )
            )
        known = draw(st.sampled_from([None, None, Suppressed(reason="r", until="2999-01-01")]))
        checks.append(check(number, *gates, suppressed=known))
    return record(*checks, fail_on=draw(st.sampled_from(SEVERITIES)))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(records())
def test_every_output_tells_every_check_and_gate_alike(report: AuditReport) -> None:
    assert mistold(report, report) == set()


KNOWN = gate(0, "flag", "critical", baseline_state="unchanged")


def test_the_gate_that_gates_is_shown_and_not_the_gravest() -> None:
    """A known flag of a critical gate, and a new one of a low gate."""
    report = record(check(0, KNOWN, gate(1, "flag", "low", baseline_state="new")))
    assert readers.expected(report.checks[0]) == readers.Told("flag", "", "12")
    assert mistold(report, report) == set()


def test_a_known_flag_does_not_cover_what_could_not_be_decided() -> None:
    report = record(check(0, gate(0, "pass")), check(1, KNOWN, gate(1, "inconclusive", "low")))
    assert (report.verdict, report.exit_code) == ("inconclusive", 6)
    assert readers.expected(report.checks[1]) == readers.Told("inconclusive", "", "12")
    assert mistold(report, report) == set()
    assert next(iter(readers.of_markdown(report))) == "some/c1"


@pytest.mark.parametrize("verdict", ["flag", "inconclusive"])
def test_what_is_below_fail_on_says_so(verdict: Any) -> None:
    report = record(check(0, gate(0, verdict, "low")), fail_on="high")
    assert report.exit_code == 0
    assert readers.expected(report.checks[0]) == readers.Told(verdict, "below --fail-on", "11")
    assert mistold(report, report) == set()


EVERYTHING = {*BY_CHECK, *BY_GATE}


def test_two_checks_that_are_swapped_are_caught() -> None:
    """Positive control: the run comes to the same, its checks do not."""
    one, other = gate(0, "flag"), gate(0, "inconclusive")
    report, swapped = (record(check(0, a), check(1, b)) for a, b in ((one, other), (other, one)))
    assert (report.verdict, report.exit_code) == (swapped.verdict, swapped.exit_code)
    assert mistold(report, swapped) == EVERYTHING


def test_another_gate_that_is_named_is_caught() -> None:
    new = gate(1, "flag", "low", baseline_state="new")
    report = record(check(0, KNOWN, new))
    switched = [
        KNOWN.model_copy(update={"baseline_state": "new"}),
        new.model_copy(update={"baseline_state": "unchanged"}),
    ]
    assert mistold(report, record(check(0, *switched))) == EVERYTHING


def test_an_excuse_that_is_dropped_is_caught() -> None:
    bare = KNOWN.model_copy(update={"baseline_state": None})
    suppressed = Suppressed(reason="r", until="2999-01-01")
    for excused in (check(0, KNOWN), check(0, bare, suppressed=suppressed)):
        assert mistold(record(excused), record(check(0, bare))) == EVERYTHING
    low = record(check(0, gate(0, "flag", "low")), fail_on="high")
    assert mistold(low, record(check(0, gate(0, "flag", "low")))) == EVERYTHING
