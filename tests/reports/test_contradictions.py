"""A record whose words do not follow from its parts is refused where it is read, and says why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from audit.exit_codes import ExitCode
from reports.contradictions import contradiction
from reports.read import ReportError, read_record, read_report
from reports.record import AuditReport
from reports.verdicts import exit_code, run_verdict, worst
from tests.reports import factory
from tests.reports import series_factory as of_series
from tests.reports.features_factory import make_feature_report
from tests.reports.strategies import reports
from tests.reports.test_consistency import LIMITS, checks, followed, judged, options, policies, rows

STORED = [
    factory.make_report,
    make_feature_report,
    of_series.make_series,
    of_series.make_reference_only,
    of_series.make_quiet,
]

Edit = Callable[[dict[str, Any]], None]


def edited(make: Callable[[], Any], edit: Edit, folder: Path) -> str:
    """What reading says of such a record after this was done to it."""
    content = json.loads(make().to_json())
    edit(content)
    (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        read_record(folder)
    return str(caught.value)


@pytest.mark.parametrize("make", STORED)
def test_what_a_run_leaves_agrees_with_itself(make: Callable[[], Any]) -> None:
    assert contradiction(make()) is None


@LIMITS
@given(checks(), options)
def test_whatever_the_rule_says_of_gates_agrees(check: Any, asked: Any) -> None:
    """Of verdicts alone: the gates of these are held to no interval."""
    record = judged([check], asked)
    found = contradiction(record)
    assert found is None or "its interval does not lie" in found


@LIMITS
@given(rows(), options, policies)
def test_what_the_assembly_of_a_series_leaves_agrees(found: Any, asked: Any, policy: Any) -> None:
    assert contradiction(followed(found, asked, policy)) is None


def flagged() -> AuditReport:
    """One check that flags by its first gate and passes by its second."""
    within = factory.make_gate(
        kind="disparity", verdict="pass", estimate=factory.estimate(0.01, 0.0, 0.04)
    )
    check = factory.make_check(gates=[factory.make_gate(), within], verdict="flag")
    return factory.make_report(
        checks=[check], verdict="flag", exit_code=1, partial=False, not_measured=[]
    )


def check_of(content: dict[str, Any]) -> dict[str, Any]:
    check: dict[str, Any] = content["checks"][0]
    return check


EDITS: dict[str, tuple[Edit, str]] = {
    "a flag is called a pass": (
        lambda c: c.update(verdict="pass", exit_code=0),
        r"the verdict is pass, and what its gates say makes it flag",
    ),
    "the code alone": (
        lambda c: c.update(exit_code=0),
        r"the exit code is 0, and its gates and options make it 1",
    ),
    "a code that is none": (lambda c: c.update(exit_code=9), r"the exit code is 9"),
    "interrupted, and whole": (lambda c: c.update(exit_code=2), r"the exit code is 2"),
    "not gated": (
        lambda c: c["options"].update(fail_on="critical"),
        r"lying: by what is said of the firing_rate it does gate, .* it does not",
    ),
    "asked only to report": (
        lambda c: c["options"].update(exit_zero=True),
        r"the exit code is 1, and its gates and options make it 0",
    ),
    "no severity": (lambda c: c["options"].update(fail_on="dire"), r"fail_on is 'dire'"),
    "a check is called a pass": (
        lambda c: check_of(c).update(verdict="pass"),
        r"organism_lying/lying: the verdict is pass, and the worst of its gates is flag",
    ),
    "a gate is called a pass": (
        lambda c: check_of(c)["gates"][0].update(verdict="pass"),
        r"the firing_rate says pass, and its interval does not lie within the limit of 0\.1",
    ),
    "a gate without a number passes": (
        lambda c: check_of(c)["gates"][1].update(estimate=None),
        r"the disparity says pass, and its interval does not lie within",
    ),
    "a gate is called a flag": (
        lambda c: check_of(c)["gates"][1].update(verdict="flag"),
        r"the disparity says flag, and its interval does not lie above",
    ),
    "a gate does not gate": (
        lambda c: check_of(c)["gates"][0].update(gates=False),
        r"by what is said of the firing_rate it does not gate, .* it does",
    ),
    "a check is suppressed": (
        lambda c: check_of(c).update(suppressed={"reason": "r", "until": "2999-01-01"}),
        r"of the firing_rate it does gate",
    ),
    "a number out of its interval": (
        lambda c: check_of(c)["gates"][0]["estimate"].update(value=2.5),
        r"gates\.0\.estimate is 2\.5 and lies outside of its own interval from 0\.24 to 0\.39",
    ),
    "a number deep inside": (
        lambda c: check_of(c)["quality"]["baselines"][0]["auroc"].update(low=0.99, high=1.0),
        r"quality\.baselines\.0\.auroc is .* outside of its own interval",
    ),
    "an order to the terminal": (
        lambda c: check_of(c).update(verdict="pass", id="\x1b[31m"),
        r"organism_lying/\\x1b\[31m: the verdict is pass",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_each_contradiction_is_refused_and_named(name: str, tmp_path: Path) -> None:
    edit, said = EDITS[name]
    (tmp_path / "report.json").write_text(flagged().to_json(), encoding="utf-8")
    assert read_report(tmp_path) == flagged()  # the control
    message = edited(flagged, edit, tmp_path)
    assert "report.json contradicts itself: " in message
    assert message.endswith("it was edited or torn: audit again")
    assert re.search(said, message), message


SERIES_EDITS: dict[str, tuple[Edit, str]] = {
    "the whole": (
        lambda c: c.update(verdict="pass"),
        r"the verdict is pass, and checkpoints and alarms make it error",
    ),
    "the code": (lambda c: c.update(exit_code=0), r"the exit code is 0, .* make it 3"),
    "a checkpoint": (
        lambda c: c["checkpoints"][9].update(verdict="pass"),
        r"checkpoint-900: the verdict is pass, and its gates make it flag",
    ),
    "a broken checkpoint": (
        lambda c: c["checkpoints"][10].update(verdict="pass"),
        r"checkpoint-1000: the verdict is pass, and its gates make it error",
    ),
    "a check": (
        lambda c: c["checkpoints"][9]["checks"][0].update(verdict="pass"),
        r"checkpoint-900: organism_lying/lying: the verdict is pass",
    ),
    "a gate": (
        lambda c: c["checkpoints"][9]["checks"][0]["gates"][0].update(verdict="pass"),
        r"checkpoint-900: .* the verdict is flag, and the worst of its gates is pass",
    ),
    "a number": (
        lambda c: c["checkpoints"][9]["checks"][0]["readings"][0]["events"].update(value=-3.0),
        r"checkpoint-900: .*readings\.0\.events is -3 and lies outside",
    ),
}


@pytest.mark.parametrize("name", SERIES_EDITS)
def test_a_series_that_contradicts_itself_is_refused(name: str, tmp_path: Path) -> None:
    edit, said = SERIES_EDITS[name]
    message = edited(of_series.make_series, edit, tmp_path)
    assert re.search(said, message), message


def test_an_alarm_that_stops_is_a_flag_of_the_series(tmp_path: Path) -> None:
    quiet = of_series.make_quiet(3)
    alarmed = quiet.model_copy(update={"stop": of_series.make_stop()})
    assert contradiction(quiet) is None
    assert contradiction(alarmed) == "the verdict is pass, and checkpoints and alarms make it flag"
    warned = quiet.model_copy(update={"stop": of_series.make_stop(on_flag="warn")})
    assert contradiction(warned) is None


@pytest.mark.parametrize("make", [flagged, of_series.make_series])
def test_an_interruption_leaves_a_partial_record_and_its_own_code(make: Any) -> None:
    cut = make().model_copy(update={"exit_code": ExitCode.INTERRUPTED, "partial": True})
    assert contradiction(cut) is None
    whole = cut.model_copy(update={"partial": False})
    assert "the exit code is 2" in (contradiction(whole) or "")


def test_nothing_audited_is_no_contradiction() -> None:
    empty = factory.make_report(checks=[], verdict="inconclusive", exit_code=5)
    assert contradiction(empty) is None


def test_an_end_of_an_interval_may_be_as_near_as_a_search_finds_it() -> None:
    near = factory.make_gate(verdict="pass", estimate=factory.estimate(0.05, 0.05 + 1e-8, 0.06))
    check = factory.make_check(gates=[near], verdict="pass")
    record = factory.make_report(checks=[check], verdict="pass", exit_code=0)
    assert contradiction(record) is None


@given(reports)
def test_any_record_can_be_asked(report: AuditReport) -> None:
    """Those of random words nearly all contradict themselves, and none stops the question."""
    said = contradiction(report)
    if said is None:
        verdicts = [worst(gate.verdict for gate in check.gates) for check in report.checks]
        assert [check.verdict for check in report.checks] == verdicts
        least: Any = report.options.get("fail_on", "low")
        assert report.verdict == run_verdict(report.checks, fail_on=least)
        assert report.exit_code in (exit_code(report.checks, fail_on=least), 2)
