"""A record as JUnit XML: a test case for each check, and for each alarm of a series.

A flag that gates is a failure, what could not be measured an error, and what could not be
decided, or is known, is skipped and says why. The rest passed, with its facts. No row is shown.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from reports.machine.junit_xml import Case, TestSuite, Trouble, document, timestamp
from reports.machine.outcomes import (
    Outcome,
    check_outcomes,
    is_strict,
    reading_outcomes,
    suite_files,
    worst_first,
)
from reports.machine.series_outcomes import alarm_facts, alarm_outcomes, broken_outcome
from reports.read import Record
from reports.record import AuditReport, CheckResult, Provenance
from reports.series import CheckpointRow, CheckReading, SeriesReport
from reports.views.check import view_check
from reports.views.series import at
from reports.views.standing import KNOWN
from reports.views.wording import UNKNOWN, estimate_words

TOOL = "alignment-audit"
TYPES = {"unmeasured": "NotMeasured", "failed": "Flagged", "undecided": "Inconclusive"}


def render_junit(report: AuditReport) -> str:
    """The audit as JUnit XML: a test suite for each suite, a test case for each check."""
    strict, files = is_strict(report), suite_files(report)
    names = dict.fromkeys([*(s.name for s in report.suites), *(c.suite for c in report.checks)])
    properties = _properties(report)
    suites = [
        TestSuite(
            name=name,
            cases=_told_apart(
                _check_case(check, strict=strict, file=files.get(name, ""))
                for check in report.checks
                if check.suite == name
            ),
            properties=properties | _suite_properties(report, name),
            facts=() if index else tuple(f"not measured: {why}" for why in report.not_measured),
            seconds=_seconds(report.provenance) if len(names) == 1 else None,
            timestamp=_timestamp(report.provenance),
        )
        for index, name in enumerate(names)
    ]
    return document(TOOL, suites, seconds=_seconds(report.provenance))


def render_series_junit(report: SeriesReport) -> str:
    """The series as JUnit XML: a test suite for each checkpoint, and one for the alarms."""
    strict = is_strict(report)
    properties = _properties(report)
    made = _timestamp(report.provenance)
    suites = [
        TestSuite(
            name=row.name,
            cases=_told_apart(_row_cases(row, strict=strict)),
            properties=properties | _row_properties(row),
            timestamp=made,
        )
        for row in report.checkpoints
    ]
    alarms = TestSuite(
        name="alarms",
        cases=_told_apart(_alarm_cases(report)),
        properties=properties,
        facts=tuple(f"note: {note}" for note in report.notes),
        timestamp=made,
    )
    return document(TOOL, [*suites, alarms], seconds=_seconds(report.provenance))


def _told_apart(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Cases with names of their own: two gates of a kind are two cases to whoever reads them."""
    seen: Counter[tuple[str, str]] = Counter()
    told = []
    for case in cases:
        key = (case.classname, case.name)
        seen[key] += 1
        name = case.name if seen[key] == 1 else f"{case.name} ({seen[key]})"
        told.append(Case(case.classname, name, case.trouble, case.facts))
    return tuple(told)


def _check_case(check: CheckResult, *, strict: bool, file: str) -> Case:
    outcomes = check_outcomes(check, strict=strict, file=file)
    trouble = _trouble(outcomes)
    facts = (*_unsaid(outcomes, trouble), *_facts(check))
    return Case(check.suite, check.id, trouble, facts)


def _row_cases(row: CheckpointRow, *, strict: bool) -> Iterator[Case]:
    if broken := broken_outcome(row):
        why = tuple(row.reasons) or (broken.sentence,)
        message = f"{broken.word}: {broken.sentence}"
        yield Case(row.name, broken.about, Trouble("error", TYPES[broken.standing], message, why))
    for check in row.checks:
        outcomes = reading_outcomes(check, strict=strict)
        trouble = _trouble(outcomes)
        facts = (*_unsaid(outcomes, trouble), *_reading_facts(check))
        yield Case(f"{row.name}.{check.suite}", check.check, trouble, facts)


def _alarm_cases(report: SeriesReport) -> Iterator[Case]:
    tracks = [*report.tracks, None]  # a stop that no track explains comes last
    for one, track in zip(alarm_outcomes(report), tracks, strict=False):
        failed = one.standing == "failed"
        yield Case(
            "alarms" if one.suite is None else f"alarms.{one.suite}",
            one.check if one.suite is None else f"{one.check}, {one.about}",
            Trouble("failure", "Alarm", one.sentence) if failed else None,
            (one.sentence, *(alarm_facts(track) if track else ())),
        )


def _trouble(outcomes: Sequence[Outcome]) -> Trouble | None:
    """What keeps a check from passing: the worst of its gates, unless it only warns."""
    serious = [one for one in worst_first(outcomes) if one.standing != "noted"]
    if not serious:
        return None
    lead = serious[0]
    message = f"{lead.word}: {lead.about}: {lead.excuse.sentence if lead.excuse else lead.sentence}"
    lines = tuple(_line(one) for one in serious)
    if lead.standing == "unmeasured":
        return Trouble("error", TYPES["unmeasured"], message, lines)
    if lead.standing == "failed":
        type = TYPES["failed"] if lead.verdict == "flag" else TYPES["undecided"]
        return Trouble("failure", type, message, lines)
    if lead.standing == "undecided":
        return Trouble("skipped", TYPES["undecided"], message, lines)
    return Trouble("skipped", "Known" if lead.excuse == KNOWN else "Suppressed", message, lines)


def _line(one: Outcome) -> str:
    excuse = f"; {one.excuse.sentence}" if one.excuse else ""
    place = f" ({one.place.file}:{one.place.line})" if one.place and one.place.line else ""
    return f"{one.word}: {one.about}, {one.severity}: {one.sentence}{excuse}{place}"


def _unsaid(outcomes: Sequence[Outcome], trouble: Trouble | None) -> Iterator[str]:
    said = trouble.lines if trouble else ()
    return (line for line in map(_line, outcomes) if line not in said)


def _facts(check: CheckResult) -> Iterator[str]:
    view = view_check(check)
    yield f"monitor: {check.monitor}, read at {view.place}"
    yield f"AUROC of the monitor: {view.auroc}; gain over text: {view.gain}"
    yield f"fires on: {estimate_words(check.firing_rate)}"
    yield f"misbehaves on: {view.behaviour}"
    if check.four_fields:
        counts = check.four_fields.model_dump()
        yield "; ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items())
    yield from (f"note: {note}" for note in check.notes)


def _reading_facts(check: CheckReading) -> Iterator[str]:
    state = check.state or UNKNOWN
    yield f"state: {state}{f', {check.state_reason}' if check.state_reason else ''}"
    yield f"believed probe: {check.reader or 'none'}"
    yield f"misbehaves: {estimate_words(check.behaviour)}"
    yield from (f"note: {note}" for note in check.notes)


def _properties(report: Record) -> dict[str, str]:
    """What was asked of what, and the verdict: the same on every test suite of the file."""
    model = report.reference_model if isinstance(report, SeriesReport) else report.model
    named = {"verdict": report.verdict, "exit code": str(report.exit_code)}
    if isinstance(report, SeriesReport):
        named |= {"reference": report.reference}
    else:
        named |= {"model": report.model.name}
        if report.reference:
            named |= {
                "reference": report.reference.name,
                "reference weights": report.reference.weights_digest,
            }
    if model:
        key = "reference weights" if isinstance(report, SeriesReport) else "weights"
        named |= {key: model.weights_digest}
    named |= {"seed": str(report.seed), "partial": _yes(report.partial)}
    named |= {
        name.replace("_", " "): _yes(report.options.get(name) is True)
        for name in ("strict", "exit_zero")
    }
    named |= {"fail on": str(report.options.get("fail_on", UNKNOWN)), "record": report.digest()}
    if report.provenance:
        named |= {"command": shlex.join(report.provenance.command)}
    return named


def _suite_properties(report: AuditReport, name: str) -> dict[str, str]:
    return next(
        (
            {
                "suite": suite.source,
                "suite version": str(suite.version),
                "suite digest": suite.digest,
            }
            for suite in report.suites
            if suite.name == name
        ),
        {},
    )


def _row_properties(row: CheckpointRow) -> dict[str, str]:
    named = {"checkpoint": row.source, "at": at(row), "verdict of the checkpoint": row.verdict}
    return named | ({"weights": row.model.weights_digest} if row.model else {})


def _yes(fact: bool) -> str:
    return "true" if fact else "false"


def _seconds(origin: Provenance | None) -> float | None:
    return origin.duration_seconds if origin else None


def _timestamp(origin: Provenance | None) -> str | None:
    return timestamp(origin.created) if origin else None
