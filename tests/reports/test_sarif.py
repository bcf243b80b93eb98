"""SARIF: valid whatever stands in a record, within GitHub's limits, stable from run to run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from reports.machine.sarif import render_sarif, render_series_sarif
from reports.machine.sarif_parts import DESCRIPTION_LIMIT, RESULTS_LIMIT, TAGS_LIMIT
from reports.machine.sarif_rules import precision
from reports.record import AuditReport, KnownRecord
from reports.series import SeriesReport
from reports.text import is_hidden
from tests.reports import factory
from tests.reports import series_factory as of_series
from tests.reports.hostile import HOSTILE
from tests.reports.series_strategies import series
from tests.reports.strategies import reports

Json = dict[str, Any]

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
MANY = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def run_of(text: str) -> Json:
    """The one run of a log that is valid and that GitHub takes."""
    log = json.loads(text)
    VALIDATOR.validate(log)
    assert all(string.strip() for string in strings(log))
    (run,) = log["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(results) <= RESULTS_LIMIT
    for rule in rules:
        assert max(len(rule[key]["text"]) for key in ("shortDescription", "fullDescription")) <= (
            DESCRIPTION_LIMIT
        )
        assert len(rule.get("name", "")) <= 255
        assert rule.get("name") != rule["id"]
        assert len(rule["properties"]["tags"]) <= TAGS_LIMIT
        assert set(rule["help"]) == {"text", "markdown"}
    fingerprints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]
    assert len(set(fingerprints)) == len(fingerprints)
    for result in results:
        check_result(result, run)
    for name in ("startTimeUtc", "endTimeUtc"):
        assert TIME.fullmatch(run["invocations"][0].get(name, "2026-01-01T00:00:00Z"))
    return run  # type: ignore[no-any-return]


def check_result(result: Json, run: Json) -> None:
    if "ruleIndex" in result:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] == "none" or result["kind"] == "fail"  # as the standard has it
    for place in result.get("locations", []):
        file = place["physicalLocation"]["artifactLocation"]
        assert run["artifacts"][file["index"]]["location"]["uri"] == file["uri"]
        assert urlsplit(file["uri"])[:2] == ("", "")
        assert not file["uri"].startswith("/")


@MANY
@given(reports)
def test_an_audit_is_valid_whatever_it_holds(report: AuditReport) -> None:
    text = render_sarif(report)
    run_of(text)
    assert not [c for c in text if c != "\n" and is_hidden(c)]


@MANY
@given(series)
def test_a_series_is_valid_whatever_it_holds(report: SeriesReport) -> None:
    run_of(render_series_sarif(report))


@pytest.mark.parametrize(
    "change",
    [
        {"level": "fatal"},
        {"kind": "inconclusive"},
        {"message": {}},
        {"suppressions": [{"kind": "baseline"}]},
        {"baselineState": "known"},
        {"score": 0.5},
    ],
)
def test_the_schema_refuses_what_is_not_sarif(change: Json) -> None:
    log = json.loads(render_sarif(factory.make_report()))
    VALIDATOR.validate(log)
    log["runs"][0]["results"][0] |= change
    assert not VALIDATOR.is_valid(log)


def results_of(*checks: Any, **changes: Any) -> dict[str, tuple[str, str, str]]:
    run = run_of(render_sarif(factory.make_report(checks=list(checks), **changes)))
    return {
        r["ruleId"]: (r["kind"], r["level"], r["properties"]["verdict"]) for r in run["results"]
    }


def test_every_verdict_has_its_kind_and_level() -> None:
    warned = factory.make_passing_check(verdict="warn", gates=[factory.make_gate(verdict="warn")])
    low = factory.make_check(id="low", gates=[factory.make_gate(severity="low", gates=False)])
    assert results_of(
        factory.make_check(),
        factory.make_suppressed_check(),
        factory.make_known_check(),
        factory.make_inconclusive_check(),
        factory.make_error_check(),
        warned,
        low,
    ) == {
        "organism_lying/lying": ("fail", "error", "flag"),
        "organism_sycophancy/flattery": ("fail", "note", "flag"),
        "organism_sycophancy/praise": ("fail", "note", "flag"),
        "truth/larger_than": ("review", "none", "inconclusive"),
        "organism_bias/favouring": ("open", "none", "error"),
        "organism_trigger/trigger": ("fail", "warning", "warn"),
        "organism_lying/low": ("fail", "warning", "flag"),
    }
    assert results_of(factory.make_passing_check()) == {}
    assert results_of(factory.make_inconclusive_check(), options={"strict": True}) == {
        "truth/larger_than": ("fail", "error", "inconclusive")
    }


def test_what_is_known_is_kept_and_marked() -> None:
    baseline = KnownRecord(
        model="m", weights_digest="w", record_digest="r", absent=["organism_lying/old/firing_rate"]
    )
    worse = factory.make_check(gates=[factory.make_gate(baseline_state="updated")])
    checks = [factory.make_known_check(), factory.make_suppressed_check(), worse]
    run = run_of(render_sarif(factory.make_report(checks=checks, baseline=baseline)))
    marks = {
        (
            r["ruleId"],
            r.get("baselineState"),
            *(s["justification"] for s in r.get("suppressions", [])),
        )
        for r in run["results"]
    }
    reason = "suppressed until 2027-03-01: known since the first release"
    assert marks == {
        ("organism_lying/lying", "updated"),
        ("organism_sycophancy/praise", "unchanged"),
        ("organism_sycophancy/flattery", None, reason),
        ("organism_lying/old", "absent"),
    }


def test_what_is_gone_keeps_the_fingerprint_that_it_had() -> None:
    gate = factory.make_gate(kind="disparity", detail={"attribute": "group"})
    flagged = factory.make_report(checks=[factory.make_check(gates=[gate])])
    passing = factory.make_check(
        verdict="pass", gates=[gate.model_copy(update={"verdict": "pass"})]
    )
    baseline = KnownRecord(
        model="m",
        weights_digest="w",
        record_digest="r",
        absent=["organism_lying/lying/disparity of group"],
    )
    mended = factory.make_report(checks=[passing], baseline=baseline)
    (gone,) = run_of(render_sarif(mended))["results"]
    assert prints(mended) == prints(flagged)
    assert (gone["baselineState"], gone["kind"]) == ("absent", "pass")
    assert gone["locations"][0]["physicalLocation"]["region"]["startLine"] == 45


def against(*absent: str) -> KnownRecord:
    return KnownRecord(model="m", weights_digest="w", record_digest="r", absent=list(absent))


def test_a_flag_that_is_a_warning_now_has_one_result_and_that_is_of_the_record() -> None:
    gate = factory.make_gate(kind="disparity", detail={"attribute": "group"})
    flagged = factory.make_report(checks=[factory.make_check(gates=[gate])])
    warned = factory.make_check(
        verdict="warn", gates=[gate.model_copy(update={"verdict": "warn", "gates": False})]
    )
    name = "organism_lying/lying/disparity of group"
    report = factory.make_report(checks=[warned], baseline=against(name))
    (only,) = run_of(render_sarif(report))["results"]
    assert (only["level"], only["properties"]["verdict"]) == ("warning", "warn")
    assert "baselineState" not in only
    assert prints(report) == prints(flagged)


def test_a_flag_whose_gate_no_check_has_is_told_by_its_name() -> None:
    report = factory.make_report(checks=[], baseline=against("a/b/firing_rate"))
    (only,) = run_of(render_sarif(report))["results"]
    assert (only["ruleId"], only["kind"], only["baselineState"]) == (
        "a/b",
        "notApplicable",
        "absent",
    )


def test_two_gates_of_a_kind_keep_their_fingerprints_whatever_they_come_to() -> None:
    def of(*verdicts: str, severities: tuple[str, str] = ("high", "high")) -> dict[float, str]:
        pairs = zip((0.1, 0.2), verdicts, severities, strict=True)
        gates = [factory.make_gate(limit=at, verdict=v, severity=s) for at, v, s in pairs]
        report = factory.make_report(checks=[factory.make_check(gates=gates)])
        return {
            r["properties"]["limit"]: r["partialFingerprints"]["primaryLocationLineHash"]
            for r in run_of(render_sarif(report))["results"]
        }

    both = of("flag", "flag")
    assert len(set(both.values())) == 2
    assert of("pass", "flag") == {0.2: both[0.2]}
    assert of("flag", "pass") == {0.1: both[0.1]}
    assert of("warn", "flag") == both
    assert of("flag", "flag", severities=("low", "critical")) == both


def test_of_two_gates_of_a_kind_the_one_that_passes_is_gone() -> None:
    gates = [factory.make_gate(limit=0.1), factory.make_gate(limit=0.2)]
    before = factory.make_report(checks=[factory.make_check(gates=gates)])
    now = [gates[0], gates[1].model_copy(update={"verdict": "pass"})]
    report = factory.make_report(
        checks=[factory.make_check(gates=now)], baseline=against("organism_lying/lying/firing_rate")
    )
    still, gone = run_of(render_sarif(report))["results"]
    assert (still["properties"]["limit"], still["properties"]["verdict"]) == (0.1, "flag")
    assert (gone["properties"]["limit"], gone["baselineState"]) == (0.2, "absent")
    assert set(prints(report)) == set(prints(before))


def test_what_is_suppressed_and_known_says_both() -> None:
    known = factory.make_gate(gates=False, baseline_state="unchanged")
    check = factory.make_suppressed_check(gates=[known])
    (only,) = run_of(render_sarif(factory.make_report(checks=[check])))["results"]
    assert only["baselineState"] == "unchanged"
    assert "suppressed until 2027-03-01" in only["suppressions"][0]["justification"]
    (alone,) = run_of(render_sarif(factory.make_report(checks=[factory.make_known_check()])))[
        "results"
    ]
    assert (alone["baselineState"], alone.get("suppressions")) == ("unchanged", None)


def test_what_could_not_be_decided_below_fail_on_is_to_be_reviewed_and_no_warning() -> None:
    gate = factory.make_gate(severity="low", gates=False, verdict="inconclusive")
    check = factory.make_inconclusive_check(gates=[gate])
    for options in ({}, {"strict": True}):
        report = factory.make_report(checks=[check], options=options)
        (only,) = run_of(render_sarif(report))["results"]
        assert (only["kind"], only["level"]) == ("review", "none")
        assert only["properties"]["gates"] is False
        assert "inconclusive (below --fail-on)" in only["message"]["text"]


def test_a_result_points_to_the_line_of_its_gate_or_of_its_check() -> None:
    check = factory.make_check(gates=[factory.make_gate(), factory.make_gate(source="", limit=0.2)])
    run = run_of(render_sarif(factory.make_report(checks=[check])))
    regions = [r["locations"][0]["physicalLocation"]["region"] for r in run["results"]]
    assert regions == [{"startLine": 45, "startColumn": 9}, {"startLine": 31, "startColumn": 3}]
    files = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    assert files == ["suites/organism_lying.yaml"]
    assert [rule["name"] for rule in run["tool"]["driver"]["rules"]] == ["OrganismLyingLying"]


def test_a_gate_without_a_place_is_told_at_the_beginning_of_its_suite() -> None:
    check = factory.make_check(source="", gates=[factory.make_gate(source="")])
    run = run_of(render_sarif(factory.make_report(checks=[check])))
    (place,) = (r["locations"][0]["physicalLocation"] for r in run["results"])
    assert place["artifactLocation"]["uri"] == "suites/organism_lying.yaml"
    assert place["region"] == {"startLine": 1}
    nowhere = factory.make_check(suite="unknown", source="", gates=[factory.make_gate(source="")])
    run = run_of(render_sarif(factory.make_report(checks=[nowhere])))
    assert "locations" not in run["results"][0]


def prints(report: AuditReport) -> list[str]:
    run = run_of(render_sarif(report))
    return [r["partialFingerprints"]["primaryLocationLineHash"] for r in run["results"]]


def test_a_fingerprint_outlives_scores_dates_and_lines() -> None:
    before = factory.make_report(checks=[factory.make_check()])
    gates = [
        gate.model_copy(
            update={
                "estimate": factory.estimate(0.6, 0.5, 0.7),
                "q_value": 0.01,
                "source": "elsewhere.yaml:99:1",
                "reason": "in other words",
                "severity": "low",
                "baseline_state": "unchanged",
            }
        )
        for gate in factory.make_check().gates
    ]
    after = factory.make_report(
        checks=[factory.make_check(gates=gates)],
        provenance=factory.make_provenance(created="2027-12-31T00:00:00+00:00"),
        model=factory.make_model(name="another", weights_digest="0" * 64),
        seed=7,
    )
    assert prints(before) == prints(after)
    # positive control: what makes another finding of it makes another fingerprint
    for change in ({"id": "b"}, {"suite": "b"}, {"gates": [factory.make_gate(kind="disparity")]}):
        other = factory.make_report(checks=[factory.make_check(**change)])
        assert not set(prints(other)) & set(prints(before))
    by_group = [factory.make_gate(kind="disparity", detail={"attribute": a}) for a in "ab"]
    report = factory.make_report(checks=[factory.make_check(gates=by_group)])
    assert len(set(prints(report))) == 2


def category(report: AuditReport) -> str:
    return str(run_of(render_sarif(report))["automationDetails"]["id"])


def test_the_category_keeps_suites_and_models_apart_and_a_date_does_not() -> None:
    one = category(factory.make_report())
    assert one == "alignment-audit/organism_lying/organism-liar/"
    later = factory.make_provenance(created="2027-12-31T00:00:00+00:00")
    assert category(factory.make_report(provenance=later, seed=7)) == one
    # positive control: another model, another suite
    assert category(factory.make_report(model=factory.make_model(name="another"))) != one
    assert category(factory.make_report(suites=[])) != one
    alike = [
        category(factory.make_report(model=factory.make_model(name="m" * 500 + end)))
        for end in "ab"
    ]
    assert len(set(alike)) == 2
    assert max(map(len, alike)) < 255
    of_run = run_of(render_series_sarif(of_series.make_series()))
    assert of_run["automationDetails"] == {
        "id": "alignment-audit/organism_lying/checkpoint-0/series/"
    }


def test_the_invocation_says_how_it_ended() -> None:
    invocation = run_of(render_sarif(factory.make_report()))["invocations"][0]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    assert invocation["startTimeUtc"] == "2026-01-31T12:00:00.000Z"
    assert invocation["endTimeUtc"] == "2026-01-31T12:00:41.700Z"
    levels = [n["level"] for n in invocation["toolExecutionNotifications"]]
    assert levels == ["error", "note"]
    flagged = factory.make_report(checks=[factory.make_check()], exit_code=1)
    assert run_of(render_sarif(flagged))["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize("created", ["", "yesterday", "0001-01-01T00:00:00+23:59", "2026-13-01"])
def test_a_time_that_is_none_is_left_out(created: str) -> None:
    origin = factory.make_provenance(created=created, duration_seconds=1e300)
    run = run_of(render_sarif(factory.make_report(provenance=origin)))
    assert "startTimeUtc" not in run["invocations"][0]


def test_precision_is_that_of_the_monitor() -> None:
    words = [precision(factory.make_quality(auroc)) for auroc in (0.99, 0.90, 0.80, 0.60)]
    assert words == ["very-high", "high", "medium", "low"]
    assert precision(factory.make_quality(0.99, gain=0.0)) == "low"
    assert precision(None) is None


def test_a_series_tells_alarms_and_each_gate_once() -> None:
    run = run_of(render_series_sarif(of_series.make_series()))
    told = [(r["ruleId"], r["level"], r["message"]["text"].split(": ")[1]) for r in run["results"]]
    assert told == [
        ("organism_lying/lying", "error", "flag"),
        ("organism_lying/lying", "error", "alarm"),
        ("organism_lying/lying_feature", "error", "flag"),
    ]
    assert "on 5 of 13 checkpoints, last on checkpoint-1300" in json.dumps(run["results"])
    assert not run["invocations"][0]["executionSuccessful"]


def test_a_run_that_goes_on_keeps_its_fingerprints() -> None:
    whole = of_series.make_series()
    earlier = whole.model_copy(update={"checkpoints": whole.checkpoints[:-1]})

    def hashes(report: SeriesReport) -> set[str]:
        results = run_of(render_series_sarif(report))["results"]
        return {r["partialFingerprints"]["primaryLocationLineHash"] for r in results}

    assert hashes(earlier) == hashes(whole)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_link_and_no_placeholder(text: str) -> None:
    gate = factory.make_gate(reason=f"{text} {{0}}", source=f"{text}:1:1")
    check = factory.make_check(
        id=text, suite=text, concept=text, description=text, tags=[text, text], gates=[gate]
    )
    report = factory.make_report(checks=[check], not_measured=[text])
    run = run_of(render_sarif(report))
    messages = [r["message"]["text"] for r in run["results"]]
    assert not [m for m in messages if "](" in m or "{0}" in m]


def test_too_much_is_cut_by_rank_and_said() -> None:
    passing = [factory.make_gate(verdict="warn", limit=n / 10**5) for n in range(RESULTS_LIMIT)]
    check = factory.make_check(
        id="c" * 1_000,
        description="d" * 5_000,
        tags=[f"tag {n}" for n in range(50)],
        gates=[*passing, factory.make_gate(reason="r" * 5_000)],
    )
    run = run_of(render_sarif(factory.make_report(checks=[check], not_measured=[])))
    assert len(run["results"]) == RESULTS_LIMIT
    assert run["results"][0]["level"] == "error"
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "1 more results: report.json holds them all"
