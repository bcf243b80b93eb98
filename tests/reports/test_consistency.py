"""One verdict: the exit code, read back from each output alone, is the same for all of them.

Records are random, and judged by the functions that judge real ones.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.engine.assembly import Options
from audit.engine.verdict import exit_code, run_verdict, with_heeded, worst
from audit.exit_codes import ExitCode
from audit.series.assembly import Told, series_report
from reports.read import Record
from reports.record import SEVERITIES, VERDICTS, AuditReport, CheckResult, GateResult, Suppressed
from reports.render import RENDERERS, render
from reports.series import CheckpointRow, CheckReading, GateReading, SeriesReport
from suites.builtin import resolve_suite
from suites.load import LoadedSuite, load_suite
from suites.schema import Policy
from tests.reports import factory
from tests.reports import series_factory as of_series
from tests.reports import verdict_readers as readers
from tests.reports.hostile import HOSTILE

LIMITS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

texts = st.sampled_from([*HOSTILE, "a reason", "no check was run", "**pass**", "Exit code 0"])
severities = st.sampled_from(SEVERITIES)
# Errors drown out the rest, so they are rare.
given_verdicts = st.sampled_from([*(["pass", "warn", "flag", "inconclusive"] * 5), "error"])
known = st.none() | st.none() | st.builds(Suppressed, reason=texts, until=st.just("2999-01-01"))
options = st.builds(
    Options,
    fail_on=st.just("low") | severities,
    strict=st.booleans(),
    exit_zero=st.sampled_from([False] * 3 + [True]),
)


@st.composite
def gates(draw: st.DrawFn) -> GateResult:
    verdict = draw(given_verdicts)
    states = st.sampled_from([None, "new", "unchanged", "updated"])
    return factory.make_gate(
        verdict=verdict,
        severity=draw(severities),
        reason=draw(texts),
        limit=draw(st.sampled_from([0.1, 0.2])),
        estimate=None if verdict == "error" else factory.estimate(0.3, 0.2, 0.4),
        baseline_state=draw(states) if verdict == "flag" else None,
    )


@st.composite
def checks(draw: st.DrawFn) -> CheckResult:
    held = draw(st.lists(gates(), min_size=1, max_size=3))
    return factory.make_check(
        id=draw(texts),
        suite=draw(st.sampled_from(["organism_lying", "b", "::error::x"])),
        gates=held,
        verdict=worst(gate.verdict for gate in held),
        reasons=[gate.reason for gate in held],
        suppressed=draw(known),
        top_rows=[],
        distributions=None,
        roc=None,
    )


def judged(found: list[CheckResult], asked: Options) -> AuditReport:
    """The record of these checks, as a run would leave it."""
    return factory.make_report(
        checks=with_heeded(found, fail_on=asked.fail_on),
        verdict=run_verdict(found, fail_on=asked.fail_on),
        exit_code=code_of(found, asked),
        options=told(asked),
        partial=False,
        not_measured=[],
    )


def told(asked: Options) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in ("strict", "exit_zero", "fail_on")}


def code_of(found: list[Any], asked: Options) -> ExitCode:
    return exit_code(found, fail_on=asked.fail_on, strict=asked.strict, exit_zero=asked.exit_zero)


Say = Callable[[Record], int]
"""What somebody with one output in hand takes the exit code to be."""

EXACT: dict[str, Say] = {
    "json": lambda record: readers.of_json(render(record, "json")),
    "junit": lambda record: readers.of_junit(render(record, "junit")),
    "sarif": lambda record: readers.of_sarif(render(record, "sarif")),
}
UNGATED: dict[str, Say] = {
    "annotations": lambda record: readers.of_annotations(readers.annotated(record)),
    "two annotations": lambda record: readers.of_annotations(readers.annotated(record, 2)),
}
PLAIN: dict[str, Say] = {
    "md": lambda record: readers.of_markdown(render(record, "md")),
    "terminal": lambda record: readers.of_terminal(readers.terminal(record)),
}
if "html" in RENDERERS:
    PLAIN["html"] = lambda record: readers.of_html(render(record, "html"))

STATES_CODE = [name for name in ("md", "html") if name in RENDERERS]


def disagreements(record: Record, shown: Record, expected: tuple[int, int, int]) -> dict[str, int]:
    """Outputs of `shown` that tell another code than that of `record`, and which.

    `expected` are the codes with all options, without --exit-zero, and without --strict as well.
    """
    exact, ungated, plain = expected
    wrong = {}
    for sayings, right in ((EXACT, exact), (UNGATED, ungated), (PLAIN, plain)):
        found = {name: say(shown) for name, say in sayings.items()}
        wrong |= {name: code for name, code in found.items() if code != right}
    for name in STATES_CODE:
        if readers.stated_code(render(shown, name)) != record.exit_code:
            wrong[f"{name}, in words"] = readers.stated_code(render(shown, name))
    return wrong


def codes(found: list[CheckResult], asked: Options) -> tuple[int, int, int]:
    ungated = replace(asked, exit_zero=False)
    return (
        code_of(found, asked),
        code_of(found, ungated),
        code_of(found, replace(ungated, strict=False)),
    )


@LIMITS
@given(st.lists(checks(), max_size=4), options)
def test_every_output_of_an_audit_tells_its_exit_code(
    found: list[CheckResult], asked: Options
) -> None:
    record = judged(found, asked)
    assert disagreements(record, record, codes(found, asked)) == {}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("how", ["gates", "suppressed", "known", "below", "strict", "exit_zero"])
def test_every_case_by_name(verdict: Any, how: str) -> None:
    gate = factory.make_gate(
        verdict=verdict,
        severity="low" if how == "below" else "high",
        estimate=None if verdict == "error" else factory.estimate(0.3, 0.2, 0.4),
        baseline_state="unchanged" if how == "known" and verdict == "flag" else None,
    )
    excuse = Suppressed(reason="r", until="2999-01-01") if how == "suppressed" else None
    check = factory.make_check(gates=[gate], verdict=verdict, suppressed=excuse)
    asked = Options(
        fail_on="medium" if how == "below" else "low",
        strict=how == "strict",
        exit_zero=how == "exit_zero",
    )
    record = judged([check], asked)
    assert disagreements(record, record, codes([check], asked)) == {}


def test_nothing_at_all_is_five() -> None:
    for asked in (Options(), Options(exit_zero=True), Options(strict=True)):
        record = judged([], asked)
        assert record.exit_code == ExitCode.NOTHING_AUDITED
        assert disagreements(record, record, codes([], asked)) == {}


def as_if(record: AuditReport, verdict: Any) -> AuditReport:
    """The record as a renderer would show it that takes every gate for this."""
    held = [
        check.model_copy(
            update={
                "verdict": verdict,
                "suppressed": None,
                "gates": [
                    g.model_copy(update={"verdict": verdict, "gates": True, "baseline_state": None})
                    for g in check.gates
                ],
            }
        )
        for check in record.checks
    ]
    return record.model_copy(
        update={"checks": held, "verdict": verdict, "exit_code": int(code_of(held, Options()))}
    )


@pytest.mark.parametrize("true", ["pass", "flag", "inconclusive", "error"])
@pytest.mark.parametrize("shown", ["pass", "flag", "inconclusive", "error"])
def test_a_renderer_that_tells_another_verdict_is_caught(true: Any, shown: Any) -> None:
    """Positive control: each output by itself, in each direction."""
    everything = {*EXACT, *UNGATED, *PLAIN, *(f"{name}, in words" for name in STATES_CODE)}
    check = factory.make_check(gates=[factory.make_gate(verdict=true)], verdict=true)
    record = judged([check], Options())
    wrong = disagreements(record, as_if(record, shown), codes([check], Options()))
    assert set(wrong) == (set() if true == shown else everything)


def test_a_renderer_that_forgets_what_is_suppressed_is_caught() -> None:
    record = judged([factory.make_suppressed_check()], Options())
    assert record.exit_code == ExitCode.PASSED
    wrong = disagreements(record, as_if(record, "flag"), (0, 0, 0))
    assert {*EXACT, *UNGATED, *PLAIN} <= set(wrong)


# The same for a series: its verdict, alarms and stop come from the assembly of real ones.


@cache
def _shipped() -> LoadedSuite:
    return load_suite(resolve_suite("organism_lying"))


TOLD = Told("checkpoint-0", started=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))


@st.composite
def readings(draw: st.DrawFn, number: int) -> CheckReading:
    held = [
        GateReading(
            kind="firing_rate",
            severity=draw(severities),
            limit=limit,
            estimate=None if verdict == "error" else of_series.share(0.3),
            by_reader=None if verdict == "error" else of_series.share(0.3),
            verdict=verdict,
            reason=draw(texts),
            alarm_p=draw(st.sampled_from([None, 1.0, 1e-30])),
            second_p=draw(st.sampled_from([None, 1e-30])),
        )
        for limit in (0.1, 0.2)[: draw(st.integers(1, 2))]
        for verdict in [draw(given_verdicts)]
    ]
    return of_series.make_reading(
        check=f"c{number}",
        gates=held,
        verdict=worst(gate.verdict for gate in held),
        suppressed=draw(known),
    )


@st.composite
def rows(draw: st.DrawFn) -> list[CheckpointRow]:
    """Checkpoints in order; one without a check could not be audited."""
    found = []
    for place in range(draw(st.integers(0, 3))):
        checks = draw(st.sampled_from([0, 1, 1, 1, 2, 2]))
        read = [draw(readings(number)) for number in range(checks)]
        found.append(
            of_series.make_row(
                name=f"checkpoint-{place}",
                step=place,
                checks=read,
                verdict="pass" if read else "error",
                reasons=[] if read else [draw(texts)],
                run=None,
            )
        )
    return found


policies = st.builds(
    Policy,
    patience=st.integers(1, 2),
    warmup=st.just(0),
    on_flag=st.sampled_from(["stop", "pause", "warn"]),
)


def followed(found: list[CheckpointRow], asked: Options, policy: Policy) -> SeriesReport:
    """The record of these rows, as a run would leave it."""
    suite = replace(_shipped(), suite=_shipped().suite.model_copy(update={"policy": policy}))
    settled = [
        row.model_copy(update={"verdict": run_verdict(row.checks, fail_on=asked.fail_on)})
        if row.checks
        else row
        for row in found
    ]
    return series_report(settled, [suite], asked, TOLD, look_back=False)


def series_codes(
    found: list[CheckpointRow], asked: Options, policy: Policy
) -> tuple[int, int, int]:
    ungated = replace(asked, exit_zero=False)
    every = (asked, ungated, replace(ungated, strict=False))
    exact, without, plain = (followed(found, one, policy).exit_code for one in every)
    return exact, without, plain


@LIMITS
@given(rows(), options, policies)
def test_every_output_of_a_series_tells_its_exit_code(
    found: list[CheckpointRow], asked: Options, policy: Policy
) -> None:
    record = followed(found, asked, policy)
    assert disagreements(record, record, series_codes(found, asked, policy)) == {}


LOUD: dict[str, Any] = {"alarm_p": 1e-30, "second_p": 1e-30}


@pytest.mark.parametrize("on_flag", ["stop", "pause", "warn"])
@pytest.mark.parametrize("excuse", [None, Suppressed(reason="r", until="2999-01-01")])
def test_an_alarm_is_told_alike_where_every_gate_passes(on_flag: Any, excuse: Any) -> None:
    gate = of_series.make_gate_reading(verdict="pass", p_value=None, q_value=None, **LOUD)
    reading = of_series.make_reading(gates=[gate], verdict="pass", suppressed=excuse)
    found = [of_series.make_row(name=f"c{n}", step=n, checks=[reading]) for n in range(3)]
    policy, asked = Policy(patience=2, warmup=0, on_flag=on_flag), Options()
    record = followed(found, asked, policy)
    assert record.tracks[0].alarm_step == 1  # the control: there is an alarm to tell
    assert record.exit_code == (0 if excuse or on_flag == "warn" else 1)
    assert disagreements(record, record, series_codes(found, asked, policy)) == {}


@pytest.mark.parametrize("true", ["pass", "flag", "inconclusive", "error"])
@pytest.mark.parametrize("shown", ["pass", "flag", "inconclusive", "error"])
def test_an_output_of_another_series_is_caught(true: Any, shown: Any) -> None:
    """Positive control: each output by itself, in each direction."""

    def of(verdict: Any) -> tuple[SeriesReport, tuple[int, int, int]]:
        gate = of_series.make_gate_reading(
            verdict=verdict, p_value=None, q_value=None, alarm_p=None, second_p=None
        )
        found = [of_series.make_row(checks=[of_series.make_reading(gates=[gate], verdict=verdict)])]
        policy = Policy()
        return followed(found, Options(), policy), series_codes(found, Options(), policy)

    record, right = of(true)
    everything = {*EXACT, *UNGATED, *PLAIN, *(f"{name}, in words" for name in STATES_CODE)}
    wrong = disagreements(record, of(shown)[0], right)
    assert set(wrong) == (set() if true == shown else everything)
