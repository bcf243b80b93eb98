"""How well scores agree with labels: point values, without intervals.

Nothing here knows a probe, and nothing turns a score round: an inverted probe reads 0.1,
never 0.9.
"""

from __future__ import annotations

import numpy as np

from probes.base import Array, Bools, Floats, Indices, ProbeError
from probes.training_set import binary_labels


def scores_and_labels(scores: Array, labels: Array) -> tuple[Floats, Bools]:
    """Scores `[n]` in float64 and labels `[n]` as booleans.

    Raises:
        ProbeError: on scores that are not finite (with their count) or not one per row, and
            on labels that are not two classes of 0 and 1.
    """
    values = finite_scores(scores)
    return values, binary_labels(labels, len(values))


def finite_scores(scores: Array) -> Floats:
    """Scores `[n]` in float64.

    Raises:
        ProbeError: if there are none, or some are NaN or infinite (with their count).
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ProbeError(f"scores are [n], at least one; got shape {values.shape}")
    if bad := int(np.count_nonzero(~np.isfinite(values))):
        raise ProbeError(f"{bad} of {len(values)} scores are NaN or infinite")
    return values


def auroc(scores: Array, labels: Array) -> float:
    """Chance that a positive row scores above a negative one; a tie counts one half.

    Args:
        scores: `[n]`, higher = more of the concept.
        labels: `[n]`, 0 or 1.

    Raises:
        ProbeError: on one class only, or scores that are not finite.
    """
    values, positive = scores_and_labels(scores, labels)
    negatives = np.sort(values[~positive])
    below = np.searchsorted(negatives, values[positive], side="left")
    up_to = np.searchsorted(negatives, values[positive], side="right")
    return float((below + up_to).sum() / (2 * len(below) * len(negatives)))


def recall_at_threshold(scores: Array, labels: Array, threshold: float) -> float:
    """Share of the positive rows that fire, that is score strictly above the threshold."""
    values, positive = scores_and_labels(scores, labels)
    return float(np.mean(values[positive] > threshold))


def balanced_accuracy(scores: Array, labels: Array, threshold: float) -> float:
    """Mean of the share of positives that fire and the share of negatives that do not."""
    values, positive = scores_and_labels(scores, labels)
    fires = values > threshold
    return float((np.mean(fires[positive]) + np.mean(~fires[~positive])) / 2)


def calibration_error(probabilities: Array, labels: Array, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass.

    Args:
        probabilities: `[n]` in 0..1.
        labels: `[n]`, 0 or 1. One class only is allowed here.
        bins: how many bins, at most; each holds about `n / bins` rows.

    Raises:
        ProbeError: if a probability is outside 0..1, or labels do not fit.
    """
    gap, bin_of = calibration_gaps(probabilities, labels, bins)
    return float(np.abs(np.bincount(bin_of, weights=gap)).sum() / len(gap))


def calibration_gaps(probabilities: Array, labels: Array, bins: int) -> tuple[Floats, Indices]:
    """Label less probability `[n]`, and the bin of equal mass `[n]` that each row is in.

    Equal probabilities always share a bin, so the order of the rows does not matter.
    """
    values, truth = finite_scores(probabilities), np.asarray(labels, dtype=np.float64)
    if values.min() < 0 or values.max() > 1:
        raise ProbeError(f"probabilities lie in 0..1; found {values.min():g} to {values.max():g}")
    if truth.shape != values.shape or not np.isin(truth, (0, 1)).all():
        raise ProbeError(f"{len(values)} probabilities need as many labels, each 0 or 1")
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(count) - count / 2
    bin_of = np.minimum((middle_rank * bins / len(values)).astype(np.intp), bins - 1)
    return truth - values, bin_of[code]


def platt(scores: Array, labels: Array) -> tuple[float, float]:
    """Fit `probability = sigmoid(slope * score + intercept)` and return slope and intercept.

    Platt's smoothed targets keep it finite on separable scores (Platt 1999, with the Newton
    iteration of Lin, Lin & Weng 2007).

    Raises:
        ProbeError: on one class only, or scores that are not finite.
    """
    values, positive = scores_and_labels(scores, labels)
    centre, spread = values.mean(), values.std()
    if spread == 0:
        spread = 1.0
    design = np.column_stack([(values - centre) / spread, np.ones(len(values))])
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss(at: Floats) -> float:
        margin = design @ at
        return float(np.sum(np.logaddexp(0, margin) - target * margin))

    weights = np.array([0.0, np.log((n_positive + 1) / (n_negative + 1))])
    for _ in range(100):
        probability = 0.5 * (1 + np.tanh(design @ weights / 2))
        gradient = design.T @ (probability - target)
        if np.abs(gradient).max() < 1e-10 * len(values):
            break
        curvature = design.T @ (design * (probability * (1 - probability))[:, None])
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while size > 1e-10 and loss(weights - size * step) > loss(weights):
            size /= 2
        weights = weights - size * step
    slope = float(weights[0] / spread)
    return slope, float(weights[1] - slope * centre)
