"""A record as SARIF 2.1.0: a rule for each check, a result for each gate that is no pass.

What gates is an error, what only warns a warning, what is known a note with its suppression.
What could not be decided is to be reviewed, what could not be measured is open and told by the
invocation too. Every result points to the line of the suite that somebody can change.
"""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Sequence

from reports.machine.outcomes import Outcome, worst_first
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
from reports.views.standing import SUPPRESSED, Standing

LEVELS: dict[Standing, tuple[str, str]] = {
    "unmeasured": ("open", "none"),
    "failed": ("fail", "error"),
    "undecided": ("review", "none"),
    "noted": ("fail", "warning"),
    "excused": ("fail", "note"),
    "passed": ("pass", "none"),
}
"""Kind and level of a result."""

GONE = "a flag of the baseline, and none any more"


def render_sarif(report: AuditReport) -> str:
    """The audit as SARIF."""
    absent = report.baseline.absent if report.baseline else ()
    return log(_run(report, [check_rule(check) for check in report.checks], absent))


def render_series_sarif(report: SeriesReport) -> str:
    """The series as SARIF: alarms, and each gate by the worst that a checkpoint came to."""
    return log(_run(report, series_rules(report), ()))


def _run(report: Record, rules: Sequence[Json], absent: Sequence[str]) -> Json:
    known = list({rule["id"]: rule for rule in reversed(rules)}.values())[::-1][:RULES_LIMIT]
    numbers = {rule["id"]: number for number, rule in enumerate(known)}
    everything = record_outcomes(report)
    outcomes = list(worst_first(everything))
    told = [one for one in outcomes if one.suite is not None]
    shown = told[:RESULTS_LIMIT]
    gone, lost = _gone(everything, absent)
    uris = dict.fromkeys(one.place.uri for one in (*shown, *gone) if one.place)
    files = {uri: number for number, uri in enumerate(uris)}
    results = [_result(one, numbers, files) for one in shown]
    results += [_absent(one, numbers, files) for one in gone]
    results += [_lost(flag, numbers) for flag in lost]
    return {
        "tool": {"driver": _driver(report, known)},
        "automationDetails": {"id": _category(report)},
        "invocations": [_invocation(report, outcomes, len(told) - len(shown))],
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
        return automation_id(names, report.reference, "series")
    asked = names or list(dict.fromkeys(check.suite for check in report.checks))
    return automation_id(asked, report.model.name)


def _result(one: Outcome, numbers: dict[str, int], files: dict[str, int]) -> Json:
    kind, level = LEVELS[one.standing]
    if one.verdict == "inconclusive" and one.standing == "noted":
        kind, level = LEVELS["undecided"]
    result = _of_rule(rule_id(one.suite or "", one.check), numbers) | {
        "kind": kind,
        "level": level,
        "message": message(f"{one.where}: {one.word}: {one.about}: {one.sentence}"),
        **_identity(one, files),
    }
    if one.excuse and one.excuse.word == SUPPRESSED:
        said = line(one.excuse.sentence, 1000)
        result["suppressions"] = [{"kind": "inSource", "status": "accepted", "justification": said}]
    if one.baseline_state:
        result["baselineState"] = one.baseline_state
    return result | {"properties": _figures(one)}


def _of_rule(id: str, numbers: dict[str, int]) -> Json:
    return {"ruleId": id} | ({"ruleIndex": numbers[id]} if id in numbers else {})


def _identity(one: Outcome, files: dict[str, int]) -> Json:
    """Where a gate is, and what tells it from others from run to run, whatever it came to."""
    named = fingerprint(one.suite, one.check, one.kind, one.attribute, occurrence=one.nth)
    where: Json = {"locations": [location(one.place, files)]} if one.place else {}
    return where | {"partialFingerprints": named}


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


def _gone(outcomes: Sequence[Outcome], absent: Sequence[str]) -> tuple[list[Outcome], list[str]]:
    """Gates that pass of those whose flags are none any more, and names that no gate here has.

    A gate that is no pass has a result of its own, and no second one.
    """
    held: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        of = f" of {one.attribute}" if one.attribute else ""
        held[f"{one.where}/{one.kind}{of}"].append(one)
    names = Counter(absent)
    gone = [
        one
        for name, often in names.items()
        for one in [one for one in held[name] if one.verdict != "flag"][:often]
        if one.standing == "passed"
    ]
    return gone, [name for name in names if not held[name]]


def _absent(one: Outcome, numbers: dict[str, int], files: dict[str, int]) -> Json:
    """What is gone is kept, so that it is seen to be gone; by the fingerprint that it had."""
    return _of_rule(rule_id(one.suite or "", one.check), numbers) | {
        "kind": "pass",
        "level": "none",
        "message": message(f"{one.where}: {one.about}: {GONE}"),
        **_identity(one, files),
        "baselineState": "absent",
        "properties": _figures(one),
    }


def _lost(flag: str, numbers: dict[str, int]) -> Json:
    """A flag that is gone together with its gate, as the record names it."""
    return _of_rule(rule_id(*flag.split("/")[:2]), numbers) | {
        "kind": "notApplicable",
        "level": "none",
        "message": message(f"{flag}: {GONE}"),
        "partialFingerprints": fingerprint("absent", flag),
        "baselineState": "absent",
        "properties": {"gates": False},
    }


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
