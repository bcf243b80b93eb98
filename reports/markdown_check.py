"""One check as a folded section of the Markdown report. Knows the view, decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from reports.check_view import Cell, CheckView, FourCells, LayerLine
from reports.markdown_text import code, fence, html_code, prose, table
from reports.record import RowResult, Verdict
from reports.text import safe_lines, safe_text

SIGNS: dict[Verdict, str] = {
    "pass": "✅",
    "warn": "⚠️",
    "flag": "❌",
    "inconclusive": "❔",
    "error": "⛔",
}

TEXT_WIDTH = 96
TEXT_LIMIT = 600
BAR = 20


def signed(verdict: Verdict, *, suppressed: bool = False) -> str:
    """The verdict as a sign and a word: neither colour nor emoji is needed to read it."""
    return f"{SIGNS[verdict]} **{verdict}**{' (suppressed)' if suppressed else ''}"


def check_opening(view: CheckView) -> str:
    """The line that is seen when the section is folded, and the way in."""
    found = f": {view.headline.found}, limit {view.headline.limit}" if view.headline else ""
    sign = f"{SIGNS[view.verdict]} <b>{view.verdict}</b>"
    return f"<details>\n<summary>{sign} {html_code(view.name)}{found}</summary>\n"


def check_body(view: CheckView) -> str:
    """Everything about one check but its rows."""
    return "\n\n".join(_paragraphs(view)) + "\n"


def _paragraphs(view: CheckView) -> Iterator[str]:
    check = view.check
    yield f"Looks for: {prose(check.concept)}"
    if check.description:
        yield f"About: {prose(check.description)}"
    if view.suppressed:
        yield f"**Known**: {prose(view.suppressed)}"
    if check.reasons:
        yield "\n".join(f"- {prose(reason)}" for reason in check.reasons)
    if view.gates:
        yield f"#### Gates\n\n{_gates(view)}"
    if view.four_fields:
        yield f"#### Firing and behaviour\n\n{_four_fields(view.four_fields)}"
    if view.quality:
        yield f"#### The monitor, not the model\n\n{_instrument(view)}"
    if view.layers:
        yield f"#### Where it was read\n\n{_layers(view.layers)}"
    yield f"#### What it rests on\n\n{_grounds(view)}"


def _gates(view: CheckView) -> str:
    header = ("Verdict", "Gate", "Severity", "Found", "Limit", "q", "Rests on", "Why")
    rows = [
        (
            signed(gate.verdict),
            prose(gate.title),
            gate.severity,
            gate.found,
            gate.limit,
            gate.corrected,
            prose(gate.support),
            "; ".join([prose(gate.reason), *(f"{prose(k)}: {code(v)}" for k, v in gate.detail)]),
        )
        for gate in view.gates
    ]
    return table(header, rows)


def _four_fields(cells: FourCells) -> str:
    return table(
        ("Audit rows", "looks fine", "misbehaves"),
        [
            (
                "**fires**",
                f"**{_said(cells.fires_and_looks_fine)}**",
                _said(cells.fires_and_misbehaves),
            ),
            ("does not fire", _said(cells.neither), _said(cells.misbehaves_without_firing)),
        ],
    )


def _said(cell: Cell) -> str:
    return f"{cell.figure} {cell.meaning}"


def _instrument(view: CheckView) -> str:
    figures = table(
        ("How good the instrument is", "", "Rests on"),
        [(line.name, line.figure, prose(line.note)) for line in view.quality],
    )
    baselines = table(
        ("What simpler things reach", "AUROC", "How"),
        [(line.name, line.figure, prose(line.note)) for line in view.baselines],
    )
    return f"{figures}\n\n{baselines}" if view.baselines else figures


def _layers(layers: tuple[LayerLine, ...]) -> str:
    lines = [
        f"{'->' if layer.chosen else '  '} {'█' * round(BAR * layer.height):<{BAR}} "
        f"{layer.figure}  {safe_text(layer.place, 80)}"
        for layer in layers
    ]
    opening, closing = fence(lines)
    intro = "AUROC by grouped cross-validation on the train role; the arrow marks the chosen place."
    return "\n".join([intro, "", opening, *lines, closing])


def _grounds(view: CheckView) -> str:
    check = view.check
    facts = [f"- Monitor: {prose(check.monitor)}, at {code(view.place)}"]
    if view.threshold:
        facts.append(f"- Threshold: {prose(view.threshold)}")
    if check.threshold:
        facts.append(f"- Controls: {code(check.threshold.controls_digest)}")
    if check.source:
        facts.append(f"- Written in {code(check.source)}")
    facts += [f"- {prose('Note: ' + note)}" for note in check.notes]
    roles = table(
        ("Role", "Rows", "Groups", "Positive", "Negative", ""),
        [
            (prose(name), *map(str, (n.rows, n.groups, n.positive, n.negative)), meaning)
            for name, meaning, n in view.roles
        ],
    )
    return "\n".join(facts) + (f"\n\n{roles}" if view.roles else "")


def row_lines(rank: int, row: RowResult) -> list[str]:
    """One row for a fenced block. Each line begins with something of ours.

    So no line of a row can close the fence or give the CI log an order.
    """
    facts = [f"score {row.score:.4g}", "fires" if row.fires else "does not fire"]
    if row.says is not None:
        facts.append(f"says {safe_text(repr(row.says), 60)}")
    if row.misbehaves is not None:
        facts.append("misbehaves" if row.misbehaves else "looks fine")
    if row.label is not None:
        facts.append(f"label {row.label}")
    facts += [f"group {safe_text(row.group, 40)}", f"row {safe_text(row.id, 40)}"]
    facts += [f"{safe_text(k, 40)} {safe_text(str(v), 40)}" for k, v in row.attributes.items()]
    text = safe_lines(row.text, TEXT_WIDTH, TEXT_LIMIT)
    return [f"{rank:>3}. {'  '.join(facts)}", *(f"     | {line}" for line in text)]
