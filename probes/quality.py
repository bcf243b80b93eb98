"""How good a monitor is, each number with its interval: AUROC, gain over text, recall, ...

About the instrument, never about the model that it reads. Knows scores, labels and groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from probes.base import Array, Floats, Groups, group_codes
from probes.estimate import Estimate, tail
from probes.metrics import auroc, calibration_error, calibration_gaps, scores_and_labels
from probes.proportions import mover, rate
from probes.resampling import blocks, resamples, weighted_aurocs


def auroc_estimate(
    scores: Array,
    labels: Array,
    groups: Groups,
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> Estimate:
    """AUROC with an interval from the cluster bootstrap.

    The standard error comes from resampled groups and the interval is symmetric on the logit
    scale, with Student's t for as many groups as the rarer class has. It never excludes what
    the groups cannot exclude: were a share q of the groups ranked wholly wrong, n groups would
    show none with chance (1 - q)^n, so no lower end lies above (alpha/2)^(1/n), where n is the
    number of groups of the rarer class. On perfect separation, where resampling sees no
    spread, that exact binomial bound is the lower end; likewise mirrored.

    Args:
        scores: `[n]`, higher = more of the concept.
        labels: `[n]`, 0 or 1.
        groups: `[n]`.
        confidence: of the two-sided interval.
        n_resamples: how many.
        random_state: seed.

    Raises:
        ProbeError: on one class only, or scores that are not finite.
    """
    return _resampled(scores, labels, groups, n_resamples, random_state).estimate(confidence)


@dataclass(frozen=True, eq=False)
class _Resampled:
    """An AUROC, its values under resampling `draws [n_resamples]`, and what it rests on."""

    value: float
    draws: Floats
    n: int
    n_groups: int
    least: int  # groups of the class that fewer groups have

    def estimate(self, confidence: float) -> Estimate:
        low, high = self._interval(confidence)
        method = "cluster bootstrap, logit scale"
        return Estimate(self.value, low, high, self.n, self.n_groups, confidence, method)

    def _interval(self, confidence: float) -> tuple[float, float]:
        from scipy.special import stdtrit

        bound = tail(confidence) ** (1 / self.least)
        low, high = self.value, self.value
        defined = self.draws[np.isfinite(self.draws)]
        if 0 < self.value < 1 and len(defined) > 1:
            quantile = float(stdtrit(max(self.least - 1, 1), 1 - tail(confidence)))
            reach = quantile * float(defined.std()) / (self.value * (1 - self.value))
            middle = math.log(self.value / (1 - self.value))
            low, high = _sigmoid(middle - reach), _sigmoid(middle + reach)
        return min(low, bound), max(high, 1 - bound)


def _resampled(
    scores: Array, labels: Array, groups: Groups, n_resamples: int, random_state: int
) -> _Resampled:
    values, positive = scores_and_labels(scores, labels)
    codes, n_groups = group_codes(groups, len(values))
    draws = [
        weighted_aurocs(values, positive, codes, block)
        for block in resamples(len(values), n_groups, n_resamples, random_state)
    ]
    least = min(len(np.unique(codes[positive])), len(np.unique(codes[~positive])))
    return _Resampled(auroc(values, positive), np.concatenate(draws), len(values), n_groups, least)


def _sigmoid(x: float) -> float:
    return 0.5 * (1 + math.tanh(x / 2))


def gain_estimate(
    scores: Array,
    baseline_scores: Array,
    labels: Array,
    groups: Groups,
    *,
    floor: float = 0.5,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> Estimate:
    """AUROC of scores less that of a baseline on the same rows.

    A baseline below the floor counts as the floor: that words anti-predict is no gift to a
    probe. So this is the lesser of two gains, over the baseline and over the floor, and its
    bounds are the lesser of theirs. The gain over the baseline combines the two intervals of
    `auroc_estimate` by MOVER, with the correlation that the two AUROCs have over the same
    resamples; perfect separation needs no other rule than there.

    Args:
        scores: `[n]`, of the probe.
        baseline_scores: `[n]`, of what it has to beat.
        labels: `[n]`, 0 or 1.
        groups: `[n]`.
        floor: least AUROC that the baseline is credited with.
        confidence: of the two-sided interval.
        n_resamples: how many.
        random_state: seed.

    Raises:
        ProbeError: as `auroc_estimate` does.
    """
    return beside_baseline(
        scores,
        baseline_scores,
        labels,
        groups,
        floor=floor,
        confidence=confidence,
        n_resamples=n_resamples,
        random_state=random_state,
    ).gain


@dataclass(frozen=True)
class Beside:
    """What `auroc_estimate` says of scores and of a baseline, and `gain_estimate` of both."""

    auroc: Estimate
    baseline: Estimate
    gain: Estimate


def beside_baseline(
    scores: Array,
    baseline_scores: Array,
    labels: Array,
    groups: Groups,
    *,
    floor: float = 0.5,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> Beside:
    """Both AUROCs and the gain over one set of resamples. Arguments as of `gain_estimate`.

    Raises:
        ProbeError: as `auroc_estimate` does.
    """
    probe = _resampled(scores, labels, groups, n_resamples, random_state)
    baseline = _resampled(baseline_scores, labels, groups, n_resamples, random_state)
    ours, theirs = probe.estimate(confidence), baseline.estimate(confidence)
    low, high = mover(ours, theirs, correlation=_correlation(probe.draws, baseline.draws))
    gain = replace(
        ours,
        value=ours.value - max(theirs.value, floor),
        low=None if ours.low is None else min(low, ours.low - floor),
        high=None if ours.high is None else min(high, ours.high - floor),
        method="paired cluster bootstrap",
    )
    return Beside(ours, theirs, gain)


def _correlation(a: Floats, b: Floats) -> float:
    """Correlation of two series of draws; zero where one of them does not vary."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 2:
        return 0.0
    x, y = a[both] - a[both].mean(), b[both] - b[both].mean()
    size = math.sqrt(float(x @ x) * float(y @ y))
    return float(np.clip(x @ y / size, -1.0, 1.0)) if size > 0 else 0.0


def recall_estimate(
    scores: Array, labels: Array, groups: Groups, threshold: float, *, confidence: float = 0.95
) -> Estimate:
    """Share of the positive rows above the threshold, with the interval of `rate`."""
    values, positive = scores_and_labels(scores, labels)
    return rate(values[positive] > threshold, np.asarray(groups)[positive], confidence=confidence)


def balanced_accuracy_estimate(
    scores: Array, labels: Array, groups: Groups, threshold: float, *, confidence: float = 0.95
) -> Estimate:
    """Mean of recall and of the share of negatives that do not fire, with its interval.

    The intervals that `rate` gives the two shares are combined by MOVER with the correlation
    that the groups show. Where groups hold both classes and one share is 0 or 1, no
    correlation can be seen and the widest is taken.

    Raises:
        ProbeError: on one class only, or scores that are not finite.
    """
    values, positive = scores_and_labels(scores, labels)
    codes, n_groups = group_codes(groups, len(values))
    right = (values > threshold) == positive
    recall = rate(right[positive], codes[positive], confidence=confidence)
    miss = rate(~right[~positive], codes[~positive], confidence=confidence)
    residual = np.stack(
        [
            np.bincount(codes, (right - recall.value) * positive, n_groups),
            np.bincount(codes, (miss.value - ~right) * ~positive, n_groups),
        ]
    )
    shared = len(np.intersect1d(codes[positive], codes[~positive])) > 0
    variance = float(np.prod(np.sum(residual**2, axis=1)))
    if variance > 0:
        correlation = -float(residual[0] @ residual[1]) / math.sqrt(variance)
    else:
        correlation = -1.0 if shared else 0.0
    low, high = mover(recall, miss, correlation)
    return Estimate(
        (1 + recall.value - miss.value) / 2,
        max((1 + low) / 2, 0.0),
        min((1 + high) / 2, 1.0),
        len(values),
        n_groups,
        confidence,
        "MOVER on the two classes",
    )


def calibration_error_estimate(
    probabilities: Array,
    labels: Array,
    groups: Groups,
    *,
    bins: int = 10,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> Estimate:
    """Expected calibration error with an interval that allows for its bias.

    Noise alone makes this error large: a perfect forecaster with 100 rows shows about 0.09,
    and resampling rows adds more of the same, so a percentile interval would exclude the
    truth. Here the noise of the bins is drawn by flipping the signs of whole groups of
    residuals (wild cluster bootstrap). By the triangle inequality the error that was seen lies
    within the error of the noise alone from the true one, and the interval says no more.

    Raises:
        ProbeError: if a probability is outside 0..1, or labels do not fit.
    """
    gap, bin_of = calibration_gaps(probabilities, labels, bins)
    n, n_bins = len(gap), int(bin_of.max()) + 1
    codes, n_groups = group_codes(groups, n)
    value = calibration_error(probabilities, labels, bins)
    cells, shape = codes * n_bins + bin_of, (n_groups, n_bins)
    residual = gap - (np.bincount(bin_of, gap) / np.maximum(np.bincount(bin_of), 1))[bin_of]
    sums = np.bincount(cells, residual, n_groups * n_bins).reshape(shape)
    there = np.count_nonzero(np.bincount(cells, minlength=n_groups * n_bins).reshape(shape), axis=0)
    sums = sums * np.sqrt(there / np.maximum(there - 1, 1))  # the mean took a degree of freedom
    rng = np.random.default_rng(random_state)
    noise = np.concatenate(
        [
            np.abs(rng.choice((-1.0, 1.0), (some, n_groups)) @ sums).sum(axis=1) / n
            for some in blocks(n_resamples, n_groups)
        ]
    )
    reach = float(np.quantile(noise, 1 - tail(confidence)))
    low, high = max(value - reach, 0.0), min(value + reach, 1.0)
    if n_groups == 1:
        return Estimate(value, None, None, n, 1, confidence, "one group")
    return Estimate(value, low, high, n, n_groups, confidence, "wild cluster bootstrap")
