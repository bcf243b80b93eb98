"""`--baseline RECORD`: findings that an earlier record has already are shown and do not gate.

A flag that the earlier record has too is `unchanged`, and as little a reason to stop as a
suppressed one; it is `updated` and gates when its whole interval lies above the whole interval of
then; any other is `new`. Only flags are excused: what could not be measured was not excused by
having been measured once. A flag that was suppressed then is known as well.

Hold against one fixed record. Against a record that every run replaces, a rate may grow without
end by steps that each lie within their intervals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from audit.engine.diff_fairness import caveats_of_checks, caveats_of_gates, caveats_of_reports
from audit.engine.verdict import exit_code, run_verdict, with_heeded
from audit.errors import UsageError
from audit.exit_codes import ExitCode
from reports.read import ReportError, read_report
from reports.record import AuditReport, BaselineState, CheckResult, GateResult, KnownRecord
from suites.schema import Severity

# Suite, check, concept, kind, attribute.
_Name = tuple[str, str, str, str, str | None]
_Held = tuple[CheckResult, GateResult]
_Gates = dict[_Name, list[_Held]]

NOT_OF_A_SERIES = (
    "--baseline is for the audit of one model: a series is held against its reference, and its "
    "alarm says what is new"
)


def read_baseline(given: str | Path | AuditReport | None) -> AuditReport | None:
    """The record that findings are known from; None where nothing is given.

    Raises:
        UsageError: it is missing, unreadable, or the record of a series.
    """
    if given is None or isinstance(given, AuditReport):
        return given
    try:
        return read_report(given)
    except ReportError as error:
        raise UsageError(f"--baseline: {error}") from None


def must_fit(known: AuditReport, architecture: str) -> None:
    """Refuse what is known of another kind of model.

    Raises:
        UsageError: the record is of a model of another architecture.
    """
    if known.model.architecture != architecture:
        raise UsageError(
            f"--baseline: it is a record of {known.model.name}, a {known.model.architecture}, and "
            f"the model here is a {architecture}: what is known of the one excuses nothing in the "
            f"other; give a record of this kind of model, or none"
        )


def against_baseline(
    report: AuditReport,
    known: AuditReport,
    *,
    fail_on: Severity = "low",
    strict: bool = False,
    exit_zero: bool = False,
) -> AuditReport:
    """The same audit with its flags held against those of an earlier one.

    Args:
        report: what was found now.
        known: what was found then.
        fail_on: as the audit was run with.
        strict: likewise.
        exit_zero: likewise.

    Returns:
        The record with the state of each flag, and the verdict and exit code that leaves. What
        differs between the two audits is told beside what was not measured, and in the notes of
        the checks that have a known flag.
    """
    checks = with_heeded(_marked(report, known), fail_on=fail_on)
    code = exit_code(checks, fail_on=fail_on, strict=strict, exit_zero=exit_zero)
    interrupted = report.exit_code == ExitCode.INTERRUPTED
    return report.model_copy(
        update={
            "checks": checks,
            "verdict": run_verdict(checks, fail_on=fail_on),
            "exit_code": report.exit_code if interrupted else int(code),
            "not_measured": [*report.not_measured, *_differences(report, known)],
            "baseline": KnownRecord(
                model=known.model.name,
                weights_digest=known.model.weights_digest,
                record_digest=known.digest(),
                created=known.provenance.created if known.provenance else None,
                absent=list(_absent(report, known)),
            ),
        }
    )


def _gates(report: AuditReport) -> _Gates:
    """The gates of a record by what they are known by."""
    found: _Gates = defaultdict(list)
    for check in report.checks:
        for gate in check.gates:
            found[_name(check, gate)].append((check, gate))
    return found


def _name(check: CheckResult, gate: GateResult) -> _Name:
    return check.suite, check.id, check.concept, gate.kind, gate.detail.get("attribute")


def _counterpart(check: CheckResult, gate: GateResult, here: _Gates, there: _Gates) -> _Held | None:
    """The same gate in the other record.

    Of several gates of one kind the limit says which is which; were it the order, a flag of a
    low limit could excuse one of a high limit.
    """
    name = _name(check, gate)
    found = there.get(name, [])
    if len(here[name]) > 1 or len(found) > 1:
        found = [held for held in found if held[1].limit == gate.limit]
    return found[0] if found else None


def _marked(report: AuditReport, known: AuditReport) -> list[CheckResult]:
    """The checks with the state of each flag, and what differs where one is known."""
    here, there = _gates(report), _gates(known)
    same_weights = known.model.weights_digest == report.model.weights_digest
    checks = []
    for check in report.checks:
        gates: list[GateResult] = []
        notes: dict[str, None] = {}
        for gate in check.gates:
            then = _counterpart(check, gate, here, there) if gate.verdict == "flag" else None
            if then is not None and then[1].verdict == "flag":
                notes |= dict.fromkeys(_caveats(then, (check, gate), same_weights=same_weights))
            gates.append(gate.model_copy(update={"baseline_state": _state(gate, then)}))
        update = {"gates": gates, "notes": [*check.notes, *notes]}
        checks.append(check.model_copy(update=update))
    return checks


def _state(gate: GateResult, then: _Held | None) -> BaselineState | None:
    """Of a flag; one without an interval then is nothing that it could be held against."""
    if gate.verdict != "flag":
        return None
    known = then[1].estimate if then is not None and then[1].verdict == "flag" else None
    low = None if gate.estimate is None else gate.estimate.low
    high = None if known is None else known.high
    if low is None or high is None:
        return "new"
    return "updated" if low > high else "unchanged"


def _caveats(then: _Held, now: _Held, *, same_weights: bool) -> Iterator[str]:
    """What else than the weights differs of a known flag."""
    (old_check, old), (check, gate) = then, now
    for caveat in (
        *caveats_of_checks(old_check, check, same_weights=same_weights),
        *caveats_of_gates(old, gate, f"{check.suite}/{check.id}"),
    ):
        yield f"--baseline: {caveat.sentence}"
    if old.severity != gate.severity:
        yield f"--baseline: its severity was {old.severity} and is {gate.severity}"


def _differences(report: AuditReport, known: AuditReport) -> Iterator[str]:
    """What differs between the whole of both audits."""
    ours, theirs = ({suite.name for suite in one.suites} for one in (report, known))
    for name in sorted(ours - theirs):
        yield f"--baseline: it holds no suite {name}, so every flag of that is new"
    for caveat in caveats_of_reports(known, report):
        if caveat.kind != "partial":
            yield f"--baseline: {caveat.sentence}"
    if known.partial:
        yield "--baseline: it is partial: a limit, a selection or an interruption cut it"


def _absent(report: AuditReport, known: AuditReport) -> Iterator[str]:
    """Flags of then that were measured now, conclusively, and are none."""
    here, there = _gates(report), _gates(known)
    for check in known.checks:
        for gate in check.gates:
            now = _counterpart(check, gate, there, here) if gate.verdict == "flag" else None
            if now is not None and now[1].verdict in ("pass", "warn"):
                of = gate.detail.get("attribute")
                yield f"{check.suite}/{check.id}/{gate.kind}" + (f" of {of}" if of else "")
