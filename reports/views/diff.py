"""A comparison in words and figures, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: the statuses are the record's own.
"""

from __future__ import annotations

from reports.diff import STATUSES, GateDiff, RecordDiff, Status
from reports.parts import Estimate
from reports.record import Verdict
from reports.views.wording import UNKNOWN, estimate_words, figure, gate_words, probability

# What stops a run is in capitals, so that it stands out without colour.
STATUS_WORDS: dict[Status, str] = {
    "worse": "WORSE",
    "not_compared": "not compared",
    "gone": "gone",
    "changed": "changed",
    "new": "new",
    "better": "better",
    "unchanged": "unchanged",
}

EXIT_MEANINGS: dict[int, str] = {
    0: "nothing that gates got worse",
    1: "something that gates got worse",
    6: "nothing could be compared, or what was compared before no longer could be",
}


def diff_summary(diff: RecordDiff) -> str:
    """`1 worse, 3 unchanged`, or that there is no gate at all."""
    counts = [(STATUS_WORDS[status].lower(), diff.count(status)) for status in STATUSES]
    return ", ".join(f"{n} {word}" for word, n in counts if n) or "no gate in either audit"


def gate_title(gate: GateDiff) -> str:
    """`disparity of group`."""
    title = gate_words(gate.kind).title
    return f"{title} of {gate.attribute}" if gate.attribute else title


def paired_words(gate: GateDiff) -> tuple[str, ...]:
    """`+0.31 [0.24, 0.39]`, and the corrected p-value of the direction it points in."""
    if gate.paired is None:
        return (UNKNOWN,)
    difference = gate.paired.difference
    q = gate.paired.q_worse if difference.value >= 0 else gate.paired.q_better
    return estimate_words(difference, signed=True), f"q = {probability(q)}"


def reason_words(gate: GateDiff) -> str:
    """Why it has its status, and whether the exit code heeds it."""
    known = "" if gate.gates else "; it does not gate (suppressed, or below --fail-on)"
    return f"{gate.reason}{known}"


def found_words(verdict: Verdict | None, estimate: Estimate | None, limit: float | None) -> str:
    """`flag, 0.96 [0.90, 0.99], limit 0.20`, or what there is of it."""
    if verdict is None:
        return "not there"
    found = "not measured" if estimate is None else estimate_words(estimate)
    return f"{verdict}, {found}" + ("" if limit is None else f", limit {figure(limit)}")


def unpaired_lines(diff: RecordDiff) -> list[str]:
    """Why there is no difference on the same rows, once for all gates that it holds of."""
    why: dict[str, list[str]] = {}
    for gate in diff.gates:
        if gate.not_paired:
            why.setdefault(gate.not_paired, []).append(f"{gate.suite}/{gate.check}")
    return [
        f"{reason} ({', '.join(dict.fromkeys(names))})" for reason, names in sorted(why.items())
    ]
