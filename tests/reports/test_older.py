"""Records of before: what they leave unsaid is what their exit code rests on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.engine.verdict import heeded
from reports.older import complete
from reports.read import Record, ReportError, read_record
from reports.record import SEVERITIES, AuditReport, Severity
from reports.render import render
from reports.series import SeriesReport
from tests.reports import verdict_readers as readers
from tests.reports.strategies import reports

OLDER = Path(__file__).parent / "older"
"""Of a liar that may lie: `--fail-on high`, a gate of severity low and a check suppressed. Written
before gates said whether the exit code heeds them; shortened to one row a check."""


def judged(record: Record) -> list[Any]:
    rows = record.checkpoints if isinstance(record, SeriesReport) else [record]
    return [check for row in rows for check in row.checks]


@pytest.mark.parametrize("kind", ["audit", "series"])
def test_an_old_record_says_the_same_in_every_format(kind: str) -> None:
    file = OLDER / f"{kind}.json"
    assert '"gates": false' not in file.read_text("utf-8")
    record = read_record(file)
    assert (record.verdict, record.exit_code) == ("warn", 0)
    held = [(check, gate) for check in judged(record) for gate in check.gates]
    assert {gate.severity for _, gate in held} == {"low", "critical"}
    assert sum(gate.verdict == "flag" for _, gate in held) == 2
    for check, gate in held:
        assert gate.gates == heeded(check, gate, "high")
    assert readers.of_junit(render(record, "junit")) == 0
    assert readers.of_sarif(render(record, "sarif")) == 0


def test_without_the_mend_the_old_record_would_say_otherwise() -> None:
    """The positive control: the default alone contradicts the exit code."""
    record = AuditReport.model_validate_json((OLDER / "audit.json").read_text("utf-8"))
    assert readers.of_junit(render(record, "junit")) == 1


@given(record=reports, least=st.sampled_from(SEVERITIES))
@settings(max_examples=25)
def test_what_is_worked_out_is_what_the_engine_says(record: AuditReport, least: Severity) -> None:
    content = json.loads(record.to_json())
    content["options"]["fail_on"] = least
    for check in content["checks"]:
        for gate in check["gates"]:
            del gate["gates"]
    found = AuditReport.model_validate(complete(content))
    for check in found.checks:
        assert [gate.gates for gate in check.gates] == [
            heeded(check, gate, least) for gate in check.gates
        ]


@given(record=reports)
@settings(max_examples=10)
def test_what_a_record_says_is_left_as_it_is(record: AuditReport) -> None:
    assert AuditReport.model_validate(complete(json.loads(record.to_json()))) == record


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"options": 3, "checks": [1]},
        {"options": {"fail_on": []}, "checks": [{"gates": [{}]}]},
        {"options": {}, "checks": {"gates": []}},
        {"options": {}, "checks": [{"gates": [None, {"severity": []}, {"severity": "dire"}]}]},
        {"options": {}, "checkpoints": [None, {"checks": [None, {"gates": 3}]}]},
        {"options": {}, "checkpoints": 3},
    ],
)
def test_what_is_no_record_is_left_to_whoever_validates(content: Any, tmp_path: Path) -> None:
    assert complete(content) == content
    (tmp_path / "report.json").write_text(json.dumps({"schema_version": 1} | content))
    with pytest.raises(ReportError, match="does not hold a whole report"):
        read_record(tmp_path)
