"""What to ask of a model: suites in YAML, their datasets, and the rows that they hold.

This room knows files and words. It knows no model, no tensor and no verdict, and a suite
can be validated on a machine that has no torch. Names are imported when they are first used:
a command line that offers the words of a suite does not pay for reading one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suites.builtin import builtin_names, resolve_suite
    from suites.data_checks import check_suite
    from suites.dataset import read_dataset
    from suites.load import LoadedSuite, load_suite
    from suites.problems import Problem, SuiteError
    from suites.rows import Message, Row
    from suites.schema import Suite
    from suites.splits import rows_by_role, rows_digest

__all__ = [
    "LoadedSuite",
    "Message",
    "Problem",
    "Row",
    "Suite",
    "SuiteError",
    "builtin_names",
    "check_suite",
    "load_suite",
    "read_dataset",
    "resolve_suite",
    "rows_by_role",
    "rows_digest",
]

_HOMES = {
    "suites.builtin": ("builtin_names", "resolve_suite"),
    "suites.data_checks": ("check_suite",),
    "suites.dataset": ("read_dataset",),
    "suites.load": ("LoadedSuite", "load_suite"),
    "suites.problems": ("Problem", "SuiteError"),
    "suites.rows": ("Message", "Row"),
    "suites.schema": ("Suite",),
    "suites.splits": ("rows_by_role", "rows_digest"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'suites' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
