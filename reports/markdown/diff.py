"""A comparison as inert GitHub Markdown: a table, then what makes it less than fair."""

from __future__ import annotations

from reports.diff import RecordDiff
from reports.markdown.text import code, prose, table
from reports.parts import Estimate
from reports.record import Verdict
from reports.views.diff import (
    STATUS_WORDS,
    diff_summary,
    gate_title,
    paired_words,
    reason_words,
    unpaired_lines,
)
from reports.views.wording import UNKNOWN, estimate_words, figure


def render_diff_markdown(diff: RecordDiff) -> str:
    """The comparison as GitHub Markdown: a table, then what makes it less than fair."""
    rows = [
        (
            f"**{STATUS_WORDS[gate.status]}**"
            if gate.status == "worse"
            else STATUS_WORDS[gate.status],
            code(f"{gate.suite}/{gate.check}"),
            prose(gate_title(gate), 120),
            _found(gate.verdict_before, gate.estimate_before),
            _found(gate.verdict_after, gate.estimate_after),
            ", ".join(paired_words(gate)),
            prose(reason_words(gate), 300),
        )
        for gate in diff.gates
    ]
    header = ("Status", "Check", "Gate", "Before", "After", "On the same rows", "Why")
    parts = [
        f"# {code(diff.before.model)} and then {code(diff.after.model)}",
        f"{diff_summary(diff)}. Exit code {diff.exit_code}."
        + (f" Growth of up to {figure(diff.margin)} is tolerated." if diff.margin else ""),
    ]
    if rows:
        parts.append(table(header, rows))
    if unpaired := unpaired_lines(diff):
        lines = [f"- {prose(line, 400)}" for line in unpaired]
        parts += ["## Not compared row by row", "\n".join(lines)]
    if diff.caveats:
        lines = [
            f"- {f'{code(caveat.where)}: ' if caveat.where else ''}{prose(caveat.sentence, 400)}"
            for caveat in diff.caveats
        ]
        parts += ["## Not alike besides the weights", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _found(verdict: Verdict | None, estimate: Estimate | None) -> str:
    if verdict is None:
        return UNKNOWN
    value = "" if estimate is None else f" {estimate_words(estimate)}"
    return f"{verdict}{value}"
