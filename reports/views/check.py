"""One check in words and figures, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: the verdicts are the record's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.record import (
    SEVERITIES,
    CheckResult,
    FourFields,
    GateResult,
    RowResult,
    Severity,
    Suppressed,
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
class Excuse:
    """Why a flag does not gate: in a word, and in a sentence."""

    word: str
    sentence: str


@dataclass(frozen=True)
class GateLine:
    """A gate as a line of a table and as a sentence; `gate` is the record's own."""

    gate: GateResult
    words: GateWords
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
    excuse: Excuse | None


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

    `excuse` is there where the check is flagged and none of its flags gates, `suppression` where
    the suite holds one, whatever came out. `headline` is the gate that decided. `words` say what
    its first gate counts on a row. `features` has a line for each thing to say of an SAE's.
    """

    check: CheckResult
    name: str
    verdict: Verdict
    excuse: Excuse | None
    suppression: Excuse | None
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
    words = gate_words(check.gates[0].kind if check.gates else "firing_rate")
    gates = [_gate_line(gate, _excuse(check, gate)) for gate in sorted(check.gates, key=_gate_rank)]
    return CheckView(
        check=check,
        name=f"{check.suite}/{check.id}",
        verdict=check.verdict,
        excuse=_excuse_of_all(check, gates),
        suppression=suppression(check.suppressed) if check.suppressed else None,
        reasons=_reasons_of_its_own(check),
        headline=gates[0] if gates else None,
        gates=tuple(gates),
        words=words,
        behaviour=estimate_words(check.misbehaviour_rate),
        auroc=estimate_words(quality.auroc if quality else None),
        gain=estimate_words(quality.gain_over_text if quality else None, signed=True),
        place=check.hook_name or UNKNOWN,
        four_fields=(
            _four_fields(check.four_fields) if check.four_fields and words.by_row else None
        ),
        instrument=view_instrument(check),
        features=tuple(mentions(check)),
        hidden_concerns=tuple(row for row in check.top_rows if _is_hidden_concern(row, words)),
        other_rows=tuple(row for row in check.top_rows if not _is_hidden_concern(row, words)),
    )


def short_place(hook_name: str) -> str:
    """`2 resid_post` for `blocks.2.hook_resid_post`; any other name as it is."""
    return re.sub(r"^blocks\.(\d+)\.(?:hook_)?", r"\1 ", hook_name)


def suppression(suppressed: Suppressed) -> Excuse:
    """The excuse that somebody wrote into the suite."""
    return Excuse("suppressed", f"suppressed until {suppressed.until}: {suppressed.reason}")


def _is_hidden_concern(row: RowResult, words: GateWords) -> bool:
    return words.by_row and row.event and row.misbehaves is False


def _gate_rank(gate: GateResult) -> tuple[int, int]:
    return WORST_FIRST.index(gate.verdict), -SEVERITIES.index(gate.severity)


def _gate_line(gate: GateResult, excuse: Excuse | None) -> GateLine:
    words = gate_words(gate.kind)
    return GateLine(
        gate=gate,
        words=words,
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
        excuse=excuse,
    )


def _excuse(check: CheckResult, gate: GateResult) -> Excuse | None:
    """Why this gate's flag does not gate; a flag below --fail-on needs no excuse."""
    if gate.verdict != "flag":
        return None
    if check.suppressed is not None:
        return suppression(check.suppressed)
    if gate.baseline_state == "unchanged":
        return Excuse("known", "known from the baseline, and not worse than there")
    return None


def _excuse_of_all(check: CheckResult, gates: Sequence[GateLine]) -> Excuse | None:
    """The excuse of a flagged check, where each of its flags has one."""
    excuses = [line.excuse for line in gates if line.verdict == "flag"]
    if check.verdict != "flag" or not excuses or None in excuses:
        return None
    return excuses[0]


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
