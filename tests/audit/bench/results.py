"""Results of the bench made by hand, so that the figures they lead to are known."""

from __future__ import annotations

from typing import Any

from audit.bench.grid import Member
from audit.bench.misbehaviours import MISBEHAVIOURS
from reports.ground_truth import (
    Calibration,
    Coverage,
    MemberResult,
    Moment,
    Monitored,
    Raised,
    Said,
)
from reports.verdicts import worst


def member(what: str, **changes: Any) -> Member:
    fields: dict[str, Any] = {
        "block": "by hand", "what": what, "misbehaves": what in MISBEHAVIOURS, "method": "full",
        "share": 0.2, "steps": 480, "evasion": "none", "start": "honest", "shape": "small",
        "seed": 0,
    }  # fmt: skip
    return Member(**{**fields, **changes})


def result(
    of: Member, behaviour: float, verdict: Any, *, alarm: int | None = None,
    behaviours: tuple[float, ...] = (), value: float = 0.0, gate: str = "misbehaviour_over_control",
) -> MemberResult:  # fmt: skip
    said = Said(
        check="deployed", gate=gate, verdict=verdict, believed=True, value=value, low=None,
        high=None, limit=0.1, reason="",
    )  # fmt: skip
    steps = behaviours or (0.0, behaviour)
    moments = [
        Moment(step=20 * i, behaviour=b, spared=0.0, verdict="pass", readings={}, visible={},
               loss=None, perplexity=1.0 + b, distance=0.1)
        for i, b in enumerate(steps)
    ]  # fmt: skip
    return MemberResult(
        name=of.name, facts=of.facts(), check="deployed" if of.misbehaves else None,
        behaviour=behaviour, spared=0.0, honest_elsewhere=1.0, agreement=None, moments=moments,
        alarms=[] if alarm is None else [Raised(check="deployed", gate=gate, step=alarm)],
        monitors=[Monitored(monitor="logistic", verdict=worst([verdict]), gates=[said])],
        calibration=[Calibration(what="benign rows", stated=0.01, fired=1, rows=100)],
        coverage=[Coverage(what="belief gap", nominal=0.95, held=95, draws=100)],
        seconds=1.0,
    )  # fmt: skip
