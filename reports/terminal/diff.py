"""A comparison on a terminal of 80 columns. Data is never markup here and never an order."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.diff import GateDiff, RecordDiff, Status
from reports.terminal.words import inert, print_lines
from reports.views.diff import (
    became,
    diff_summary,
    gate_title,
    paired_words,
    reason_words,
    unpaired_lines,
)
from reports.views.wording import UNKNOWN, estimate_words

_STYLES: dict[Status, str] = {
    "worse": "bold red",
    "not_compared": "magenta",
    "gone": "magenta",
    "changed": "yellow",
    "new": "cyan",
    "better": "green",
    "unchanged": "dim",
}


def print_diff(diff: RecordDiff, console: Console) -> None:
    """Print what became of each gate, the reasons, and what makes the comparison unfair."""
    before, after = inert(diff.before.model, 60), inert(diff.after.model, 60)
    console.print(
        Text(f"{before} -> {after}", "bold").append(f"  {diff_summary(diff)}", "not bold")
    )
    if diff.gates:
        console.print()
        console.print(_table(diff))
    told = [gate for gate in diff.gates if gate.status != "unchanged"]
    print_lines(console, "What changed", [(_word(gate), _told(gate)) for gate in told])
    print_lines(
        console,
        "Not compared row by row",
        [(Text("-"), Text(inert(line, 400))) for line in unpaired_lines(diff)],
    )
    lines = [
        (
            Text("-"),
            Text(
                inert(
                    f"{caveat.where}: {caveat.sentence}" if caveat.where else caveat.sentence, 400
                )
            ),
        )
        for caveat in diff.caveats
    ]
    print_lines(console, "Not alike besides the weights", lines)


def _table(diff: RecordDiff) -> Table:
    """An entry for each gate: before on the first line, after on the second."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column("status", min_width=9, max_width=9)
    shown.add_column("check\nof suite\ngate", overflow="fold")
    shown.add_column("before\nafter", no_wrap=True)
    shown.add_column("found", overflow="fold", min_width=19)
    shown.add_column("same rows", overflow="fold", min_width=18)
    for gate in diff.gates:
        name = Text(inert(gate.check, 60))
        name.append(f"\n{inert(gate.suite, 60)}\n{inert(gate_title(gate), 60)}", "dim")
        shown.add_row(
            _word(gate),
            name,
            Text(f"{gate.verdict_before or UNKNOWN}\n{gate.verdict_after or UNKNOWN}"),
            Text("\n".join(map(estimate_words, (gate.estimate_before, gate.estimate_after)))),
            Text("\n".join(paired_words(gate))),
        )
    return shown


def _word(gate: GateDiff) -> Text:
    shown = became(gate)
    return Text(shown.word, _STYLES[shown.tone])


def _told(gate: GateDiff) -> Text:
    line = Text(inert(f"{gate.suite}/{gate.check}", 120), "bold")
    why = inert(f"{gate_title(gate)}: {reason_words(gate)}", 600)
    return line.append(f", {why}", "not bold")
