"""A comparison in words and figures, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: the statuses are the record's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reports.diff import STATUSES, GateDiff, RecordDiff, Status
from reports.parts import Estimate
from reports.record import Verdict
from reports.verdicts import WORST_FIRST
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
    0: "nothing that gates got worse, or is new and flags",
    1: "something that gates got worse, or is new and flags",
    6: "nothing could be compared, or what was compared before no longer could be",
}


def place_of(gate: GateDiff) -> tuple[int, int]:
    """Where it is read among others: a new flag that gates follows what got worse."""
    if gate.is_new_flag and gate.gates:
        return STATUSES.index("worse"), 1
    new = gate.verdict_after if gate.status == "new" else None
    return STATUSES.index(gate.status), 0 if new is None else WORST_FIRST.index(new)


@dataclass(frozen=True)
class Became:
    """What became of a gate: in a word, in the sign of its status, and in the tone of another.

    What is new is not good or bad by that: its tone is that of a status as grave as its verdict.
    """

    word: str
    sign: Status
    tone: Status


# What is new, by its verdict: in words of one and of several, and as grave as which status.
_NEW: dict[Verdict | None, tuple[str, str, Status]] = {
    "error": ("new error", "new errors", "not_compared"),
    "flag": ("new flag", "new flags", "worse"),
    "inconclusive": ("new inconclusive", "new inconclusive", "not_compared"),
    "warn": ("new warning", "new warnings", "changed"),
    "pass": ("new pass", "new passes", "new"),
    None: ("new", "new", "new"),
}


def became(gate: GateDiff) -> Became:
    """`WORSE`, `NEW FLAG`, `new pass`; a flag that does not gate is no louder than a change."""
    if gate.status != "new":
        return Became(STATUS_WORDS[gate.status], gate.status, gate.status)
    word, _, tone = _NEW[gate.verdict_after]
    if gate.is_new_flag:
        return Became(word.upper(), "new", tone) if gate.gates else Became(word, "new", "changed")
    return Became(word, "new", tone)


def headline(gates: Sequence[GateDiff]) -> Became:
    """What became of the gate that is read first; nothing at all was not compared."""
    first = min(gates, key=place_of, default=None)
    nothing: Status = "not_compared"
    return Became(STATUS_WORDS[nothing], nothing, nothing) if first is None else became(first)


def diff_summary(diff: RecordDiff) -> str:
    """`1 worse, 1 new flag, 3 new passes`, or that there is no gate at all."""
    told: Counter[tuple[str, str]] = Counter()
    for gate in sorted(diff.gates, key=place_of):
        told[_counted(gate)] += 1
    said = [f"{n} {one if n == 1 else several}" for (one, several), n in told.items()]
    return ", ".join(said) or "no gate in either audit"


def _counted(gate: GateDiff) -> tuple[str, str]:
    """What it is counted as, where it is one and where it is several."""
    if gate.status != "new":
        word = STATUS_WORDS[gate.status].lower()
        return word, word
    one, several, _ = _NEW[gate.verdict_after]
    if gate.is_new_flag and not gate.gates:
        return f"{one} that does not gate", f"{several} that do not gate"
    return one, several


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


def rests_words(gate: GateDiff) -> str:
    """`n = 200 in 100 groups`, or which of its numbers rests on which rows."""
    numbers = (
        ("before", gate.estimate_before),
        ("after", gate.estimate_after),
        ("same rows", gate.paired.difference if gate.paired else None),
    )
    said = [(name, _rows(found)) for name, found in numbers if found is not None]
    if len({rows for _, rows in said}) == 1:
        return said[0][1]
    return ", ".join(f"{name} {rows}" for name, rows in said) or UNKNOWN


def _rows(found: Estimate) -> str:
    return f"n = {found.n}" + ("" if found.n_groups == found.n else f" in {found.n_groups} groups")


def unpaired_lines(diff: RecordDiff) -> list[str]:
    """Why there is no difference on the same rows, once for all gates that it holds of."""
    why: dict[str, list[str]] = {}
    for gate in diff.gates:
        if gate.not_paired:
            why.setdefault(gate.not_paired, []).append(f"{gate.suite}/{gate.check}")
    return [
        f"{reason} ({', '.join(dict.fromkeys(names))})" for reason, names in sorted(why.items())
    ]
