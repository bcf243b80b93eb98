"""One check as a folded section of the Markdown report. Knows the view, decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from reports.markdown.curves import scores_paragraphs, token_line
from reports.markdown.features import features_of_check
from reports.markdown.text import code, fence, html_code, prose, table
from reports.record import BaselineState, RowResult, Verdict
from reports.text import safe_lines, safe_text
from reports.views.check import CheckView, Field, FourFieldTable, beside_event
from reports.views.instrument import Instrument, LayerLine
from reports.views.known import STATE_WORDS, check_state
from reports.views.standing import Excuse
from reports.views.wording import UNKNOWN, GateWords

SIGNS: dict[Verdict, str] = {
    "pass": "✅",
    "warn": "⚠️",
    "flag": "❌",
    "inconclusive": "❔",
    "error": "⛔",
}

TEXT_WIDTH = 96
TEXT_LIMIT = 600
BAR_WIDTH = 20


def verdict_words(
    verdict: Verdict, excuse: Excuse | None = None, state: BaselineState | None = None
) -> str:
    """The verdict as a sign and a word, so that it is read without colour and in raw text.

    A flag says how it stands: why it does not gate, or against the baseline.
    """
    word = excuse.word if excuse else STATE_WORDS[state] if state and verdict == "flag" else ""
    return f"{SIGNS[verdict]} **{verdict}**{f' ({word})' if word else ''}"


def check_words(view: CheckView) -> str:
    """The verdict of a check, and what else it found that does not gate."""
    also = f"; also {', '.join(view.beside)}" if view.beside else ""
    return f"{verdict_words(view.verdict, view.excuse, check_state(view))}{also}"


def check_opening(view: CheckView) -> str:
    """The way into the section, and the line that is seen while it is folded."""
    mark = f" ({view.excuse.word})" if view.excuse else ""
    verdict = f"{SIGNS[view.verdict]} <b>{view.verdict}</b>{mark}"
    gate = view.headline
    found = f": {gate.found}, limit {gate.limit}" if gate and gate.found != UNKNOWN else ""
    return f"<details>\n<summary>{verdict} {html_code(view.name)}{found}</summary>\n"


def check_body(view: CheckView) -> str:
    """Everything about one check but its rows."""
    return "\n\n".join(_paragraphs(view)) + "\n"


def row_lines(rank: int, row: RowResult, words: GateWords) -> str:
    """One row, for a fenced block.

    Each line begins with something of ours, so none can close the fence or give an order to
    the CI log.
    """
    facts = [f"{rank:>3}.", f"score {row.score:.4g},", words.event if row.event else words.no_event]
    if row.says is not None:
        facts.append(f"| says {safe_text(repr(row.says), 60)}")
    if (beside := beside_event(row, words)) is not None:
        facts.append(f"| {beside}")
    if row.label is not None:
        facts.append(f"| label {row.label}")
    facts.append(f"| row {safe_text(row.id, 60)} of group {safe_text(row.group, 60)}")
    about = ", ".join(f"{key} = {value}" for key, value in row.attributes.items())
    lines = [f"     | {line}" for line in safe_lines(row.text, TEXT_WIDTH, TEXT_LIMIT)]
    if row.tokens:
        lines.append(f"     ({token_line(row.tokens)})")
    if about:
        lines.append(f"     ({safe_text(about, TEXT_WIDTH)})")
    return "\n".join([" ".join(facts), *lines])


def _paragraphs(view: CheckView) -> Iterator[str]:
    check = view.check
    about = f": {prose(check.description)}" if check.description else ""
    yield f"Looks for {code(check.concept)}{about}"
    if view.suppression:
        yield f"Known: {prose(view.suppression.sentence)}"
    elif view.excuse:
        yield f"It does not gate: {prose(view.excuse.sentence)}"
    if view.reasons:
        yield "\n".join(f"- {prose(reason)}" for reason in view.reasons)
    if view.gates:
        yield f"#### Gates\n\n{_gates(view)}"
    if view.four_fields:
        yield f"#### Firing and behaviour\n\n{_four_fields(view.four_fields, view.reads)}"
    if view.instrument.quality:
        yield f"#### How good the monitor is\n\n{_quality(view.instrument)}"
    if scores := list(scores_paragraphs(check)):
        yield "\n\n".join(["#### Scores and threshold", *scores])
    if view.instrument.layers:
        yield f"#### Where it was read\n\n{_layers(view.instrument.layers)}"
    yield from features_of_check(check, level=4)
    yield f"#### What it rests on\n\n{_grounds(view)}"


def _gates(view: CheckView) -> str:
    rows = [
        (
            verdict_words(gate.verdict, gate.excuse, gate.gate.baseline_state),
            prose(gate.title),
            gate.severity,
            gate.found,
            gate.limit,
            gate.q_value,
            prose("; ".join([gate.reason, *(f"{key}: {value}" for key, value in gate.detail)])),
            prose(gate.support),
        )
        for gate in view.gates
    ]
    header = ("Verdict", "Gate", "Severity", ">Found", ">Limit", ">q", "Why", "Rests on")
    return table(header, rows)


def _four_fields(cells: FourFieldTable, words: GateWords) -> str:
    concern, known = _said(cells.fires_and_looks_fine), _said(cells.fires_and_misbehaves)
    neither, blind = _said(cells.neither), _said(cells.misbehaves_without_firing)
    return table(
        ("Audit rows", "Looks fine", "Misbehaves"),
        [(f"**{words.event}**", f"**{concern}**", known), (words.no_event, neither, blind)],
    )


def _said(field: Field) -> str:
    return f"{field.figure} {field.meaning}"


def _quality(instrument: Instrument) -> str:
    figures = [(line.name, line.figure, prose(line.note)) for line in instrument.quality]
    simpler = [(line.name, line.figure, prose(line.note)) for line in instrument.baselines]
    return "\n".join(
        [
            "This judges the instrument, not the model; on the validation rows.\n",
            table(("Monitor", ">Value", "Rests on"), figures),
            *(["", table(("Something simpler", ">AUROC", "How"), simpler)] if simpler else []),
        ]
    )


def _layers(layers: tuple[LayerLine, ...]) -> str:
    lines = [
        f"{'->' if layer.chosen else '  '} {'█' * round(BAR_WIDTH * layer.height):<{BAR_WIDTH}} "
        f"{layer.figure}  {safe_text(layer.place, 80)}"
        for layer in layers
    ]
    opening, closing = fence(lines)
    how = "AUROC by grouped cross-validation on the train role; the arrow marks the chosen place."
    return "\n".join([how, "", opening, *lines, closing])


def _grounds(view: CheckView) -> str:
    check, instrument = view.check, view.instrument
    place = f", at {code(view.place)}" if check.hook_name else ""
    facts = [f"- Monitor: {prose(check.monitor)}{place}"]
    if instrument.threshold:
        facts.append(f"- Threshold: {prose(instrument.threshold)}")
    if check.threshold:
        facts.append(f"- Controls: {code(check.threshold.controls_digest)}")
    if check.source:
        facts.append(f"- Written in {code(check.source)}")
    facts += [f"- Note: {prose(note)}" for note in check.notes]
    roles = [
        (
            prose(role.name),
            *(str(n) for n in (role.count.rows, role.count.groups)),
            *(str(n) for n in (role.count.positive, role.count.negative)),
            role.purpose,
        )
        for role in instrument.roles
    ]
    header = ("Role", ">Rows", ">Groups", ">Positive", ">Negative", "Purpose")
    return "\n".join([*facts, *(["", table(header, roles)] if roles else [])])
