"""What a gate counts for: its standing, what takes its force, and its place among others.

The one order for every format: by it a check is called what its first gate is called, and checks,
findings and gates come one after another. Whether a gate gates is the record's own word; nothing
is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reports.record import SEVERITIES, BaselineState, Severity, Suppressed, Verdict
from reports.verdicts import WORST_FIRST

Standing = Literal["unmeasured", "failed", "undecided", "noted", "excused", "passed"]
"""`noted` is what was found and does not gate by itself; `excused` a flag that somebody knows."""

STANDINGS: tuple[Standing, ...] = (
    "unmeasured",
    "failed",
    "undecided",
    "noted",
    "excused",
    "passed",
)
"""Worst first."""

Rank = tuple[int, int, int, float]


@dataclass(frozen=True)
class Excuse:
    """Why what was found does not gate: in a word, and in a sentence."""

    word: str
    sentence: str


KNOWN = Excuse("known", "known from the baseline, and not worse than there")
BELOW = Excuse("below --fail-on", "below --fail-on, it does not gate")
SUPPRESSED = "suppressed"
"""The word of an excuse that stands in the suite; its sentence is the suite's."""


def suppression(suppressed: Suppressed) -> Excuse:
    """The excuse that somebody wrote into the suite."""
    return Excuse(SUPPRESSED, f"suppressed until {suppressed.until}: {suppressed.reason}")


def excuse_of(
    verdict: Verdict,
    *,
    gates: bool,
    suppressed: Suppressed | None,
    state: BaselineState | None = None,
) -> Excuse | None:
    """Why a flag does not gate, or what could not be decided; None of any other verdict.

    Args:
        verdict: of the gate.
        gates: whether the exit code heeds it, as the record says.
        suppressed: what the suite says of its check.
        state: of a flag, against the baseline.
    """
    if verdict == "flag" and suppressed is not None:
        return suppression(suppressed)
    if verdict == "flag" and state == "unchanged":
        return KNOWN
    return BELOW if verdict in ("flag", "inconclusive") and not gates else None


def standing_of(verdict: Verdict, excuse: Excuse | None) -> Standing:
    """What a verdict counts for with such an excuse, where `--strict` was not given."""
    if verdict == "error":
        return "unmeasured"
    if verdict == "pass":
        return "passed"
    if excuse is not None:
        return "noted" if excuse == BELOW else "excused"
    if verdict == "warn":
        return "noted"
    return "failed" if verdict == "flag" else "undecided"


def rank_of(
    standing: Standing, verdict: Verdict, severity: Severity | None, q_value: float | None
) -> Rank:
    """Where it stands among others, worst first: the same with `--strict` and without."""
    return (
        STANDINGS.index(standing),
        WORST_FIRST.index(verdict),
        -1 if severity is None else -SEVERITIES.index(severity) - 1,
        1.0 if q_value is None else q_value,
    )


def shown_word(verdict: Verdict, excuse: Excuse | None) -> str:
    """`flag`, `flag (known)`, `inconclusive (below --fail-on)`."""
    return f"{verdict} ({excuse.word})" if excuse else verdict
