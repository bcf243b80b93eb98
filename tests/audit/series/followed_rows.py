"""Rows of a series made by hand: what a gate's p-values were, audit by audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.parts import Estimate
from reports.series import CheckpointRow, CheckReading, GateReading

QUIET = 1.0
CERTAIN = 1e-30


def share(value: float, n: int = 100) -> Estimate:
    """A rate with an interval of its own width."""
    half = 0.1
    return Estimate(
        value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=n, n_groups=n,
        confidence=0.95, method="by hand",
    )  # fmt: skip


def gate(p: float | None, second: float | None = CERTAIN, **fields: Any) -> GateReading:
    """A gate whose alarm goes by `p` and `second`; None is what could not be measured."""
    rate = None if p is None else share(0.5 if p < 0.05 else 0.0)
    found: dict[str, Any] = {
        "kind": "firing_rate", "severity": "high", "limit": 0.2, "estimate": rate,
        "by_reader": rate, "p_value": p, "q_value": p, "verdict": "pass", "reason": "",
        "alarm_p": p, "second_p": second,
    }  # fmt: skip
    return GateReading.model_validate(found | fields)


def check(*gates: GateReading, **fields: Any) -> CheckReading:
    """A check with these gates."""
    found: dict[str, Any] = {
        "suite": "s", "check": "c", "concept": "k", "verdict": "pass", "gates": list(gates)
    }  # fmt: skip
    return CheckReading.model_validate(found | fields)


def row(step: int | None, *checks: CheckReading, **fields: Any) -> CheckpointRow:
    """A checkpoint of these checks; with none, one that could not be audited."""
    found: dict[str, Any] = {
        "name": f"step{step}", "step": step, "source": "run", "kind": "model",
        "verdict": "pass" if checks else "error", "checks": list(checks),
    }  # fmt: skip
    return CheckpointRow.model_validate(found | fields)


def rows(p_values: Sequence[float | None], every: int = 10, **fields: Any) -> list[CheckpointRow]:
    """A row for each p-value of one gate."""
    return [row(every * i, check(gate(p, **fields))) for i, p in enumerate(p_values)]
