"""A record as a table for pandas: the numbers, one line per gate. No words, no files."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.record import AuditReport, CheckResult, Estimate


def gate_frame(report: AuditReport) -> pd.DataFrame:
    """One line per gate of each check, with every estimate in columns of its own."""
    return pd.DataFrame([line for check in report.checks for line in _lines(check)])


def _lines(check: CheckResult) -> list[dict[str, Any]]:
    quality = check.quality
    shared = (
        {
            "suite": check.suite,
            "check": check.id,
            "concept": check.concept,
            "check_verdict": check.verdict,
            "suppressed": check.suppressed is not None,
            "hook_name": check.hook_name,
        }
        | _columns("auroc", quality.auroc if quality else None)
        | _columns("gain_over_text", quality.gain_over_text if quality else None)
        | _columns("firing_rate", check.firing_rate)
        | _columns("misbehaviour_rate", check.misbehaviour_rate)
    )
    return [
        shared
        | {"gate": gate.kind, "severity": gate.severity, "limit": gate.limit}
        | {"verdict": gate.verdict, "gates": gate.gates, "baseline_state": gate.baseline_state}
        | {"p_value": gate.p_value, "q_value": gate.q_value}
        | _columns("gate", gate.estimate)
        for gate in check.gates
    ]


def _columns(name: str, estimate: Estimate | None) -> dict[str, Any]:
    return {
        f"{name}_value": estimate.value if estimate else None,
        f"{name}_low": estimate.low if estimate else None,
        f"{name}_high": estimate.high if estimate else None,
    }
