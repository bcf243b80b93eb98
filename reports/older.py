"""What records of before leave unsaid and a renderer asks for, from what they do say.

A field that was added has a default, and a default may contradict the exit code that stands in
the same record: then it is worked out here, before the record is read. Content may be anything;
what has another shape than a record is left as it is, for whoever validates it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.record import SEVERITIES, VERDICTS, Severity
from reports.verdicts import heeds


def complete(content: dict[str, Any]) -> dict[str, Any]:
    """The same record with `gates` at each gate that does not say whether the exit code heeds it.

    By the rule of `reports.verdicts`, and the severity that the audit was told to fail on.
    """
    options = content.get("options")
    least = options.get("fail_on", "low") if isinstance(options, dict) else None
    if least not in SEVERITIES:
        return content
    if "checkpoints" in content:
        rows = [_with_checks(row, least) for row in _list(content["checkpoints"])]
        return {**content, "checkpoints": rows} if rows else content
    whole: dict[str, Any] = _with_checks(content, least)
    return whole


def _with_checks(row: Any, least: Severity) -> Any:
    if not isinstance(row, dict) or not _list(row.get("checks")):
        return row
    return {**row, "checks": [_with_gates(check, least) for check in row["checks"]]}


def _with_gates(check: Any, least: Severity) -> Any:
    if not isinstance(check, dict) or not _list(check.get("gates")):
        return check
    return {**check, "gates": list(_gates(check, least))}


def _gates(check: dict[str, Any], least: Severity) -> Iterator[Any]:
    for gate in check["gates"]:
        if not isinstance(gate, dict) or "gates" in gate or not _is_judged(gate):
            yield gate
            continue
        excused = check.get("suppressed") is not None or gate.get("baseline_state") == "unchanged"
        gates = heeds(gate["verdict"], gate["severity"], least, excused=excused)
        yield {**gate, "gates": gates}


def _is_judged(gate: dict[str, Any]) -> bool:
    return gate.get("severity") in SEVERITIES and gate.get("verdict") in VERDICTS


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
