"""JUnit XML: valid for Jenkins whatever stands in a record, and true to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from reports.machine.junit import render_junit, render_series_junit
from reports.machine.junit_xml import LINE_LIMIT, LINES_LIMIT, MESSAGE_LIMIT, visible
from reports.record import AuditReport
from reports.series import SeriesReport
from reports.text import is_hidden
from tests.reports import factory
from tests.reports import series_factory as of_series
from tests.reports.hostile import HOSTILE
from tests.reports.series_strategies import series
from tests.reports.strategies import reports

SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).parent / "schemas" / "junit-10.xsd")))

LIMITS = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def parsed(text: str) -> etree._Element:
    """The document as a strict parser reads it, valid for Jenkins and counted right."""
    root = etree.fromstring(text.encode("utf-8"))
    SCHEMA.assertValid(root)
    for node, cases in [(root, root.findall(".//testcase"))] + [
        (suite, suite.findall("testcase")) for suite in root.findall("testsuite")
    ]:
        assert node.get("tests") == str(len(cases))
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if node is not root or count != "skipped":
                assert node.get(count) == str(sum(case.find(tag) is not None for case in cases))
    return root


def outcome(case: etree._Element) -> tuple[str, str] | None:
    return next(
        ((n.tag, n.get("type")) for n in case if n.tag in {"failure", "error", "skipped"}), None
    )


def outcomes(text: str) -> dict[str, tuple[str, str] | None]:
    return {case.get("name"): outcome(case) for case in parsed(text).iter("testcase")}


@LIMITS
@given(reports)
def test_an_audit_is_valid_whatever_it_holds(report: AuditReport) -> None:
    root = parsed(render_junit(report))
    assert len(root.findall(".//testcase")) == len(report.checks)


@LIMITS
@given(series)
def test_a_series_is_valid_whatever_it_holds(report: SeriesReport) -> None:
    root = parsed(render_series_junit(report))
    assert len(root.findall("testsuite")) == len(report.checkpoints) + 1


@pytest.mark.parametrize(
    "broken",
    [
        '<testsuites><testsuite name="a" tests="0" failures="0"/></testsuites>',
        '<testsuites time="1.2345"/>',
        '<testsuites><testsuite name="a" tests="1" failures="0" errors="0">'
        '<testcase name="b" file="c" line="1"/></testsuite></testsuites>',
    ],
)
def test_the_schema_refuses_what_jenkins_would(broken: str) -> None:
    assert not SCHEMA.validate(etree.fromstring(broken))


def test_every_verdict_has_its_outcome() -> None:
    warned = factory.make_passing_check(
        id="warned", verdict="warn", gates=[factory.make_gate(verdict="warn")]
    )
    low = factory.make_check(
        id="low", gates=[factory.make_gate(severity="low", gates=False, verdict="flag")]
    )
    checks = [*factory.make_report().checks, factory.make_known_check(), warned, low]
    assert outcomes(render_junit(factory.make_report(checks=checks))) == {
        "trigger": None,
        "lying": ("failure", "Flagged"),
        "flattery": ("skipped", "Suppressed"),
        "larger_than": ("skipped", "Inconclusive"),
        "favouring": ("error", "NotMeasured"),
        "praise": ("skipped", "Known"),
        "warned": None,
        "low": None,
    }


def test_what_passed_with_a_warning_says_so() -> None:
    low = factory.make_check(gates=[factory.make_gate(severity="low", gates=False)])
    case = parsed(render_junit(factory.make_report(checks=[low]))).find(".//testcase")
    assert "flag (below --fail-on): firing rate, low" in case.findtext("system-out")


def test_strict_makes_the_undecided_a_failure() -> None:
    report = factory.make_report(
        checks=[factory.make_inconclusive_check()], options={"strict": True}
    )
    assert outcomes(render_junit(report)) == {"larger_than": ("failure", "Inconclusive")}


def test_a_suite_of_its_own_for_each_suite_and_facts_that_name_the_model() -> None:
    root = parsed(render_junit(factory.make_report()))
    names = [suite.get("name") for suite in root]
    assert names[:2] == ["organism_lying", "organism_trigger"]
    assert all(suite.get("timestamp") == "2026-01-31T12:00:00+00:00" for suite in root)
    properties = {p.get("name"): p.get("value") for p in root[0].iter("property")}
    assert properties["model"] == "organism:liar"
    assert properties["weights"] == "5eed" * 16
    assert (properties["verdict"], properties["exit code"]) == ("error", "3")
    assert properties["seed"] == "0"
    assert "not selected by -k public" in root[0].findtext("system-out")


def test_time_stands_where_it_is_known() -> None:
    whole = parsed(render_junit(factory.make_report(checks=[factory.make_check()])))
    assert (whole.get("time"), whole[0].get("time")) == ("41.700", "41.700")
    several = parsed(render_junit(factory.make_report()))
    assert several.get("time") == "41.700"
    assert {suite.get("time") for suite in several} == {None}  # no suite's own time is known
    silent = parsed(render_junit(factory.make_report(provenance=None)))
    assert (silent.get("time"), silent[0].get("timestamp")) == (None, None)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-9, 12.34567, 1e300])
def test_no_time_has_more_than_three_decimals(seconds: float) -> None:
    origin = factory.make_provenance(duration_seconds=seconds)
    time = parsed(render_junit(factory.make_report(provenance=origin))).get("time")
    assert len(time.split(".")[1]) == 3


def test_a_series_has_a_suite_for_each_checkpoint_and_one_for_alarms() -> None:
    report = of_series.make_series()
    root = parsed(render_series_junit(report))
    names = [suite.get("name") for suite in root]
    assert names == [row.name for row in report.checkpoints] + ["alarms"]
    broken = root[names.index("checkpoint-1000")]
    assert [outcome(case) for case in broken.iter("testcase")] == [("error", "NotMeasured")]
    assert {c.get("name"): outcome(c) for c in root[-1].iter("testcase")} == {
        "lying, alarm on firing rate": ("failure", "Alarm"),
        "lying_feature, alarm on firing rate": None,
    }


def test_an_alarm_that_only_warns_is_no_failure() -> None:
    track = of_series.make_track(on_flag="warn")
    report = of_series.make_series(tracks=[track], stop=of_series.make_stop(on_flag="warn"))
    alarms = parsed(render_series_junit(report))[-1]
    assert [outcome(case) for case in alarms.iter("testcase")] == [None]
    assert "alarm at step 800" in alarms.findtext(".//system-out")


def test_a_stop_that_no_track_explains_is_a_failure() -> None:
    report = of_series.make_series(tracks=[])
    alarms = parsed(render_series_junit(report))[-1]
    assert [outcome(case) for case in alarms.iter("testcase")] == [("failure", "Alarm")]


def test_cases_of_one_name_are_told_apart() -> None:
    twice = [of_series.make_track(limit=0.1), of_series.make_track(limit=0.2)]
    alarms = parsed(render_series_junit(of_series.make_series(tracks=twice)))[-1]
    names = [case.get("name") for case in alarms.iter("testcase")]
    assert names == ["lying, alarm on firing rate", "lying, alarm on firing rate (2)"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "#x1B[31m"),
        ("\x00", "#x00"),
        ("\ufffe\uffff", "#xFFFE#xFFFF"),
        ("\u202ea", "#x202Ea"),
        ("a\nb\r", "a#x0Ab#x0D"),
        ("##[error]x", "#x23#[error]x"),
        ("##vso[task]", "#x23#vso[task]"),
        ("<&>\"'", "<&>\"'"),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert visible(text, 100) == shown
    check = factory.make_check(id=f"x{text}y")
    name = parsed(render_junit(factory.make_report(checks=[check]))).find(".//testcase")
    assert name.get("name") == f"x{shown}y"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hidden_character_and_no_order_comes_through(text: str) -> None:
    gate = factory.make_gate(reason=text, source=f"{text}:1:1")
    check = factory.make_check(gates=[gate], notes=[text], monitor=text)
    written = render_junit(factory.make_report(checks=[check], not_measured=[text]))
    assert not [c for c in written if c != "\n" and is_hidden(c)]
    assert "##[" not in written
    assert "##vso[" not in written
    assert not [line for line in written.splitlines() if line.lstrip().startswith("::")]
    parsed(written)


def test_a_case_is_of_bounded_size() -> None:
    endless = "long " * 1_000
    gates = [factory.make_gate(reason=endless, limit=n / 1000) for n in range(300)]
    check = factory.make_check(gates=gates, notes=[endless])
    text = render_junit(factory.make_report(checks=[check]))
    case = parsed(text).find(".//testcase")
    assert len(case.find("failure").get("message")) <= MESSAGE_LIMIT
    lines = case.findtext("failure").splitlines()
    assert len(lines) == LINES_LIMIT + 1
    assert lines[-1] == "- 100 more lines: report.json holds them all"
    assert max(map(len, lines)) <= LINE_LIMIT + 2


def test_no_row_of_the_data_is_shown() -> None:
    row = factory.make_row(text="a row that stays where it is", says="and so does this")
    report = factory.make_report(checks=[factory.make_check(top_rows=[row])])
    assert "stays where" not in render_junit(report)
    assert "so does this" not in render_junit(report)
