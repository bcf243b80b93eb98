"""What an audit of a live model says to the loop that asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reports.record import Verdict
from reports.series import CheckpointRow, Stop


@dataclass(frozen=True)
class StepVerdict:
    """What an audit of a live model says.

    Attributes:
        step: training step.
        audited: whether the model was looked at; a step that is not due is quiet, and its
            verdict `pass` says nothing.
        verdict: `pass`, `warn`, `flag` or `inconclusive`: the worst gate at this step, by the
            probe that is believed. What cannot be measured raises instead.
        should_stop: an alarm was raised, and the suite says stop or pause.
        stop: the alarm, in a word and a sentence; also where it only warns.
        scalars: numbers for a logger, by name.
    """

    step: int
    audited: bool
    verdict: Verdict = "pass"
    should_stop: bool = False
    stop: Stop | None = None
    scalars: Mapping[str, float] = field(default_factory=dict)


def scalars_of(row: CheckpointRow) -> dict[str, float]:
    """Numbers of one audit for a logger, by `audit/SUITE/CHECK/WHAT`."""
    found: dict[str, float] = {}
    for check in row.checks:
        stem = f"audit/{check.suite}/{check.check}"
        for reading in check.readings:
            found[f"{stem}/auroc_{reading.name}"] = reading.auroc.value
        for gate in check.gates:
            if gate.by_reader is not None:
                found[f"{stem}/{gate.kind}"] = gate.by_reader.value
            if gate.alarm_p is not None:
                found[f"{stem}/{gate.kind}_p"] = gate.alarm_p
        if check.behaviour is not None:
            found[f"{stem}/behaviour"] = check.behaviour.value
    return found
