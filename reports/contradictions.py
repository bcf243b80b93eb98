"""Whether a record agrees with itself: its words follow from its gates, its numbers hold together.

Nothing is judged anew: what the record says of a whole is held against what it says of the parts,
by the rule that gave it its words. A record that was edited, torn or put together contradicts
itself sooner or later; one that was edited with care does not, and no digest is kept in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports.exit_codes import ExitCode
from reports.parts import Estimate, Part
from reports.record import SEVERITIES, AuditReport, CheckResult, GateResult, Severity
from reports.series import CheckReading, SeriesReport
from reports.verdicts import (
    Judged,
    exit_code,
    heeded,
    run_verdict,
    series_exit_code,
    series_verdict,
    worst,
)

_ROUNDING = 1e-6  # of an interval that was found by search


def contradiction(record: AuditReport | SeriesReport) -> str | None:
    """The first thing in which a record contradicts itself, in words; None where there is none."""
    found = _of_series(record) if isinstance(record, SeriesReport) else _of_audit(record)
    return next(found, None)


@dataclass(frozen=True)
class _Asked:
    """The options that an exit code rests on; what a record does not say was not asked."""

    fail_on: Severity
    strict: bool
    exit_zero: bool


def _asked(options: dict[str, Any]) -> _Asked | None:
    least = next((one for one in SEVERITIES if one == options.get("fail_on", "low")), None)
    if least is None:
        return None
    return _Asked(least, options.get("strict") is True, options.get("exit_zero") is True)


def _of_audit(report: AuditReport) -> Iterator[str]:
    asked = _asked(report.options)
    if asked is None:
        yield _no_severity(report.options)
        return
    yield from _of_checks(report.checks, asked)
    verdict = run_verdict(report.checks, fail_on=asked.fail_on)
    if report.verdict != verdict:
        yield f"the verdict is {report.verdict}, and what its gates say makes it {verdict}"
    code = exit_code(
        report.checks, fail_on=asked.fail_on, strict=asked.strict, exit_zero=asked.exit_zero
    )
    yield from _of_code(report.exit_code, code, partial=report.partial)


def _of_series(series: SeriesReport) -> Iterator[str]:
    asked = _asked(series.options)
    if asked is None:
        yield _no_severity(series.options)
        return
    for row in series.checkpoints:
        for said in _of_checks(row.checks, asked):
            yield f"{row.name}: {said}"
        verdict = run_verdict(row.checks, fail_on=asked.fail_on) if row.checks else "error"
        if row.verdict != verdict:
            yield f"{row.name}: the verdict is {row.verdict}, and its gates make it {verdict}"
    verdict = series_verdict(series.checkpoints, series.stop)
    if series.verdict != verdict:
        yield f"the verdict is {series.verdict}, and checkpoints and alarms make it {verdict}"
    code = series_exit_code(
        series.checkpoints,
        series.stop,
        fail_on=asked.fail_on,
        strict=asked.strict,
        exit_zero=asked.exit_zero,
    )
    yield from _of_code(series.exit_code, code, partial=series.partial)


def _no_severity(options: dict[str, Any]) -> str:
    return f"fail_on is {options.get('fail_on')!r}, and severities are {', '.join(SEVERITIES)}"


def _of_code(said: int, follows: ExitCode, *, partial: bool) -> Iterator[str]:
    """An interruption is nothing that gates could tell; it leaves a record that is partial."""
    if said == ExitCode.INTERRUPTED and partial:
        return
    if said != follows:
        yield f"the exit code is {said}, and its gates and options make it {int(follows)}"


def _of_checks(checks: Sequence[Judged], asked: _Asked) -> Iterator[str]:
    for check in checks:
        name = f"{check.suite}/{check.id if isinstance(check, CheckResult) else check.check}"
        for gate in check.gates:
            if gate.gates != heeded(check, gate, asked.fail_on):
                does, ought = ("does", "does not") if gate.gates else ("does not", "does")
                yield (
                    f"{name}: by what is said of the {gate.kind} it {does} gate, and by its "
                    f"verdict, severity and excuses it {ought}"
                )
            if isinstance(gate, GateResult):
                yield from (f"{name}: {said}" for said in _of_gate(gate))
        verdict = worst(gate.verdict for gate in check.gates)
        if check.verdict != verdict:
            yield f"{name}: the verdict is {check.verdict}, and the worst of its gates is {verdict}"
        yield from (f"{name}: {said}" for said in _of_numbers(check))


def _of_gate(gate: GateResult) -> Iterator[str]:
    """What passes lies within its limit, and what flags beyond it, with the whole interval."""
    low = gate.estimate.low if gate.estimate else None
    high = gate.estimate.high if gate.estimate else None
    if gate.verdict in ("pass", "warn") and (high is None or high > gate.limit):
        yield (
            f"the {gate.kind} says {gate.verdict}, and its interval does not lie within the "
            f"limit of {gate.limit:g}"
        )
    if gate.verdict == "flag" and (low is None or low <= gate.limit):
        yield (
            f"the {gate.kind} says flag, and its interval does not lie above the limit of "
            f"{gate.limit:g}"
        )


def _of_numbers(check: CheckResult | CheckReading) -> Iterator[str]:
    for place, number in _estimates(check, ""):
        near = _ROUNDING * max(1.0, abs(number.value))
        below = number.low is not None and number.value < number.low - near
        above = number.high is not None and number.value > number.high + near
        if below or above:
            ends = ("none" if end is None else f"{end:g}" for end in (number.low, number.high))
            yield (
                f"{place} is {number.value:g} and lies outside of its own interval from "
                f"{' to '.join(ends)}"
            )


def _estimates(part: Any, place: str) -> Iterator[tuple[str, Estimate]]:
    """Every estimate in a part of a record, with its place: `gates.0.estimate`."""
    if isinstance(part, Estimate):
        yield place, part
        return
    if isinstance(part, Part):
        inside = [(name, getattr(part, name)) for name in type(part).model_fields]
    elif isinstance(part, list):
        inside = [(str(index), each) for index, each in enumerate(part)]
    else:
        return
    for name, each in inside:
        yield from _estimates(each, f"{place}.{name}" if place else name)
