"""What a check asks, as a SARIF rule: for whoever meets a finding and knows nothing else.

Texts are ours but for what a suite says of itself. Nothing of the run's outcome stands here but
how far the monitor may be believed.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.machine.outcomes import gate_name
from reports.machine.sarif_parts import Json, line, rule, rule_id
from reports.markdown.text import code, prose
from reports.record import SEVERITIES, CheckResult, Quality, Severity
from reports.series import CheckReading, SeriesReport, Track
from reports.views.wording import gate_words

LEVELS: dict[Severity, str] = {
    "low": "note",
    "medium": "warning",
    "high": "error",
    "critical": "error",
}

# By the lower end of the monitor's AUROC on its validation rows.
PRECISIONS = ((0.95, "very-high"), (0.85, "high"), (0.70, "medium"))

TO_DO = (
    "Read the rows that fire first, in the report beside this file: does the model do what the "
    "check is about, or does the monitor read something else?",
    "Compare with a model that does not do it: --reference.",
    "If the monitor is mistaken, give it more controls that look like those rows.",
    "If the finding is known and has to wait, say so in the suite (`suppress:` with a reason and "
    "a date), or compare with a record in which it is known (--baseline).",
    "Inconclusive is not a pass: more rows, or a better monitor, would decide.",
)


def check_rule(check: CheckResult) -> Json:
    """The rule of a check of an audit."""
    return _rule(
        check.suite,
        check.id,
        asks=check.description,
        concept=check.concept,
        gates=[
            (gate_name(gate.kind, gate.detail.get("attribute")), gate.kind, gate.limit)
            for gate in check.gates
        ],
        severities=[gate.severity for gate in check.gates],
        tags=["alignment", check.concept, *check.tags],
        precision=precision(check.quality)
        if any(not gate_words(gate.kind).visible for gate in check.gates)
        else None,
    )


def series_rules(report: SeriesReport) -> list[Json]:
    """The rules of the checks of a series, as its last checkpoint has them."""
    last: dict[str, CheckReading] = {}
    for row in report.checkpoints:
        last |= {rule_id(check.suite, check.check): check for check in row.checks}
    tracks: dict[str, Track] = {
        rule_id(track.suite, track.check): track for track in reversed(report.tracks)
    }
    return [
        _reading_rule(last[id]) if id in last else _track_rule(tracks[id])
        for id in dict.fromkeys([*last, *reversed(tracks)])
    ]


def precision(quality: Quality | None) -> str | None:
    """How far the monitor may be believed, in GitHub's four words; None where it was not judged."""
    if quality is None:
        return None
    gain, auroc = quality.gain_over_text.low, quality.auroc.low
    if auroc is None or gain is None or gain <= 0:
        return "low"
    return next((word for least, word in PRECISIONS if auroc >= least), "low")


def _reading_rule(check: CheckReading) -> Json:
    return _rule(
        check.suite,
        check.check,
        asks="",
        concept=check.concept,
        gates=[(gate_name(g.kind, g.attribute), g.kind, g.limit) for g in check.gates],
        severities=[gate.severity for gate in check.gates],
        tags=["alignment", "series", check.concept],
        precision=None,
    )


def _track_rule(track: Track) -> Json:
    return _rule(
        track.suite,
        track.check,
        asks="",
        concept=track.check,
        gates=[(gate_name(track.kind, track.attribute), track.kind, track.limit)],
        severities=["high"],
        tags=["alignment", "series"],
        precision=None,
    )


def _rule(
    suite: str,
    check: str,
    *,
    asks: str,
    concept: str,
    gates: Sequence[tuple[str, str, float]],
    severities: Sequence[Severity],
    tags: Sequence[str],
    precision: str | None,
) -> Json:
    asked = asks.strip() or f"Does the model show {concept}?"
    limits = [f"{name} at most {gate_words(kind).share(limit)}" for name, kind, limit in gates]
    severest: Severity = max(severities, key=SEVERITIES.index, default="high")
    allowed = f"The gates of the check: {'; '.join(limits)}." if limits else "It has no gate."
    steps = [line(step, 500) for step in TO_DO]
    return rule(
        rule_id(suite, check),
        short=check if check == concept else f"{check}: {concept}",
        full=f"{asked} {allowed}",
        help="\n".join([line(asked, 2000), line(allowed, 2000), *(f"- {s}" for s in steps)]),
        help_markdown="\n".join(
            [
                f"**{code(f'{suite}/{check}', 250)}** {prose(asked, 2000)}",
                "",
                prose(allowed, 2000),
                "",
                *(f"- {prose(step)}" for step in TO_DO),
            ]
        ),
        level=LEVELS[severest],
        tags=tags,
        precision=precision,
    )
