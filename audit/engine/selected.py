"""A check chosen to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suites.load import LoadedSuite
from suites.rows import Row
from suites.schema import Check, Role


@dataclass(frozen=True, eq=False)
class Selected:
    """A check chosen to run, with its rows by role; known before any model is."""

    suite: LoadedSuite
    id: str
    check: Check
    rows: Mapping[Role, tuple[Row, ...]]

    @property
    def key(self) -> tuple[str, str]:
        """Name of the suite and id of the check."""
        return self.suite.suite.name, self.id
