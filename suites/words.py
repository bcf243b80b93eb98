"""Words that suites and command lines share: the roles of rows, the severities of gates.

Knows nothing else, and costs nothing to import.
"""

from __future__ import annotations

from typing import Literal

Role = Literal["train", "validation", "control", "audit"]
ROLES: tuple[Role, ...] = ("train", "validation", "control", "audit")

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
