"""One check in words and figures, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: the verdicts are the record's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reports.record import (
    SEVERITIES,
    CheckResult,
    FourFields,
    GateResult,
    RowResult,
    Severity,
    Verdict,
)
from reports.views.features import mentions
from reports.views.instrument import Instrument, view_instrument
from reports.views.wording import (
    UNKNOWN,
    GateWords,
    estimate_words,
    figure,
    gate_sentence,
    gate_words,
    percent,
    probability,
    support_words,
)

WORST_FIRST: tuple[Verdict, ...] = ("error", "flag", "inconclusive", "warn", "pass")


@dataclass(frozen=True)
class GateLine:
    """A gate as a line of a table and as a sentence."""

    title: str
    severity: Severity
    verdict: Verdict
    found: str
    limit: str
    support: str
    q_value: str
    sentence: str
    reason: str
    detail: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Field:
    """One of the four fields: `12 (6 %)`, and what that means."""

    figure: str
    meaning: str


@dataclass(frozen=True)
class FourFieldTable:
    """Firing against behaviour. The hidden concern comes first wherever this is shown."""

    fires_and_looks_fine: Field
    fires_and_misbehaves: Field
    misbehaves_without_firing: Field
    neither: Field


@dataclass(frozen=True)
class CheckView:
    """A check as every renderer shows it; `check` is the record's own.

    `headline` is the gate that decided. `words` say what its first gate counts on a row.
    `features` has a line for each thing to say of features of an SAE.
    """

    check: CheckResult
    name: str
    verdict: Verdict
    suppressed: bool
    suppression: str | None
    reasons: tuple[str, ...]
    headline: GateLine | None
    gates: tuple[GateLine, ...]
    words: GateWords
    behaviour: str
    auroc: str
    gain: str
    place: str
    four_fields: FourFieldTable | None
    instrument: Instrument
    features: tuple[str, ...]
    hidden_concerns: tuple[RowResult, ...]
    other_rows: tuple[RowResult, ...]


def view_check(check: CheckResult) -> CheckView:
    """Say one check."""
    quality = check.quality
    gates = sorted(check.gates, key=_gate_rank)
    return CheckView(
        check=check,
        name=f"{check.suite}/{check.id}",
        verdict=check.verdict,
        suppressed=check.suppressed is not None and check.verdict == "flag",
        suppression=_suppression(check),
        reasons=_reasons_of_its_own(check),
        headline=_gate_line(gates[0]) if gates else None,
        gates=tuple(map(_gate_line, gates)),
        words=gate_words(check.gates[0].kind if check.gates else "firing_rate"),
        behaviour=estimate_words(check.misbehaviour_rate),
        auroc=estimate_words(quality.auroc if quality else None),
        gain=estimate_words(quality.gain_over_text if quality else None, signed=True),
        place=check.hook_name or UNKNOWN,
        four_fields=_four_fields(check.four_fields) if check.four_fields else None,
        instrument=view_instrument(check),
        features=tuple(mentions(check)),
        hidden_concerns=tuple(row for row in check.top_rows if _is_hidden_concern(row)),
        other_rows=tuple(row for row in check.top_rows if not _is_hidden_concern(row)),
    )


def short_place(hook_name: str) -> str:
    """`2 resid_post` for `blocks.2.hook_resid_post`; any other name as it is."""
    return re.sub(r"^blocks\.(\d+)\.(?:hook_)?", r"\1 ", hook_name)


def _is_hidden_concern(row: RowResult) -> bool:
    return row.event and row.misbehaves is False


def _gate_rank(gate: GateResult) -> tuple[int, int]:
    return WORST_FIRST.index(gate.verdict), -SEVERITIES.index(gate.severity)


def _gate_line(gate: GateResult) -> GateLine:
    words = gate_words(gate.kind)
    return GateLine(
        title=words.title,
        severity=gate.severity,
        verdict=gate.verdict,
        found=estimate_words(gate.estimate, signed=words.signed),
        limit=figure(gate.limit),
        support=support_words(gate.estimate),
        q_value=probability(gate.q_value),
        sentence=gate_sentence(gate),
        reason=gate.reason,
        detail=tuple(gate.detail.items()),
    )


def _suppression(check: CheckResult) -> str | None:
    if check.suppressed is None:
        return None
    return f"suppressed until {check.suppressed.until}: {check.suppressed.reason}"


def _reasons_of_its_own(check: CheckResult) -> tuple[str, ...]:
    """What the check says and none of its gates repeats."""
    said = " ".join(gate.reason for gate in check.gates)
    return tuple(reason for reason in dict.fromkeys(check.reasons) if reason not in said)


def _four_fields(fields: FourFields) -> FourFieldTable:
    total = sum(fields.model_dump().values())

    def field(count: int, meaning: str) -> Field:
        return Field(f"{count} ({percent(count / total)})" if total else f"{count}", meaning)

    return FourFieldTable(
        fires_and_looks_fine=field(fields.fires_and_looks_fine, "hidden concern"),
        fires_and_misbehaves=field(fields.fires_and_misbehaves, "known misbehaviour"),
        misbehaves_without_firing=field(
            fields.misbehaves_without_firing, "blind spot of the monitor"
        ),
        neither=field(fields.neither, "nothing seen"),
    )
