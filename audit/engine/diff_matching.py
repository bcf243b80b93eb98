"""Which gate of one record is which of the other, and whether its rows can be compared.

Knows records and tables of scores; gives no verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.engine.diff_pairs import NotPairedError, Paired, Side, paired_change
from reports.record import AuditReport, CheckResult, GateResult

if TYPE_CHECKING:
    import pandas as pd

# Suite, check, kind, attribute, and a number where several gates share these.
_Key = tuple[str, str, str, str | None, int]


@dataclass(frozen=True, eq=False)
class Held:
    """A gate, and the check that it belongs to."""

    check: CheckResult
    gate: GateResult


@dataclass(frozen=True, eq=False)
class Match:
    """A gate on either side, and the rows of both where they can be compared."""

    before: Held | None
    after: Held | None
    paired: Paired | None = None
    not_paired: str = ""


def matches_of(before: AuditReport, after: AuditReport) -> Iterator[Match]:
    """The gates of both, matched; those of the second in its order, then what is gone."""
    old, new = _by_key(before), _by_key(after)
    # A check that could not be measured does not say which attribute a gate compares.
    unmatched = [key for key in old if key not in new]
    pairs: dict[_Key, _Key] = {}
    for key in (key for key in new if key not in old):
        for other in unmatched:
            erred = "error" in (old[other].gate.verdict, new[key].gate.verdict)
            if erred and other[:3] == key[:3] and (other[3] is None) != (key[3] is None):
                pairs[key] = other
                unmatched.remove(other)
                break
    for key, held in new.items():
        yield Match(old.get(pairs.get(key, key)), held)
    for key in unmatched:
        yield Match(old[key], None)


def _by_key(report: AuditReport) -> dict[_Key, Held]:
    """Gates by what they are matched by, in the order of the record."""
    seen: Counter[tuple[str, str, str, str | None]] = Counter()
    found: dict[_Key, Held] = {}
    for check in report.checks:
        for gate in check.gates:
            name = (check.suite, check.id, gate.kind, gate.detail.get("attribute"))
            found[(*name, seen[name])] = Held(check, gate)
            seen[name] += 1
    return found


def with_rows(
    match: Match,
    scores: tuple[pd.DataFrame | None, pd.DataFrame | None],
    margin: float,
) -> Match:
    """The match with the difference on its rows, or the reason why there is none."""
    if match.before is None or match.after is None:
        return match
    then, now = match.before.gate, match.after.gate
    if then.estimate is None or now.estimate is None:
        return match
    for held in (match.before, match.after):
        # A number without a part in the correction is one of a monitor that is not valid.
        if held.gate.p_value is not None and held.gate.q_value is None:
            why = "the monitor is not valid in one of the audits, so its rows say nothing"
            return Match(match.before, match.after, not_paired=why)
    try:
        paired = paired_change(
            Side(match.before.check, scores[0]),
            Side(match.after.check, scores[1]),
            now,
            margin=margin,
            confidence=max(then.estimate.confidence, now.estimate.confidence),
        )
    except NotPairedError as missing:
        return Match(match.before, match.after, not_paired=str(missing))
    return Match(match.before, match.after, paired=paired)
