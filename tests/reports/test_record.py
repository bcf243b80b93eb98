"""The record is one value with one text."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from reports.record import AuditReport, Estimate, RowResult
from reports.text import is_hidden
from tests.reports.factory import estimate, make_provenance, make_report, make_row
from tests.reports.strategies import reports


@settings(max_examples=80, deadline=None)
@given(reports)
def test_json_comes_back_as_the_same_record_and_the_same_bytes(report: AuditReport) -> None:
    text = report.to_json()
    again = AuditReport.model_validate(json.loads(text))
    assert again == report
    assert again.to_json() == text
    assert again.digest() == report.digest()
    assert AuditReport.model_validate_json(text) == report
    assert text.endswith("}\n")
    text.encode("utf-8")


@settings(max_examples=30, deadline=None)
@given(reports)
def test_json_is_strict_and_safe_to_print(report: AuditReport) -> None:
    text = report.to_json()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)
    assert not [c for c in text if c != "\n" and is_hidden(c)]
    assert "##[" not in text


def test_the_verdict_stands_at_the_top() -> None:
    lines = make_report().to_json().splitlines()
    assert lines[1:3] == ['  "schema_version": 1,', '  "verdict": "error",']


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_is_ever_not_one(number: float) -> None:
    estimate(0.5, 0.4, 0.6)
    for ends in ((number, 0.4, 0.6), (0.5, number, 0.6), (0.5, 0.4, number)):
        with pytest.raises(ValidationError, match="finite"):
            estimate(*ends)
    with pytest.raises(ValidationError, match="finite"):
        make_row(attributes={"age": number})
    with pytest.raises(ValidationError, match="finite"):
        make_report(options={"limit": number})
    with pytest.raises(ValidationError, match="finite"):
        make_provenance(duration_seconds=number)


def test_the_order_of_free_keys_does_not_matter() -> None:
    one = make_row(attributes={"a": 1, "b": None})
    other = make_row(attributes={"b": None, "a": 1})
    assert one.model_dump_json() == other.model_dump_json()


def test_half_a_surrogate_pair_becomes_visible_wherever_it_stands() -> None:
    row = make_row(text="a\ud800b", attributes={"\udc00": "\ud800"})
    assert row.text == "a\\ud800b"
    assert row.attributes == {"\\udc00": "\\ud800"}
    assert make_report(not_measured=["\ud83d"]).not_measured == ["\\ud83d"]
    assert make_row(text="🙂").text == "🙂"


def test_the_digest_is_of_the_finding_not_of_the_occasion() -> None:
    digest = make_report().digest()
    assert len(digest) == 64
    assert make_report(provenance=None).digest() == digest
    assert make_report(provenance=make_provenance(device="cuda")).digest() == digest
    assert make_report(seed=1).digest() != digest


def test_a_record_is_closed_and_frozen() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Estimate(value=0.1, n=1, n_groups=1, lwo=0.0)
    with pytest.raises(ValidationError, match="frozen"):
        make_row().score = 1.0
    assert isinstance(make_row(), RowResult)


def test_the_frame_has_a_line_for_each_gate() -> None:
    report = make_report()
    frame = report.to_frame()
    assert len(frame) == sum(len(check.gates) for check in report.checks)
    flagged = frame[(frame["check"] == "lying") & (frame["gate"] == "firing_rate")].iloc[0]
    assert flagged["verdict"] == "flag"
    assert (flagged["gate_value"], flagged["gate_low"], flagged["gate_high"]) == (0.31, 0.24, 0.39)
    assert flagged["auroc_value"] == 0.97
    assert frame["gate_value"].dtype == "float64"


def test_the_frame_of_nothing_is_empty() -> None:
    assert make_report(checks=[]).to_frame().empty
