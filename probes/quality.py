"""How good a monitor is, each number with its interval: AUROC, gain over text, recall, ...

About the instrument, never about the model that it reads. Knows scores, labels and groups.
"""

from __future__ import annotations

import math

import numpy as np

from probes.base import Array, Floats, Groups, ProbeError, group_codes
from probes.estimate import Estimate
from probes.metrics import auroc, calibration_error, scores_and_labels
from probes.proportions import mover, rate
from probes.resampling import bootstrap, resamples, weighted_aurocs


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
    values, positive = scores_and_labels(scores, labels)
    codes, n_groups = group_codes(groups, len(values))
    value = auroc(values, positive)
    draws = np.concatenate(
        [
            weighted_aurocs(values, positive, codes, block)
            for block in resamples(len(values), n_groups, n_resamples, random_state)
        ]
    )
    least = min(len(np.unique(codes[positive])), len(np.unique(codes[~positive])))
    low, high = _logit_interval(value, draws, least, confidence)
    return Estimate(
        value, low, high, len(values), n_groups, confidence, "cluster bootstrap, logit scale"
    )


def _logit_interval(
    value: float, draws: Floats, least: int, confidence: float
) -> tuple[float, float]:
    from scipy.special import stdtrit

    tail = (1 - confidence) / 2
    floor = tail ** (1 / least)
    spread = float(np.nanstd(draws)) if np.isfinite(draws).sum() > 1 else math.inf
    low, high = value, value
    if 0 < value < 1:
        reach = spread / (value * (1 - value)) * float(stdtrit(max(least - 1, 1), 1 - tail))
        middle = math.log(value / (1 - value))
        low, high = _sigmoid(middle - reach), _sigmoid(middle + reach)
    return min(low, floor), max(high, 1 - floor)


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
    probe. The two intervals of `auroc_estimate` are combined by MOVER with the correlation
    that the two AUROCs have over the same resamples, so perfect separation needs no other
    rule than there.

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
    values, positive = scores_and_labels(scores, labels)
    baseline, _ = scores_and_labels(baseline_scores, labels)
    codes, n_groups = group_codes(groups, len(values))
    probe, text = [], []
    for block in resamples(len(values), n_groups, n_resamples, random_state):
        probe.append(weighted_aurocs(values, positive, codes, block))
        text.append(weighted_aurocs(baseline, positive, codes, block))
    least = min(len(np.unique(codes[positive])), len(np.unique(codes[~positive])))
    ours, theirs = np.concatenate(probe), np.concatenate(text)

    def estimate(value: float, draws: Floats, at_least: float) -> Estimate:
        low, high = _logit_interval(value, draws, least, confidence)
        bounds = (max(value, at_least), max(low, at_least), max(high, at_least))
        return Estimate(*bounds, len(values), n_groups, confidence)

    a = estimate(auroc(values, positive), ours, 0.0)
    b = estimate(auroc(baseline, positive), theirs, floor)
    low, high = mover(a, b, correlation=_correlation(ours, np.maximum(theirs, floor)))
    return Estimate(
        a.value - b.value, low, high, len(values), n_groups, confidence, "paired cluster bootstrap"
    )


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
    """Expected calibration error with the percentile interval of the cluster bootstrap."""
    given, truth = np.asarray(probabilities), np.asarray(labels)
    if given.shape != truth.shape:
        raise ProbeError(f"{given.shape} probabilities do not fit {truth.shape} labels")
    return bootstrap(
        lambda rows: calibration_error(given[rows], truth[rows], bins),
        groups,
        n_resamples=n_resamples,
        confidence=confidence,
        random_state=random_state,
    )
