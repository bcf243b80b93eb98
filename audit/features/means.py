"""The mean over rows with an interval that draws groups, never rows."""

from __future__ import annotations

import numpy as np

from audit.features.estimates import recorded
from probes import Estimate as Measured
from probes.base import Floats, Groups, group_codes
from probes.estimate import tail
from probes.resampling import resamples
from reports.parts import Estimate

_RESAMPLES = 2000


def mean_estimate(
    values: Floats, groups: Groups, *, confidence: float = 0.95, random_state: int = 0
) -> Estimate:
    """Mean of `values [n]`, with the percentile interval of a cluster bootstrap.

    Equal to `probes.bootstrap` of the mean, by sums per group and not row by row. Without an
    interval where there is one group only.
    """
    n = len(values)
    codes, n_groups = group_codes(groups, n)
    value = float(values.mean())
    if n_groups == 1:
        return Estimate(value=value, n=n, n_groups=1, confidence=confidence, method="undefined")
    sums = np.bincount(codes, weights=values, minlength=n_groups)
    sizes = np.bincount(codes, minlength=n_groups).astype(np.float64)
    drawn = np.concatenate(
        [
            (counts @ sums) / (counts @ sizes)
            for counts in resamples(n, n_groups, _RESAMPLES, random_state)
        ]
    )
    low, high = np.quantile(drawn, [tail(confidence), 1 - tail(confidence)])
    return recorded(
        Measured(value, float(low), float(high), n, n_groups, confidence, "cluster bootstrap")
    )
