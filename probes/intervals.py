"""Every number has its interval: the whole family under one name, and its p-values.

The closed forms are in `proportions`, the resampling in `resampling`, and `quality` is about
monitors.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from probes.base import ProbeError
from probes.estimate import Estimate
from probes.proportions import paired_difference, rate, rate_difference
from probes.quality import (
    auroc_estimate,
    balanced_accuracy_estimate,
    beside_baseline,
    calibration_error_estimate,
    gain_estimate,
    recall_estimate,
)
from probes.resampling import bootstrap

__all__ = [
    "Estimate",
    "auroc_estimate",
    "balanced_accuracy_estimate",
    "beside_baseline",
    "bootstrap",
    "calibration_error_estimate",
    "gain_estimate",
    "p_value",
    "paired_difference",
    "rate",
    "rate_difference",
    "recall_estimate",
]

SMALLEST_P = 1e-12


def p_value(interval: Callable[[float], Estimate], limit: float) -> float:
    """One-sided p-value of "no more than the limit", read off the interval itself.

    The interval is inverted over its confidence, so the two cannot disagree: p <= alpha / 2
    exactly when the lower end at confidence 1 - alpha lies above the limit. Where not even the
    narrowest interval lies above it, p is 1.

    Args:
        interval: given a confidence, the estimate with that interval.
        limit: what the value should not exceed.

    Returns:
        Between 1e-12 and 0.49, or 1.

    Raises:
        ProbeError: if the estimate has no interval.
    """

    def above(tail: float) -> bool:
        low = interval(1 - 2 * tail).low
        if low is None:
            raise ProbeError("a p-value needs an interval, and the estimate has none")
        return low > limit

    least, most = math.log(SMALLEST_P), math.log(0.49)
    if not above(math.exp(most)):
        return 1.0
    if above(SMALLEST_P):
        return SMALLEST_P
    while most - least > 1e-9:
        middle = (least + most) / 2
        if above(math.exp(middle)):
            most = middle
        else:
            least = middle
    return math.exp(most)
