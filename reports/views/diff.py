"""A comparison for people: on a terminal of 80 columns, and as inert Markdown.

Data is never markup here and never an order. Nothing is decided: the statuses are the
record's own.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.diff import STATUSES, GateDiff, RecordDiff, Status
from reports.markdown.text import code, prose, table
from reports.record import Estimate, Verdict
from reports.text import safe_text
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
_STYLES: dict[Status, str] = {
    "worse": "bold red",
    "not_compared": "magenta",
    "gone": "magenta",
    "changed": "yellow",
    "new": "cyan",
    "better": "green",
    "unchanged": "dim",
}


def diff_summary(diff: RecordDiff) -> str:
    """`1 worse, 3 unchanged`, or that there is no gate at all."""
    counts = [(STATUS_WORDS[status].lower(), diff.count(status)) for status in STATUSES]
    return ", ".join(f"{n} {word}" for word, n in counts if n) or "no gate in either audit"


def print_diff(diff: RecordDiff, console: Console) -> None:
    """Print what became of each gate, the reasons, and what makes the comparison unfair."""
    before, after = safe_text(diff.before.model, 60), safe_text(diff.after.model, 60)
    console.print(
        Text(f"{before} -> {after}", "bold").append(f"  {diff_summary(diff)}", "not bold")
    )
    if diff.gates:
        console.print()
        console.print(_table(diff))
    told = [gate for gate in diff.gates if gate.status != "unchanged"]
    _print_lines(console, "What changed", [(_word(gate), _told(gate)) for gate in told])
    _print_lines(
        console,
        "Not compared row by row",
        [(Text("-"), Text(safe_text(line, 400))) for line in _unpaired(diff)],
    )
    lines = [
        (
            Text("-"),
            Text(
                safe_text(
                    f"{caveat.where}: {caveat.sentence}" if caveat.where else caveat.sentence, 400
                )
            ),
        )
        for caveat in diff.caveats
    ]
    _print_lines(console, "Not alike besides the weights", lines)


def _table(diff: RecordDiff) -> Table:
    """An entry for each gate: before on the first line, after on the second."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column("status", min_width=9, max_width=9)
    shown.add_column("check\nof suite\ngate", overflow="fold")
    shown.add_column("before\nafter", no_wrap=True)
    shown.add_column("found", overflow="fold", min_width=19)
    shown.add_column("same rows", overflow="fold", min_width=18)
    for gate in diff.gates:
        name = Text(safe_text(gate.check, 60))
        name.append(f"\n{safe_text(gate.suite, 60)}\n{safe_text(_title(gate), 60)}", "dim")
        shown.add_row(
            _word(gate),
            name,
            Text(f"{gate.verdict_before or UNKNOWN}\n{gate.verdict_after or UNKNOWN}"),
            Text("\n".join(map(estimate_words, (gate.estimate_before, gate.estimate_after)))),
            Text("\n".join(_paired(gate))),
        )
    return shown


def _word(gate: GateDiff) -> Text:
    return Text(STATUS_WORDS[gate.status], _STYLES[gate.status])


def _title(gate: GateDiff) -> str:
    title = gate_words(gate.kind).title
    return f"{title} of {gate.attribute}" if gate.attribute else title


def _found(verdict: Verdict | None, estimate: Estimate | None) -> str:
    if verdict is None:
        return UNKNOWN
    value = "" if estimate is None else f" {estimate_words(estimate)}"
    return f"{verdict}{value}"


def _paired(gate: GateDiff) -> tuple[str, ...]:
    """`+0.31 [0.24, 0.39]`, and the corrected p-value of the direction it points in."""
    if gate.paired is None:
        return (UNKNOWN,)
    difference = gate.paired.difference
    q = gate.paired.q_worse if difference.value >= 0 else gate.paired.q_better
    return estimate_words(difference, signed=True), f"q = {probability(q)}"


def _told(gate: GateDiff) -> Text:
    line = Text(safe_text(f"{gate.suite}/{gate.check}", 120), "bold")
    return line.append(f", {safe_text(_sentence(gate), 600)}", "not bold")


def _sentence(gate: GateDiff) -> str:
    known = "" if gate.gates else "; it does not gate (suppressed, or below --fail-on)"
    return f"{_title(gate)}: {gate.reason}{known}"


def _unpaired(diff: RecordDiff) -> list[str]:
    """Why there is no difference on the same rows, once for all gates that it holds of."""
    why: dict[str, list[str]] = {}
    for gate in diff.gates:
        if gate.not_paired:
            why.setdefault(gate.not_paired, []).append(f"{gate.suite}/{gate.check}")
    return [
        f"{reason} ({', '.join(dict.fromkeys(names))})" for reason, names in sorted(why.items())
    ]


def _print_lines(console: Console, title: str, lines: list[tuple[Text, Text]]) -> None:
    if not lines:
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for first, second in lines:
        grid.add_row(first, second)
    console.print()
    console.print(Text(title, "bold"))
    console.print(grid)


def render_diff_markdown(diff: RecordDiff) -> str:
    """The comparison as GitHub Markdown: a table, then what makes it less than fair."""
    rows = [
        (
            f"**{STATUS_WORDS[gate.status]}**"
            if gate.status == "worse"
            else STATUS_WORDS[gate.status],
            code(f"{gate.suite}/{gate.check}"),
            prose(_title(gate), 120),
            _found(gate.verdict_before, gate.estimate_before),
            _found(gate.verdict_after, gate.estimate_after),
            ", ".join(_paired(gate)),
            prose(_sentence(gate).partition(": ")[2], 300),
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
    if unpaired := _unpaired(diff):
        lines = [f"- {prose(line, 400)}" for line in unpaired]
        parts += ["## Not compared row by row", "\n".join(lines)]
    if diff.caveats:
        lines = [
            f"- {f'{code(caveat.where)}: ' if caveat.where else ''}{prose(caveat.sentence, 400)}"
            for caveat in diff.caveats
        ]
        parts += ["## Not alike besides the weights", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"
