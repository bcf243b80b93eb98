"""One check in words and figures, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: the verdicts are the record's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reports.record import (
    CheckResult,
    FourFields,
    GateResult,
    RowResult,
    Severity,
    Verdict,
)
from reports.views.features import mentions
from reports.views.instrument import Instrument, view_instrument
from reports.views.standing import (
    Excuse,
    Rank,
    Standing,
    excuse_of,
    rank_of,
    shown_word,
    standing_of,
    suppression,
)
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
    standing: Standing

    @property
    def rank(self) -> Rank:
        """Where it stands among other gates, worst first."""
        return rank_of(self.standing, self.verdict, self.severity, self.gate.q_value)


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

    `gates` come worst first by what they count for. `headline` is the first of them, which
    decided: `verdict` and `excuse` are its own, and `beside` has what else was found and does not
    gate, such as `flag (known)`. `suppression` is there where the suite holds one, whatever came
    out. `words` say what its first gate counts on a row, `reads` what the first does that leans on
    the monitor. `features` has a line for each thing to
    say of an SAE's.
    """

    check: CheckResult
    name: str
    verdict: Verdict
    excuse: Excuse | None
    standing: Standing
    beside: tuple[str, ...]
    suppression: Excuse | None
    reasons: tuple[str, ...]
    headline: GateLine | None
    gates: tuple[GateLine, ...]
    words: GateWords
    reads: GateWords
    behaviour: str
    auroc: str
    gain: str
    place: str
    four_fields: FourFieldTable | None
    instrument: Instrument
    features: tuple[str, ...]
    hidden_concerns: tuple[RowResult, ...]
    other_rows: tuple[RowResult, ...]

    @property
    def unread(self) -> bool:
        """Whether what decided leans on a monitor that is not valid here."""
        visible = self.headline is not None and self.headline.words.visible
        return bool(self.check.faults) and not visible

    @property
    def rank(self) -> Rank:
        """Where it stands among other checks, worst first."""
        if self.headline:
            return self.headline.rank
        return rank_of(self.standing, self.verdict, None, None)


def view_check(check: CheckResult) -> CheckView:
    """Say one check."""
    quality = check.quality
    every = [gate_words(gate.kind) for gate in check.gates]
    firing = gate_words("firing_rate")
    words = every[0] if every else firing
    reads = next((one for one in every if not one.visible), firing)
    concerns = tuple(row for row in check.top_rows if _is_hidden_concern(row, check, words))
    gates = sorted((_gate_line(check, gate) for gate in check.gates), key=lambda line: line.rank)
    headline = _headline(check, gates)
    verdict = headline.verdict if headline else check.verdict
    excuse = headline.excuse if headline else None
    return CheckView(
        check=check,
        name=f"{check.suite}/{check.id}",
        verdict=verdict,
        excuse=excuse,
        standing=headline.standing if headline else standing_of(check.verdict, None),
        beside=_beside(shown_word(verdict, excuse), gates),
        suppression=suppression(check.suppressed) if check.suppressed else None,
        reasons=_reasons_of_its_own(check),
        headline=headline,
        gates=tuple(gates),
        words=words,
        reads=reads,
        behaviour=estimate_words(check.misbehaviour_rate),
        auroc=estimate_words(quality.auroc if quality else None),
        gain=estimate_words(quality.gain_over_text if quality else None, signed=True),
        place=check.hook_name or UNKNOWN,
        four_fields=(
            _four_fields(check.four_fields) if check.four_fields and reads.by_row else None
        ),
        instrument=view_instrument(check),
        features=tuple(mentions(check)),
        hidden_concerns=concerns,
        other_rows=tuple(row for row in check.top_rows if row not in concerns),
    )


def beside_event(row: RowResult, words: GateWords) -> str | None:
    """What stands beside the event of a row: what the model does; where that is it, firing."""
    if words.visible:
        return "fires" if row.fires else "does not fire"
    if row.misbehaves is None:
        return None
    return "misbehaves" if row.misbehaves else "looks fine"


def short_place(hook_name: str) -> str:
    """`2 resid_post` for `blocks.2.hook_resid_post`; any other name as it is."""
    return re.sub(r"^blocks\.(\d+)\.(?:hook_)?", r"\1 ", hook_name)


def _headline(check: CheckResult, gates: list[GateLine]) -> GateLine | None:
    """The gate that decided; None where the check could not be measured and no gate says so."""
    if not gates or (check.verdict == "error" and gates[0].standing != "unmeasured"):
        return None
    return gates[0]


def _beside(shown: str, gates: list[GateLine]) -> tuple[str, ...]:
    """What does not gate and is not what the check is called."""
    words = dict.fromkeys(shown_word(line.verdict, line.excuse) for line in gates if line.excuse)
    return tuple(word for word in words if word != shown)


def _is_hidden_concern(row: RowResult, check: CheckResult, words: GateWords) -> bool:
    """Whether it fires and looks fine, and the monitor may be believed."""
    believed = words.by_row and not check.faults
    return believed and row.event and row.misbehaves is False


def _gate_line(check: CheckResult, gate: GateResult) -> GateLine:
    excuse = excuse_of(
        gate.verdict, gates=gate.gates, suppressed=check.suppressed, state=gate.baseline_state
    )
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
        standing=standing_of(gate.verdict, excuse),
    )


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
