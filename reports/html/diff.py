"""The page of a comparison: what got worse first, then why, then each gate in pictures.

Says what the comparison's record says, with the two audits beside it. Decides nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from reports.diff import STATUSES, DiffSide, GateDiff, RecordDiff
from reports.drawing.diff import gate_change, paired_change, score_change
from reports.html.anchors import anchors_of
from reports.html.environment import page
from reports.html.glossary import GLOSSARY, anchor
from reports.html.sentences import coded
from reports.record import AuditReport, CheckResult
from reports.views.diff import (
    EXIT_MEANINGS,
    STATUS_WORDS,
    Became,
    became,
    diff_summary,
    found_words,
    gate_title,
    headline,
    paired_words,
    place_of,
    reason_words,
    rests_words,
    unpaired_lines,
)
from reports.views.wording import figure, support_words


@dataclass(frozen=True)
class GatePage:
    """One gate before and after, in words and in pictures."""

    gate: GateDiff
    became: Became
    title: str
    reason: Markup
    before: str
    after: str
    rows: str
    rests: tuple[tuple[str, str], ...]
    paired: tuple[str, ...]
    drawn: str | None
    small: str | None
    change: str | None


@dataclass(frozen=True)
class CheckPage:
    """One check with its gates, and the scores of its audit rows."""

    name: str
    anchor: str
    concept: str
    description: str
    became: Became
    gates: tuple[GatePage, ...]
    scores: str | None


@dataclass(frozen=True)
class SidePage:
    """One of the two runs."""

    role: str
    side: DiffSide
    report: AuditReport
    command: str
    suites: str
    made: str


def render_diff_html(diff: RecordDiff, before: AuditReport, after: AuditReport) -> str:
    """The comparison of two audits as one self-contained page."""
    checks = list(_checks(diff, before, after))
    changed = [(check, gate) for check in checks for gate in check.gates]
    changed.sort(key=lambda pair: place_of(pair[1].gate))
    return page(
        "diff.html",
        diff=diff,
        first=headline(diff.gates),
        words=STATUS_WORDS,
        statuses=STATUSES,
        summary=diff_summary(diff),
        meaning=EXIT_MEANINGS.get(diff.exit_code, ""),
        margin=figure(diff.margin) if diff.margin else "",
        checks=checks,
        changed=[pair for pair in changed if pair[1].gate.status != "unchanged"],
        unchanged=[pair for pair in changed if pair[1].gate.status == "unchanged"],
        caveats=[(caveat.where, coded(caveat.sentence)) for caveat in diff.caveats],
        unpaired=[coded(line) for line in unpaired_lines(diff)],
        sides=[_side("before", diff.before, before), _side("after", diff.after, after)],
        anchors={name: anchor(name) for name in GLOSSARY},
    )


def _checks(diff: RecordDiff, before: AuditReport, after: AuditReport) -> Iterator[CheckPage]:
    """Checks in the order of their worst gate."""
    gates = sorted(diff.gates, key=place_of)
    keys = list(dict.fromkeys((gate.suite, gate.check) for gate in gates))
    old, new = _by_name(before), _by_name(after)
    for key, name in zip(keys, anchors_of(["/".join(key) for key in keys]), strict=True):
        mine = [gate for gate in gates if (gate.suite, gate.check) == key]
        then, now = old.get(key), new.get(key)
        known = now or then
        yield CheckPage(
            name="/".join(key),
            anchor=name,
            concept=known.concept if known else "",
            description=known.description if known else "",
            became=headline(mine),
            gates=tuple(_gate(gate, diff.margin) for gate in mine),
            scores=score_change(then, now) if then and now else None,
        )


def _by_name(report: AuditReport) -> dict[tuple[str, str], CheckResult]:
    return {(check.suite, check.id): check for check in report.checks}


def _gate(gate: GateDiff, margin: float) -> GatePage:
    sides = (("before", gate.estimate_before), ("after", gate.estimate_after))
    paired = [("same rows", gate.paired.difference)] if gate.paired else []
    return GatePage(
        gate=gate,
        became=became(gate),
        title=gate_title(gate),
        reason=coded(reason_words(gate)),
        before=found_words(gate.verdict_before, gate.estimate_before, gate.limit_before),
        after=found_words(gate.verdict_after, gate.estimate_after, gate.limit_after),
        rows=rests_words(gate),
        rests=tuple((name, support_words(found)) for name, found in (*sides, *paired) if found),
        paired=paired_words(gate) if gate.paired else (),
        drawn=gate_change(gate),
        small=gate_change(gate, small=True),
        change=paired_change(gate, margin),
    )


def _side(role: str, side: DiffSide, report: AuditReport) -> SidePage:
    origin = report.provenance
    return SidePage(
        role=role,
        side=side,
        report=report,
        command=shlex.join(origin.command) if origin else "",
        suites=", ".join(f"{suite.name}, version {suite.version}" for suite in report.suites),
        made=origin.created if origin else "",
    )
