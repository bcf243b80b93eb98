"""What is known from an earlier record, in words, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: the states are the record's own.
"""

from __future__ import annotations

from collections import Counter

from reports.record import AuditReport, BaselineState
from reports.views.check import CheckView
from reports.views.features import short

STATE_WORDS: dict[BaselineState, str] = {
    "new": "new",
    "updated": "got worse",
    "unchanged": "known",
}


def check_state(view: CheckView) -> BaselineState | None:
    """How the flag that decided stands against the baseline; None where nothing gates by it."""
    line = view.headline
    if line is None or line.verdict != "flag" or line.excuse:
        return None
    return line.gate.baseline_state


def baseline_sentence(report: AuditReport) -> str | None:
    """`held against `organism:liar`: 1 flag is new, 2 known`; None without a baseline."""
    known = report.baseline
    if known is None:
        return None
    gates = [gate for check in report.checks for gate in check.gates if gate.verdict == "flag"]
    counts = Counter(gate.baseline_state for gate in gates)
    said = [f"{counts[state]} {word}" for state, word in STATE_WORDS.items() if counts[state]]
    gone = [f"{len(known.absent)} no more"] if known.absent else []
    made = f" of {short(known.created, 40)}" if known.created else ""
    return (
        f"Flags held against the baseline `{short(known.model)}`{made}: "
        f"{', '.join([*said, *gone]) or 'there is none in either'}"
    )
