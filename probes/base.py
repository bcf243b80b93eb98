"""What a probe is, and the one error that this room raises.

Knows arrays and nothing else: no model, no suite, no file. Everything here is cheap to
import; torch is named for type checkers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]
Groups: TypeAlias = "NDArray[Any] | Sequence[str] | Sequence[int]"


class ProbeError(ValueError):
    """A mistake in what this room was given: the sentence names it, with the numbers."""


class Probe(Protocol):
    """A read-out of activations. Higher scores mean more of the concept."""

    @overload
    def decision_function(self, x: torch.Tensor) -> torch.Tensor: ...
    @overload
    def decision_function(self, x: Array) -> Array: ...
    def decision_function(self, x: Any) -> Any:
        """Score `x [..., d_model]` as `[...]`, in the kind of array that came in."""
        ...


def group_codes(groups: Groups, n: int) -> tuple[Indices, int]:
    """Number the groups: codes `[n]` in 0..n_groups-1, and n_groups.

    Raises:
        ProbeError: if there is not one group per row, or no row at all.
    """
    given = np.asarray(groups)
    if given.shape != (n,):
        raise ProbeError(f"{n} rows need {n} groups, one each; got shape {given.shape}")
    if n == 0:
        raise ProbeError("there are no rows")
    names, codes = np.unique(given, return_inverse=True)
    return codes.astype(np.intp), len(names)
