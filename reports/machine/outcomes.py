"""What each gate comes to for a program: does it break the build, and in which words.

The record's verdicts and its word on what gates are joined to one standing, once for every
format. Strings may hold text from outside, as it came. Nothing is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.machine.places import Place, located
from reports.read import Record
from reports.record import (
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
from reports.views.standing import Excuse, Rank, Standing, rank_of, shown_word
from reports.views.wording import gate_sentence, gate_words


@dataclass(frozen=True)
class Outcome:
    """One gate as every machine format shows it.

    `suite` is None for what is no check, such as a checkpoint that could not be read. `word` is
    the verdict with what takes its force, `about` the gate, `sentence` what was found and why.
    `excuse` is there where somebody knows of it. `nth` counts gates of one kind within a check in
    the order of the suite, whatever they came to. `on` names the checkpoints of a series that
    came to this.
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
    excuse: Excuse | None = None
    baseline_state: BaselineState | None = None
    place: Place | None = None
    nth: int = 1
    on: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """`suite/check`, or the name of what is no check."""
        return self.check if self.suite is None else f"{self.suite}/{self.check}"

    @property
    def rank(self) -> Rank:
        """Where it stands among others: worst first."""
        return rank_of(self.standing, self.verdict, self.severity, self.q_value)


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
    attribute = gate.detail.get("attribute")
    found = gate_sentence(gate)
    counts = strict and line.standing == "undecided"
    word = shown_word(gate.verdict, line.excuse)
    if counts:
        word = "inconclusive (counts as a flag: --strict)"
    return Outcome(
        suite=check.suite,
        check=check.id,
        kind=gate.kind,
        attribute=attribute,
        severity=gate.severity,
        verdict=gate.verdict,
        standing="failed" if counts else line.standing,
        word="not measured" if gate.verdict == "error" else word,
        about=gate_name(gate.kind, attribute),
        sentence=found if gate.reason in ("", found) else f"{found}; {gate.reason}",
        gates=gate.gates and line.excuse is None,
        limit=gate.limit,
        estimate=gate.estimate,
        q_value=gate.q_value,
        excuse=line.excuse if line.standing == "excused" else None,
        baseline_state=gate.baseline_state if gate.verdict == "flag" else None,
        place=located(gate.source, check.source, file),
    )


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
        place=located(check.source, file),
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


def numbered(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes, each with its number among those of its kind; they come as suites have them."""
    seen: Counter[tuple[str | None, ...]] = Counter()
    for one in outcomes:
        key = (one.suite, one.check, one.kind, one.attribute)
        seen[key] += 1
        yield replace(one, nth=seen[key])


def worst_first(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """All that is not a pass, the worst first and equals in their order."""
    return (one for one in sorted(outcomes, key=lambda one: one.rank) if one.standing != "passed")
