"""A number with its interval, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass


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
