"""What was worked out for one capture, so that checks that share rows share the work.

Keys hold all that a result depends on beside the capture itself; nothing outlives the run that
made it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Known:
    """Results by what they are of; make one for each capture."""

    _found: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave when the key was first asked for; an error is raised each time."""
        if key not in self._found:
            self._found[key] = make()
        return cast(T, self._found[key])
