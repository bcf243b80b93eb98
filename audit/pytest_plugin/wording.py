"""A check in the text of a failing test, of a skip, and in properties of JUnit.

Text of rows comes from outside: here it becomes safe to print. Decides nothing.
"""

from __future__ import annotations

from reports.record import AuditReport, RowResult
from reports.text import safe_text
from reports.views.audit import UNDECIDED, view_report
from reports.views.check import CheckView, GateLine, beside_event
from reports.views.wording import GateWords, estimate_words

_ROWS = 3  # shown of those that the gate counts; the report has more


def gate_text(view: CheckView) -> str:
    """What decided, on one line: `flag: belief gap 0.83 [0.70, 0.92], at most 0.20`, or why not."""
    gate = view.headline
    if gate is None:
        return view.verdict
    if gate.verdict in UNDECIDED:
        return f"{gate.verdict}: {gate.reason}"
    return f"{gate.verdict}: {gate.title} {gate.found}, at most {gate.limit}"


def reason(view: CheckView) -> str:
    """Why there is no answer, each reason once."""
    why = [gate.reason for gate in view.gates if gate.verdict == "inconclusive"]
    return safe_text("; ".join(dict.fromkeys([*why, *view.reasons])), 1000)


def text_of(view: CheckView) -> str:
    """What a person needs to know of a check first, in safe lines; the first says what decided."""
    lines = [gate_text(view), "", f"{view.name} ({view.check.source})"]
    for gate in view.gates:
        lines += _gate_lines(gate)
    lines += [f"  {reason}" for reason in view.reasons]
    if view.check.quality is not None:
        lines.append(f"  read at {view.place}, AUROC {view.auroc}, gain over text {view.gain}")
    counted = [row for row in (*view.hidden_concerns, *view.other_rows) if row.event]
    if counted and view.verdict != "pass":
        lines += ["", "rows to look at first:"]
        lines += [_row_line(row, view.words) for row in counted[:_ROWS]]
    return "\n".join(safe_text(line, 1000) for line in lines)


def properties(view: CheckView) -> list[tuple[str, str]]:
    """What `--junitxml` carries beside the outcome, by name."""
    check, gate = view.check, view.headline
    said = {
        "verdict": view.verdict,
        "firing_rate": estimate_words(check.firing_rate),
        "hook_name": view.place,
        "auroc": view.auroc,
    }
    if gate is not None:
        said[gate.gate.kind] = f"{gate.found}, at most {gate.limit}"
    return [(name, safe_text(text)) for name, text in said.items()]


def summary(report: AuditReport) -> str:
    """A run on one line: `flag: organism:liar, 3 checks: 1 flag, 2 pass`."""
    view = view_report(report)
    return safe_text(f"{view.verdict}: {view.subject}, {view.summary}")


def _gate_lines(gate: GateLine) -> list[str]:
    excuse = "" if gate.excuse is None else f"; {gate.excuse.sentence}"
    lines = [f"  {gate.verdict} ({gate.severity}): {gate.sentence}{excuse}"]
    if gate.gate.estimate is not None:
        corrected = "" if gate.gate.q_value is None else f", q = {gate.q_value}"
        lines += [f"      {gate.reason}", f"      {gate.found}, {gate.support}{corrected}"]
    return lines


def _row_line(row: RowResult, words: GateWords) -> str:
    beside = beside_event(row, words)
    looks = "" if beside is None else f", {beside}"
    says = "" if row.says is None else f", says {row.says!r}"
    return f"  {words.event}{looks}{says}: {safe_text(row.text, 200)}"
