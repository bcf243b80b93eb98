"""A comparison as inert GitHub Markdown: a table, then what makes it less than fair."""

from __future__ import annotations

from collections.abc import Iterator

from reports.diff import Caveat, GateDiff, RecordDiff
from reports.markdown.pieces import COMMENT_LIMIT, Limit, Piece, by_turns, fitted, marker
from reports.markdown.text import code, prose, table, table_row
from reports.parts import Estimate
from reports.record import Verdict
from reports.views.diff import (
    became,
    diff_summary,
    gate_title,
    paired_words,
    place_of,
    reason_words,
    rests_words,
    unpaired_lines,
)
from reports.views.wording import UNKNOWN, estimate_words, figure

# What is kept longest comes first: the gates as they come, then what makes it less than fair.
GATE, CAVEAT, UNPAIRED = range(3)

HEADER = ("Status", "Check", "Gate", "Before", "After", "On the same rows", "Rests on", "Why")


def render_diff_markdown(diff: RecordDiff, *, limit: Limit = COMMENT_LIMIT) -> str:
    """The comparison as Markdown of at most `limit`, what got worse first."""
    return fitted(_pieces(diff), limit, "`audit diff --json` tells all of it")


def _pieces(diff: RecordDiff) -> Iterator[Piece]:
    found_by = marker((gate.suite for gate in diff.gates), "diff")
    tolerated = f" Growth of up to {figure(diff.margin)} is tolerated." if diff.margin else ""
    yield Piece(
        f"{found_by}\n# {code(diff.before.model)} and then {code(diff.after.model)}\n\n"
        f"{diff_summary(diff)}. Exit code {diff.exit_code}.{tolerated}\n"
    )
    if diff.gates:
        yield Piece(f"\n{table(HEADER, [])}\n")
        order = sorted(range(len(diff.gates)), key=lambda i: place_of(diff.gates[i]))
        places = [order.index(index) for index in range(len(order))]
        yield from by_turns(map(_gate, diff.gates), GATE, "gate", places)
    if unpaired := unpaired_lines(diff):
        yield Piece("\n## Not compared row by row\n\n")
        yield from by_turns((f"- {prose(line, 400)}" for line in unpaired), UNPAIRED, "reason")
    if diff.caveats:
        yield Piece("\n## Not alike besides the weights\n\n")
        yield from by_turns(map(_caveat, diff.caveats), CAVEAT, "caveat")


def _gate(gate: GateDiff) -> str:
    word = became(gate).word
    return table_row(
        (
            f"**{word}**" if word.isupper() else word,
            code(f"{gate.suite}/{gate.check}"),
            prose(gate_title(gate), 120),
            _found(gate.verdict_before, gate.estimate_before),
            _found(gate.verdict_after, gate.estimate_after),
            ", ".join(paired_words(gate)),
            rests_words(gate),
            prose(reason_words(gate), 300),
        )
    )


def _caveat(caveat: Caveat) -> str:
    return f"- {f'{code(caveat.where)}: ' if caveat.where else ''}{prose(caveat.sentence, 400)}"


def _found(verdict: Verdict | None, estimate: Estimate | None) -> str:
    if verdict is None:
        return UNKNOWN
    value = "" if estimate is None else f" {estimate_words(estimate)}"
    return f"{verdict}{value}"
