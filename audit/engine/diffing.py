"""Two audits held against each other: what is new, gone, worse and better, gate by gate.

The one place where a comparison is judged. Knows records and tables of scores; no model is
touched and nothing is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit.engine.diff_fairness import (
    caveats_of_checks,
    caveats_of_gates,
    caveats_of_reports,
    caveats_of_scope,
)
from audit.engine.diff_matching import Match, matches_of, with_rows
from audit.engine.diff_pairs import Paired, read_scores
from audit.engine.estimates import recorded
from audit.exit_codes import ExitCode
from probes.multiplicity import benjamini_hochberg
from reports.diff import Caveat, DiffSide, GateDiff, PairedChange, RecordDiff, Status
from reports.read import read_report
from reports.record import SEVERITIES, AuditReport, GateResult, Severity
from reports.views.diff import place_of

if TYPE_CHECKING:
    import pandas as pd

_ROUNDING = 1e-9  # the inversion that gave p is exact to this


def diff_runs(
    before: Path,
    after: Path,
    *,
    margin: float = 0.0,
    fail_on: Severity = "low",
    strict: bool = False,
) -> RecordDiff:
    """Compare two run folders, or two `report.json`.

    Raises:
        ReportError: a record cannot be read.
        UsageError: a table of scores cannot be read.
    """
    old, new = read_report(before), read_report(after)
    return diff_records(
        old,
        new,
        scores=(read_scores(before), read_scores(after)),
        margin=margin,
        fail_on=fail_on,
        strict=strict,
    )


def diff_records(
    before: AuditReport,
    after: AuditReport,
    *,
    scores: tuple[pd.DataFrame | None, pd.DataFrame | None] = (None, None),
    margin: float = 0.0,
    fail_on: Severity = "low",
    strict: bool = False,
) -> RecordDiff:
    """Compare two records gate by gate; gates match by suite, check, kind and attribute.

    A gate got worse when it flags and did not, or when the rate of its event on the same rows
    grew: the paired interval lies wholly above the margin and survives the correction over
    all gates that were compared so. A flag of a gate that only the later audit has was never
    compared with anything, and gates like one that got worse.

    Args:
        before: the earlier audit.
        after: the later one.
        scores: the audit rows of either, as `read_scores` gives them.
        margin: growth of a rate that is tolerated, as a share.
        fail_on: gates below this severity are told and do not gate.
        strict: what was measured before and is not now ends with 6.
    """
    matches = [with_rows(match, scores, margin) for match in matches_of(before, after)]
    corrected = _corrected([match.paired for match in matches])
    gates = [
        _gate_diff(match, paired, margin, fail_on)
        for match, paired in zip(matches, corrected, strict=True)
    ]
    gates.sort(key=lambda gate: (place_of(gate), gate.suite, gate.check))
    return RecordDiff(
        before=_side(before),
        after=_side(after),
        margin=margin,
        exit_code=exit_code_of(gates, strict=strict),
        caveats=list(_caveats(before, after, matches)),
        gates=gates,
    )


def exit_code_of(gates: Sequence[GateDiff], *, strict: bool = False) -> ExitCode:
    """1 when something that gates got worse or is a new flag, 6 when nothing could be compared.

    Else 0; `strict` also gives 6 where a gate is gone or could not be compared.
    """
    if any((gate.status == "worse" or gate.is_new_flag) and gate.gates for gate in gates):
        return ExitCode.FLAGGED
    lost = [gate for gate in gates if gate.status in ("gone", "not_compared")]
    compared = [gate for gate in gates if gate.status not in ("gone", "not_compared", "new")]
    return ExitCode.INCONCLUSIVE if not compared or (strict and lost) else ExitCode.PASSED


def _corrected(found: Sequence[Paired | None]) -> list[PairedChange | None]:
    """Each direction is a family of its own: an interval has a tail for either."""
    family = [paired for paired in found if paired is not None]
    worse = iter(benjamini_hochberg([paired.p_worse for paired in family]))
    better = iter(benjamini_hochberg([paired.p_better for paired in family]))
    return [
        None
        if paired is None
        else PairedChange(
            event=paired.event,
            difference=recorded(paired.difference),
            p_worse=paired.p_worse,
            q_worse=float(next(worse)),
            p_better=paired.p_better,
            q_better=float(next(better)),
        )
        for paired in found
    ]


def _gate_diff(
    match: Match, paired: PairedChange | None, margin: float, fail_on: Severity
) -> GateDiff:
    old, new = match.before, match.after
    held = new or old
    assert held is not None  # a match has a side
    status, reason = _status(match, paired, margin)
    attributes = [side.gate.detail.get("attribute") for side in (new, old) if side is not None]
    return GateDiff(
        suite=held.check.suite,
        check=held.check.id,
        kind=held.gate.kind,
        attribute=next(filter(None, attributes), None),
        severity=held.gate.severity,
        status=status,
        reason=reason,
        gates=held.check.suppressed is None
        and SEVERITIES.index(held.gate.severity) >= SEVERITIES.index(fail_on),
        verdict_before=old.gate.verdict if old else None,
        verdict_after=new.gate.verdict if new else None,
        estimate_before=old.gate.estimate if old else None,
        estimate_after=new.gate.estimate if new else None,
        limit_before=old.gate.limit if old else None,
        limit_after=new.gate.limit if new else None,
        paired=paired,
        not_paired=match.not_paired,
    )


def _status(match: Match, paired: PairedChange | None, margin: float) -> tuple[Status, str]:
    """What became of a gate, and why that is said."""
    if match.before is None:
        now = match.after.gate if match.after else None
        return "new", f"only the second audit has it{f': {_as_said(now)}' if now else ''}"
    if match.after is None:
        return "gone", f"only the first audit has it: {_as_said(match.before.gate)}"
    then, now = match.before.gate, match.after.gate
    if now.verdict == "flag" and then.verdict != "flag":
        chance = paired is not None and not _grew(paired, 0.0)
        doubt = "; what rose on the same rows is within chance" if chance else ""
        return "worse", f"it flags, and was {_as_said(then)}{doubt}"
    for which, gate in (("second", now), ("first", then)):
        if gate.verdict == "error" or gate.estimate is None:
            return "not_compared", f"not measured in the {which} audit: {gate.reason}"
    beyond = f" by more than {margin:g}" if margin else ""
    if paired is not None and _grew(paired, margin):
        return "worse", f"on the same rows the rate rose{beyond}"
    if then.verdict == "flag" and now.verdict in ("pass", "warn"):
        return "better", f"it flagged, and is {_as_said(now)}"
    if paired is not None and _fell(paired, margin) and not _blind(now):
        return "better", f"on the same rows the rate fell{beyond}"
    if then.verdict != now.verdict:
        return "changed", f"it was {_as_said(then)} and is {_as_said(now)}"
    return "unchanged", "the verdict is the same"


def _grew(paired: PairedChange, margin: float) -> bool:
    low = paired.difference.low
    return low is not None and low > margin and _survives(paired, paired.q_worse)


def _fell(paired: PairedChange, margin: float) -> bool:
    high = paired.difference.high
    return high is not None and high < -margin and _survives(paired, paired.q_better)


def _survives(paired: PairedChange, q_value: float) -> bool:
    return q_value <= (1 - paired.difference.confidence) / 2 + _ROUNDING


def _blind(gate: GateResult) -> bool:
    """Within the limit and yet no pass: the monitor does not see what the model visibly does."""
    high = gate.estimate.high if gate.estimate else None
    return gate.verdict == "inconclusive" and high is not None and high <= gate.limit


def _as_said(gate: GateResult) -> str:
    words = {
        "pass": "a pass",
        "warn": "a warning",
        "flag": "a flag",
        "inconclusive": "inconclusive",
        "error": "an error",
    }
    return words[gate.verdict]


def _caveats(before: AuditReport, after: AuditReport, matches: Sequence[Match]) -> Iterator[Caveat]:
    """Each once, those of the whole first."""
    same_weights = before.model.weights_digest == after.model.weights_digest
    found = [*caveats_of_scope(before, after), *caveats_of_reports(before, after)]
    for match in matches:
        if match.before is None or match.after is None:
            continue
        where = f"{match.after.check.suite}/{match.after.check.id}"
        found += caveats_of_checks(match.before.check, match.after.check, same_weights=same_weights)
        found += caveats_of_gates(match.before.gate, match.after.gate, where)
    seen: set[tuple[str, str, str]] = set()
    for caveat in found:
        name = (caveat.where, caveat.kind, caveat.sentence)
        if name not in seen:
            seen.add(name)
            yield caveat


def _side(report: AuditReport) -> DiffSide:
    return DiffSide(
        model=report.model.name,
        architecture=report.model.architecture,
        weights_digest=report.model.weights_digest,
        record_digest=report.digest(),
        verdict=report.verdict,
        seed=report.seed,
        partial=report.partial,
    )
