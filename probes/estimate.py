"""A number with its interval, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from probes.base import ProbeError


@dataclass(frozen=True)
class Estimate:
    """A value, the interval around it, and how many rows and groups stand behind it.

    Attributes:
        value: the point estimate.
        low: lower end of the interval, or None where none can be had.
        high: upper end, likewise.
        n: rows.
        n_groups: groups that the rows share.
        confidence: of the two-sided interval.
        method: how the interval was made, in a few words.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    n_groups: int
    confidence: float = 0.95
    method: str = ""


def tail(confidence: float) -> float:
    """Chance beyond each end of a two-sided interval.

    Raises:
        ProbeError: if the confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ProbeError(f"a confidence lies between 0 and 1, not {confidence:g}")
    return (1 - confidence) / 2
