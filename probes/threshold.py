"""Where firing begins: a threshold set by control rows at a stated false-positive rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from probes.base import Array, Groups, ProbeError
from probes.estimate import Estimate
from probes.metrics import finite_scores
from probes.proportions import rate


@dataclass(frozen=True)
class Threshold:
    """A row fires when its score is strictly above `value`.

    Attributes:
        value: in the unit of the scores.
        stated_fpr: the false-positive rate that was asked for.
        observed: the share of controls that fire, with its interval.
    """

    value: float
    stated_fpr: float
    observed: Estimate


def threshold_at_fpr(
    scores: Array, fpr: float, groups: Groups, *, confidence: float = 0.95
) -> Threshold:
    """The lowest threshold above which at most `floor(fpr * n)` of the controls lie.

    It is one of the control scores. The upper end of the interval of the observed rate is also
    a bound on the rate of new controls, threshold and all: the share of a population above the
    (k+1)-th largest of n scores follows Beta(k + 1, n - k), which is where Clopper and
    Pearson's upper end comes from.

    Args:
        scores: `[n]`, of control rows.
        fpr: stated false-positive rate, in 0..1.
        groups: `[n]`.
        confidence: of the interval of the observed rate.

    Raises:
        ProbeError: if there are no scores, some are not finite, or the rate is not in 0..1.
    """
    values = finite_scores(scores)
    if not 0 < fpr < 1:
        raise ProbeError(f"a false-positive rate lies between 0 and 1, not {fpr:g}")
    allowed = math.floor(fpr * len(values) + 1e-9)  # 0.29 * 100 is 28.999...
    value = float(np.sort(values)[len(values) - 1 - allowed])
    return Threshold(value, fpr, rate(values > value, groups, confidence=confidence))


def controls_needed(fpr: float, per: float = 3.0) -> int:
    """How many controls it takes to resolve a false-positive rate.

    The rule of three: none in n leaves up to 3 / n possible at 95 % confidence.
    """
    if not 0 < fpr < 1:
        raise ProbeError(f"a false-positive rate lies between 0 and 1, not {fpr:g}")
    return math.ceil(per / fpr - 1e-9)
