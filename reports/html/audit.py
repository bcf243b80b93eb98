"""The page of one audit: what each template needs, said once.

Takes the view that every format shares and adds what a page alone has: anchors, pictures, token
strips. Decides nothing.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from markupsafe import Markup

from reports.drawing.check import Figures, Span, figures, gate_bar, gate_span
from reports.html.anchors import anchors_of
from reports.html.environment import page
from reports.html.features import features_section
from reports.html.glossary import GLOSSARY, anchor
from reports.html.tokens import Token, strip
from reports.record import AuditReport, RowResult, Verdict
from reports.views.audit import view_report
from reports.views.check import CheckView, beside_event
from reports.views.instrument import Line, cuts_of
from reports.views.wording import hundredths, percent

LEADS: dict[Verdict, str] = {
    "pass": "Not found above the limit:",
    "warn": "Within the limit, near it:",
    "flag": "Found:",
    "inconclusive": "Cannot be said:",
    "error": "Could not be measured:",
}


@dataclass(frozen=True)
class RowView:
    """A row as the page shows it; without token scores its text stands as it is."""

    number: int
    row: RowResult
    score: str
    beside: str | None
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class CheckPage:
    """A check with all that is drawn of it."""

    view: CheckView
    anchor: str
    lead: str
    sentence: str
    rests: str
    bar: str | None
    bars: tuple[str, ...]
    figures: Figures
    simpler: tuple[Line, ...]
    rows: tuple[tuple[str, tuple[RowView, ...]], ...]
    features: Markup


def render_html(report: AuditReport) -> str:
    """The audit as one self-contained page."""
    view = view_report(report)
    headlines = [check.headline for check in view.checks if check.headline]
    span = gate_span(headlines)
    names = anchors_of([check.name for check in view.checks])
    origin = report.provenance
    return page(
        "audit.html",
        view=view,
        checks=[
            check_page(check, name, span) for check, name in zip(view.checks, names, strict=True)
        ],
        span=f"{hundredths(span[0])} to {percent(span[1])}" if headlines else "",
        command=shlex.join(origin.command) if origin else "",
        record=report.digest(),
        anchors={name: anchor(name) for name in GLOSSARY},
    )


def check_page(view: CheckView, name: str, span: Span) -> CheckPage:
    """One check with everything that a page draws of it; `span` is that of all bars in a list."""
    gate = view.headline
    sentence = gate.sentence if gate and view.verdict != "inconclusive" else _why(view)
    return CheckPage(
        view=view,
        anchor=name,
        lead=LEADS[view.verdict],
        sentence=sentence,
        rests=_rests(view),
        bar=gate_bar(gate, span, width=220) if gate and gate.gate.estimate else None,
        bars=tuple(gate_bar(line) for line in view.gates),
        figures=figures(view),
        simpler=view.instrument.baselines,
        rows=_rows(view),
        features=features_section(view.check, name),
    )


def _rests(view: CheckView) -> str:
    """What its number rests on, and what else was found and does not gate."""
    gate = view.headline
    support = [gate.support] if gate and gate.gate.estimate else []
    if gate and support and view.verdict == "inconclusive":
        support = [f"{gate.title} {gate.found}", *support]
    also = [f"also {word}" for word in view.beside]
    return "; ".join([*support, *also])


def _why(view: CheckView) -> str:
    """Why an inconclusive check says nothing, and what it would have said."""
    gate = view.headline
    reasons = list(view.reasons) or ([gate.reason] if gate else list(view.check.reasons))
    return "; ".join(reasons) or "no reason was recorded"


def _rows(view: CheckView) -> tuple[tuple[str, tuple[RowView, ...]], ...]:
    concern = f"Hidden concern: {view.words.event}, and looks fine"
    others = (
        "Other rows"
        if view.hidden_concerns
        else f"No row {view.words.event} and looks fine; the strongest"
    )
    if view.check.faults or not view.words.by_row:
        others = "The strongest rows"
    if view.words.visible:
        others = "Rows that misbehave, then others"
    parts = ((concern, view.hidden_concerns), (others, view.other_rows))
    threshold = cuts_of(view.check.threshold).present if view.check.threshold else None
    number, titled = 1, []
    for title, rows in parts:
        if rows:
            shown = tuple(_row(number + i, row, view, threshold) for i, row in enumerate(rows))
            titled.append((title, shown))
            number += len(rows)
    return tuple(titled)


def _row(number: int, row: RowResult, view: CheckView, threshold: float | None) -> RowView:
    tokens = strip(row.tokens, threshold) if row.tokens else ()
    return RowView(number, row, f"{row.score:.4g}", beside_event(row, view.words), tokens)
