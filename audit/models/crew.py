"""Who runs a model on parts of the work: this process, or others.

A part is asked by a plain function of this package, with the model first and plain values after
it, and its answer depends on nothing else. So it may be asked anywhere where the same model is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Crew(Protocol):
    """Others that hold the same model."""

    def each(
        self, function: Callable[..., Any], parts: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Any]]:
        """Call `function(model, *part)` for each part, somewhere.

        Args:
            function: of a module, such as `capture`; what it is given and gives back can be sent.
            parts: arguments after the model.

        Yields:
            The number of a part and what was found, in any order.

        Raises:
            AuditError: what the function raised.
        """
