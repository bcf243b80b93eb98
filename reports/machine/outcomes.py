"""What each gate comes to for a program: does it break the build, and in which words.

The record's verdicts and its word on what gates are joined to one standing, once for every
format. Strings may hold text from outside, as it came. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.machine.places import Place, place_of
from reports.read import Record
from reports.record import (
    SEVERITIES,
    AuditReport,
    BaselineState,
    CheckResult,
    Estimate,
    GateResult,
    Severity,
    Verdict,
)
from reports.series import CheckReading
from reports.views.check import GateLine, view_check
from reports.views.wording import gate_sentence, gate_words

Standing = Literal["unmeasured", "failed", "undecided", "noted", "excused", "passed"]
"""`noted` is what was found and does not gate by itself; `excused` a flag that somebody knows."""

WORST_FIRST: tuple[Standing, ...] = (
    "unmeasured",
    "failed",
    "undecided",
    "noted",
    "excused",
    "passed",
)


@dataclass(frozen=True)
class Outcome:
    """One gate as every machine format shows it.

    `suite` is None for what is no check, such as a checkpoint that could not be read. `word` is
    the verdict with what takes its force, `about` the gate, `sentence` what was found and why.
    `on` names the checkpoints of a series that came to this.
    """

    suite: str | None
    check: str
    kind: str
    attribute: str | None
    severity: Severity
    verdict: Verdict
    standing: Standing
    word: str
    about: str
    sentence: str
    gates: bool
    limit: float | None = None
    estimate: Estimate | None = None
    q_value: float | None = None
    excuse: str | None = None
    baseline_state: BaselineState | None = None
    place: Place | None = None
    on: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """`suite/check`, or the name of what is no check."""
        return self.check if self.suite is None else f"{self.suite}/{self.check}"

    @property
    def rank(self) -> tuple[int, int, float]:
        """Where it stands among others: worst first."""
        return (
            WORST_FIRST.index(self.standing),
            -SEVERITIES.index(self.severity),
            1.0 if self.q_value is None else self.q_value,
        )


def check_outcomes(
    check: CheckResult, *, strict: bool = False, file: str = ""
) -> tuple[Outcome, ...]:
    """What each gate of a check comes to, in the order of the gates.

    Args:
        check: of an audit.
        strict: whether what could not be decided counts as a flag.
        file: of the suite, for gates whose place was not recorded.
    """
    lines = {id(line.gate): line for line in view_check(check).gates}
    found = tuple(
        _outcome(check, gate, lines[id(gate)], strict=strict, file=file) for gate in check.gates
    )
    if check.verdict == "error" and all(one.standing != "unmeasured" for one in found):
        return (*found, _unmeasured(check, file))
    return found


def reading_outcomes(reading: CheckReading, *, strict: bool = False) -> tuple[Outcome, ...]:
    """What each gate of a check comes to on one checkpoint of a series."""
    return check_outcomes(_as_result(reading), strict=strict)


def audit_outcomes(report: AuditReport) -> list[Outcome]:
    """What every gate of an audit comes to, in the order of the record."""
    strict, files = is_strict(report), suite_files(report)
    return [
        one
        for check in report.checks
        for one in check_outcomes(check, strict=strict, file=files.get(check.suite, ""))
    ]


def suite_files(report: Record) -> Mapping[str, str]:
    """The file of each suite, by the suite's name."""
    return {suite.name: suite.source for suite in report.suites}


def is_strict(report: Record) -> bool:
    """Whether the run was told to count what it could not decide as a flag."""
    return report.options.get("strict") is True


def gate_name(kind: str, attribute: str | None) -> str:
    """`disparity of group`: a gate in words."""
    return f"{gate_words(kind).title}{f' of {attribute}' if attribute else ''}"


def _outcome(
    check: CheckResult, gate: GateResult, line: GateLine, *, strict: bool, file: str
) -> Outcome:
    excused = line.excuse is not None
    gates = gate.gates and not excused
    attribute = gate.detail.get("attribute")
    found = gate_sentence(gate)
    return Outcome(
        suite=check.suite,
        check=check.id,
        kind=gate.kind,
        attribute=attribute,
        severity=gate.severity,
        verdict=gate.verdict,
        standing=_standing(gate.verdict, gates=gates, excused=excused, strict=strict),
        word=_word(gate.verdict, gates, line.excuse.word if line.excuse else None, strict=strict),
        about=gate_name(gate.kind, attribute),
        sentence=found if gate.reason in ("", found) else f"{found}; {gate.reason}",
        gates=gates,
        limit=gate.limit,
        estimate=gate.estimate,
        q_value=gate.q_value,
        excuse=line.excuse.sentence if line.excuse else None,
        baseline_state=gate.baseline_state if gate.verdict == "flag" else None,
        place=place_of(gate.source, check.source, file),
    )


def _standing(verdict: Verdict, *, gates: bool, excused: bool, strict: bool) -> Standing:
    if verdict == "error":
        return "unmeasured"
    if verdict == "pass":
        return "passed"
    if excused:
        return "excused"
    if verdict == "warn" or not gates:
        return "noted"
    return "failed" if verdict == "flag" or strict else "undecided"


def _word(verdict: Verdict, gates: bool, excuse: str | None, *, strict: bool) -> str:
    if verdict == "error":
        return "not measured"
    if excuse:
        return f"{verdict} ({excuse})"
    if verdict in ("flag", "inconclusive") and not gates:
        return f"{verdict} (below --fail-on)"
    if verdict == "inconclusive" and strict:
        return "inconclusive (counts as a flag: --strict)"
    return verdict


def _unmeasured(check: CheckResult, file: str) -> Outcome:
    """A check that is an error although none of its gates says so."""
    return Outcome(
        suite=check.suite,
        check=check.id,
        kind="check",
        attribute=None,
        severity="critical",
        verdict="error",
        standing="unmeasured",
        word="not measured",
        about="the check",
        sentence="; ".join(check.reasons) or "no reason was recorded",
        gates=True,
        place=place_of(check.source, file),
    )


def _as_result(reading: CheckReading) -> CheckResult:
    """What a check of a series has in common with one of an audit: its gates and their words."""
    return CheckResult(
        id=reading.check,
        suite=reading.suite,
        concept=reading.concept,
        description="",
        tags=[],
        verdict=reading.verdict,
        reasons=reading.reasons,
        gates=[
            GateResult(
                kind=gate.kind,
                severity=gate.severity,
                limit=gate.limit,
                estimate=gate.estimate,
                p_value=gate.p_value,
                q_value=gate.q_value,
                verdict=gate.verdict,
                reason=gate.reason,
                detail={} if gate.attribute is None else {"attribute": gate.attribute},
                source=gate.source,
                gates=gate.gates,
            )
            for gate in reading.gates
        ],
        suppressed=reading.suppressed,
        monitor="",
        roles={},
        source=reading.source,
    )


def worst(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The one to say first; None of none."""
    return min(outcomes, key=lambda one: one.rank, default=None)


def worst_first(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """All that is not a pass, the worst first and equals in their order."""
    return (one for one in sorted(outcomes, key=lambda one: one.rank) if one.standing != "passed")
