"""`--baseline RECORD`: findings that an earlier record has already are shown and do not gate.

A flag that the earlier record has too is `unchanged`, and as little a reason to stop as a
suppressed one; it is `updated` and gates when its whole interval lies above the whole interval of
then; any other is `new`. It is the same flag where suite, check, concept, gate, attribute, monitor
and, if compared with one, the reference are the same, where its severity has not risen, and where
what was measured then breaks the limit of today. Another place that was chosen and other audit
rows leave it the same, with a note: both are chosen anew for every checkpoint.

Only flags are excused: what could not be measured was not excused by having been measured once. A
flag that was suppressed then is not known: what excuses it is the suite, and only until its date.

Hold against one fixed record. Against a record that every run replaces, a rate may grow without
end by steps that each lie within their intervals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from audit.engine.diff_fairness import caveats_of_checks, caveats_of_gates, caveats_of_reports
from audit.engine.gates import NEEDS_REFERENCE
from audit.engine.verdict import exit_code, reaches, run_verdict, with_heeded
from audit.errors import UsageError
from audit.exit_codes import ExitCode
from reports.read import ReportError, read_report
from reports.record import (
    AuditReport,
    BaselineState,
    CheckResult,
    Estimate,
    GateResult,
    KnownRecord,
    ModelInfo,
)
from reports.views.wording import gate_words
from suites.gate_spec import reads_monitor
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


def must_fit(known: AuditReport, model: ModelInfo) -> None:
    """Refuse what is known of another kind of model.

    Raises:
        UsageError: the record is of a model of another architecture, depth or width.
    """
    there, here = _shape(known.model), _shape(model)
    if there != here:
        raise UsageError(
            f"--baseline: it is a record of {known.model.name}, a {there}, and the model here is "
            f"a {here}: what is known of the one excuses nothing in the other; give a record of "
            f"this kind of model, or none"
        )


def _shape(model: ModelInfo) -> str:
    return f"{model.architecture} of {model.n_layers} layers and width {model.d_model}"


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
        differs between the two audits is told in `baseline.notes`, and in the notes of the checks
        that flagged then and now.
    """
    checks = with_heeded(_marked(report, known), fail_on=fail_on)
    code = exit_code(checks, fail_on=fail_on, strict=strict, exit_zero=exit_zero)
    interrupted = report.exit_code == ExitCode.INTERRUPTED
    return report.model_copy(
        update={
            "checks": checks,
            "verdict": run_verdict(checks, fail_on=fail_on),
            "exit_code": report.exit_code if interrupted else int(code),
            "baseline": KnownRecord(
                model=known.model.name,
                weights_digest=known.model.weights_digest,
                record_digest=known.digest(),
                created=known.provenance.created if known.provenance else None,
                absent=list(_absent(report, known)),
                notes=list(_differences(report, known)),
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
    """The checks with the state of each flag, and what differs where one was flagged then."""
    here, there = _gates(report), _gates(known)
    same_weights = known.model.weights_digest == report.model.weights_digest
    same_reference = _reference(known) == _reference(report)
    checks = []
    for check in report.checks:
        gates: list[GateResult] = []
        notes: dict[str, None] = {}
        for gate in check.gates:
            state: BaselineState | None = None
            if gate.verdict == "flag":
                now = (check, gate)
                then = _counterpart(check, gate, here, there)
                state = _state(then, now, same_reference=same_reference)
                if then is not None and then[1].verdict == "flag":
                    told = [
                        *_why_new(then, now, same_reference=same_reference),
                        *_caveats(then, now, same_weights=same_weights),
                    ]
                    notes |= {f"--baseline: {sentence}": None for sentence in told}
            gates.append(gate.model_copy(update={"baseline_state": state}))
        update = {"gates": gates, "notes": [*check.notes, *notes]}
        checks.append(check.model_copy(update=update))
    return checks


def _reference(report: AuditReport) -> str | None:
    return None if report.reference is None else report.reference.weights_digest


def _state(then: _Held | None, now: _Held, *, same_reference: bool) -> BaselineState:
    """Of a flag; one without an interval then is nothing that it could be held against."""
    if then is None or then[1].verdict != "flag":
        return "new"
    if any(_why_new(then, now, same_reference=same_reference)):
        return "new"
    known, low = _bounds(then[1].estimate), _bounds(now[1].estimate)
    assert known is not None, "without an interval then it would be new"
    return "updated" if low is None or low[0] > known[1] else "unchanged"


def _why_new(then: _Held, now: _Held, *, same_reference: bool) -> Iterator[str]:
    """Why a flag of then is no flag of today's gate, or excuses nothing in it."""
    (old_check, old), (check, gate) = then, now
    title = gate_words(gate.kind).title
    known = f"the {title} was flagged there, too, and is new here"
    if old_check.suppressed is not None and check.suppressed is None:
        yield f"{known}: it was suppressed there, and is suppressed no longer"
    other = old_check.monitor != check.monitor or _features(old_check) != _features(check)
    if other and reads_monitor(gate.kind):
        yield f"{known}: another monitor reads it"
    if old.severity != gate.severity and reaches(gate.severity, old.severity):
        yield f"{known}: it is more severe now"
    if gate.kind in NEEDS_REFERENCE and not same_reference:
        yield f"{known}: it is compared with another reference model"
    bounds = _bounds(old.estimate)
    if bounds is None:
        yield f"{known}: it had no interval there"
    elif not bounds[0] > gate.limit:
        yield f"{known}: what was measured there does not break the limit of {gate.limit:.3g}"


def _features(check: CheckResult) -> str | None:
    return None if check.sae is None else check.sae.digest


def _bounds(estimate: Estimate | None) -> tuple[float, float] | None:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high


def _caveats(then: _Held, now: _Held, *, same_weights: bool) -> Iterator[str]:
    """What else than the weights differs of a flag that both have."""
    (old_check, old), (check, gate) = then, now
    for caveat in (
        *caveats_of_checks(old_check, check, same_weights=same_weights),
        *caveats_of_gates(old, gate, f"{check.suite}/{check.id}"),
    ):
        yield caveat.sentence
    if old.severity != gate.severity:
        yield f"its severity was {old.severity} and is {gate.severity}"


def _differences(report: AuditReport, known: AuditReport) -> Iterator[str]:
    """What differs between the whole of both audits."""
    ours, theirs = ({suite.name for suite in one.suites} for one in (report, known))
    for name in sorted(ours - theirs):
        yield f"the baseline holds no suite {name}, so every flag of that is new"
    for caveat in caveats_of_reports(known, report):
        if caveat.kind != "partial":
            yield caveat.sentence
    if known.partial:
        yield "the baseline is partial: a limit, a selection or an interruption cut it"


def _absent(report: AuditReport, known: AuditReport) -> Iterator[str]:
    """Flags of then that were measured now, conclusively, and are none."""
    here, there = _gates(report), _gates(known)
    for check in known.checks:
        for gate in check.gates:
            now = _counterpart(check, gate, there, here) if gate.verdict == "flag" else None
            if now is not None and now[1].verdict in ("pass", "warn"):
                of = gate.detail.get("attribute")
                yield f"{check.suite}/{check.id}/{gate.kind}" + (f" of {of}" if of else "")
