"""A record as SARIF 2.1.0: a rule for each check, a result for each gate that is no pass.

What gates is an error, what only warns a warning, what is known a note with its suppression.
What could not be decided is to be reviewed, what could not be measured is open and told by the
invocation too. Every result points to the line of the suite that somebody can change.
"""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from reports.machine.outcomes import Outcome, Standing, audit_outcomes, worst_first
from reports.machine.sarif_parts import (
    RESULTS_LIMIT,
    RULES_LIMIT,
    Json,
    artifacts,
    automation_id,
    fingerprint,
    line,
    location,
    log,
    message,
    notification,
    rule_id,
    times,
)
from reports.machine.sarif_rules import check_rule, series_rules
from reports.machine.series_outcomes import record_outcomes
from reports.read import Record
from reports.record import AuditReport
from reports.series import SeriesReport
from reports.views.exits import AUDIT, SERIES, exit_meaning

LEVELS: dict[Standing, tuple[str, str]] = {
    "unmeasured": ("open", "none"),
    "failed": ("fail", "error"),
    "undecided": ("review", "none"),
    "noted": ("fail", "warning"),
    "excused": ("fail", "note"),
    "passed": ("pass", "none"),
}
"""Kind and level of a result."""


def render_sarif(report: AuditReport) -> str:
    """The audit as SARIF."""
    return log(_run(report, [check_rule(check) for check in report.checks], _gone(report)))


def render_series_sarif(report: SeriesReport) -> str:
    """The series as SARIF: alarms, and each gate by the worst that a checkpoint came to."""
    return log(_run(report, series_rules(report), {}))


def _run(report: Record, rules: Sequence[Json], gone: Mapping[str, Outcome | None]) -> Json:
    known = list({rule["id"]: rule for rule in reversed(rules)}.values())[::-1][:RULES_LIMIT]
    numbers = {rule["id"]: number for number, rule in enumerate(known)}
    outcomes = list(worst_first(record_outcomes(report)))
    located = [one for one in outcomes if one.suite is not None]
    shown = located[:RESULTS_LIMIT]
    pointing = (*shown, *(one for one in gone.values() if one))
    uris = dict.fromkeys(one.place.uri for one in pointing if one.place)
    files = {uri: number for number, uri in enumerate(uris)}
    results = [*_results(shown, numbers, files), *_absent(gone, numbers, files)]
    return {
        "tool": {"driver": _driver(report, known)},
        "automationDetails": {"id": _category(report)},
        "invocations": [_invocation(report, outcomes, len(located) - len(shown))],
        "artifacts": artifacts(files),
        "results": results[:RESULTS_LIMIT],
        "columnKind": "unicodeCodePoints",
        "properties": _facts(report),
    }


def _driver(report: Record, rules: Sequence[Json]) -> Json:
    driver: Json = {"name": "alignment-audit", "rules": list(rules)}
    packages = report.provenance.packages if report.provenance else {}
    version = packages.get("alignment-audit", "")
    return driver | ({"version": line(version, 50)} if version.strip() else {})


def _category(report: Record) -> str:
    names = [suite.name for suite in report.suites]
    if isinstance(report, SeriesReport):
        return automation_id(names, "series")
    return automation_id(names or list(dict.fromkeys(check.suite for check in report.checks)))


def _results(
    outcomes: Sequence[Outcome], numbers: dict[str, int], files: dict[str, int]
) -> Iterator[Json]:
    seen: Counter[tuple[str | None, ...]] = Counter()
    for one in outcomes:
        id = rule_id(one.suite or "", one.check)
        key = (one.suite, one.check, one.kind, one.attribute)
        seen[key] += 1
        kind, level = LEVELS[one.standing]
        if one.verdict == "inconclusive" and one.standing == "noted":
            kind, level = LEVELS["undecided"]
        result: Json = {"ruleId": id}
        if id in numbers:
            result["ruleIndex"] = numbers[id]
        result |= {
            "kind": kind,
            "level": level,
            "message": message(f"{one.where}: {one.word}: {one.about}: {one.sentence}"),
        }
        if one.place:
            result["locations"] = [location(one.place, files)]
        result["partialFingerprints"] = fingerprint(*key, occurrence=seen[key])
        if one.excuse and one.baseline_state != "unchanged":
            result["suppressions"] = [
                {"kind": "inSource", "status": "accepted", "justification": line(one.excuse, 1000)}
            ]
        if one.baseline_state:
            result["baselineState"] = one.baseline_state
        yield result | {"properties": _figures(one)}


def _figures(one: Outcome) -> Json:
    """The numbers, for programs; none of them is in the fingerprint."""
    figures: Json = {"verdict": one.verdict, "severity": one.severity, "gates": one.gates}
    if one.limit is not None:
        figures["limit"] = one.limit
    if one.estimate is not None:
        ends = {"low": one.estimate.low, "high": one.estimate.high}
        figures |= {
            "value": one.estimate.value,
            "n": one.estimate.n,
            "groups": one.estimate.n_groups,
        }
        figures |= {name: end for name, end in ends.items() if end is not None}
    if one.q_value is not None:
        figures["q"] = one.q_value
    if one.on:
        figures["checkpoints"] = [line(name, 200) for name in one.on[-100:]]
    return figures


def _gone(report: AuditReport) -> dict[str, Outcome | None]:
    """Flags of the baseline that are flags no more, each with the gate that passes now."""
    held: dict[str, list[Outcome]] = defaultdict(list)
    for one in audit_outcomes(report):
        of = f" of {one.attribute}" if one.attribute else ""
        held[f"{one.where}/{one.kind}{of}"].append(one)
    passed = {
        name: same[0]
        for name, same in held.items()
        if all(one.standing == "passed" for one in same)
    }
    return {flag: passed.get(flag) for flag in (report.baseline.absent if report.baseline else ())}


def _absent(
    gone: Mapping[str, Outcome | None], numbers: dict[str, int], files: dict[str, int]
) -> Iterator[Json]:
    """What is gone is kept, so that it is seen to be gone; by the fingerprint that it had."""
    for flag, one in gone.items():
        id = rule_id(one.suite or "", one.check) if one else rule_id(*flag.split("/")[:2])
        result: Json = {"ruleId": id}
        if id in numbers:
            result["ruleIndex"] = numbers[id]
        result |= {
            "kind": "pass",
            "level": "none",
            "message": message(f"{flag}: a flag of the baseline, and none any more"),
            "partialFingerprints": fingerprint(one.suite, one.check, one.kind, one.attribute)
            if one
            else fingerprint("absent", flag),
            "baselineState": "absent",
        }
        if one and one.place:
            result["locations"] = [location(one.place, files)]
        yield result | {"properties": {"verdict": "pass", "gates": False}}


def _invocation(report: Record, outcomes: Sequence[Outcome], left_out: int) -> Json:
    """How the run itself went: whether all was measured, and what the process ended with."""
    troubles = [one for one in outcomes if one.standing == "unmeasured"]
    told = [
        notification(f"{one.where}: {one.about}: {one.sentence}", "error", "not-measured")
        for one in troubles[:100]
    ]
    told += [
        notification(f"{one.where}: {one.sentence}", "error", "alarm")
        for one in outcomes
        if one.suite is None and one.standing == "failed"
    ]
    if left_out:
        said = f"{left_out} more results: report.json holds them all"
        told.append(notification(said, "warning", "left-out"))
    told += [notification(why, "note", "to-know") for why in _to_know(report)[:100]]
    invocation: Json = {
        "executionSuccessful": not troubles and report.exit_code not in (2, 3, 4),
        "exitCode": report.exit_code,
    }
    meanings = SERIES if isinstance(report, SeriesReport) else AUDIT
    invocation["exitCodeDescription"] = exit_meaning(report.exit_code, report.verdict, meanings)
    if told:
        invocation["toolExecutionNotifications"] = told
    origin = report.provenance
    if origin is None:
        return invocation
    command = line(shlex.join(origin.command), 4000)
    return invocation | {"commandLine": command} | times(origin.created, origin.duration_seconds)


def _to_know(report: Record) -> Sequence[str]:
    return report.notes if isinstance(report, SeriesReport) else report.not_measured


def _facts(report: Record) -> Json:
    """What was audited: GitHub ignores it, whoever opens the file does not."""
    facts: Json = {
        "verdict": report.verdict,
        "partial": report.partial,
        "seed": report.seed,
        "record": report.digest(),
        "exitZero": report.options.get("exit_zero") is True,
        "strict": report.options.get("strict") is True,
    }
    model = report.reference_model if isinstance(report, SeriesReport) else report.model
    if model:
        role = "reference" if isinstance(report, SeriesReport) else "model"
        named = {"name": model.name, "weights": model.weights_digest}
        facts[role] = {key: line(value, 200) for key, value in named.items()}
    if report.provenance and report.provenance.git_commit:
        facts["commit"] = line(report.provenance.git_commit, 64)
    return facts
