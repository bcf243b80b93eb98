"""The seam between how a number is measured and how it is kept."""

from __future__ import annotations

from dataclasses import asdict

from probes import intervals
from reports.parts import Estimate


def recorded(estimate: intervals.Estimate) -> Estimate:
    """The same number as the record keeps it."""
    return Estimate(**asdict(estimate))
