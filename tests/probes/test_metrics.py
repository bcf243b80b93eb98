"""Point metrics, judged by scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from probes import (
    ProbeError,
    auroc,
    balanced_accuracy,
    calibration_error,
    platt,
    recall_at_threshold,
)

# Few distinct values, so that ties are the rule.
tied = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=40).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@settings(max_examples=150, deadline=None)
@given(tied)
def test_equal_to_scikit_learn_with_ties(rows):
    scores, labels = np.array(rows, dtype=float).T
    fires = scores > 0
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert balanced_accuracy(scores, labels, 0.0) == pytest.approx(
        balanced_accuracy_score(labels, fires)
    )
    assert recall_at_threshold(scores, labels, 0.0) == pytest.approx(recall_score(labels, fires))


def test_an_inverted_probe_reads_a_tenth_and_is_not_turned_round():
    labels = np.repeat([1, 0], 10)
    scores = np.concatenate([np.zeros(10), np.concatenate([np.full(9, 1.0), [-1.0]])])
    assert auroc(scores, labels) == pytest.approx(0.1)
    assert auroc(-scores, labels) == pytest.approx(0.9)


def test_a_score_equal_to_the_threshold_does_not_fire():
    assert recall_at_threshold(np.array([1.0, 2.0, 0.0]), np.array([1, 1, 0]), 1.0) == 0.5


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, 0.2], [1, 1], "only one class"),
        ([0.1, np.nan, np.inf], [1, 0, 1], "2 of 3 scores are NaN or infinite"),
        ([], [], "at least one"),
        ([0.1, 0.2], [1, 0, 1], "2 labels"),
        ([0.1, 0.2], [1, -1], "found -1"),
    ],
)
def test_what_has_no_auroc_raises(scores, labels, message):
    with pytest.raises(ProbeError, match=message):
        auroc(np.array(scores), np.array(labels))


def test_calibration_error_of_known_gaps():
    probabilities = np.repeat([0.1, 0.3, 0.8, 0.9], 25)
    labels = np.concatenate([np.arange(25) < k for k in (0, 10, 20, 25)]).astype(int)
    # Bins of 25: gaps 0.1, 0.1, 0, 0.1.
    assert calibration_error(probabilities, labels, bins=4) == pytest.approx(0.075)


def test_calibration_error_does_not_depend_on_the_order_of_ties():
    rng = np.random.default_rng(0)
    probabilities = rng.integers(0, 7, 200) / 6
    labels = rng.integers(0, 2, 200)
    order = rng.permutation(200)
    assert calibration_error(probabilities, labels) == pytest.approx(
        calibration_error(probabilities[order], labels[order])
    )


def test_calibration_error_falls_to_zero_for_a_perfect_forecaster():
    rng = np.random.default_rng(0)
    probabilities = rng.random(200_000)
    labels = (rng.random(200_000) < probabilities).astype(int)
    assert calibration_error(probabilities, labels) < 0.005
    assert calibration_error(probabilities**2, labels) > 0.1


def test_calibration_error_refuses_what_is_no_probability():
    with pytest.raises(ProbeError, match=r"0\.\.1"):
        calibration_error(np.array([0.2, 1.2]), np.array([0, 1]))
    with pytest.raises(ProbeError, match="as many labels"):
        calibration_error(np.array([0.2, 0.3]), np.array([0, 2]))


@pytest.mark.parametrize(("unit", "zero"), [(1.0, 0.0), (1e4, 3e4), (1e-4, -2.0)])
def test_platt_minimises_his_own_loss(unit: float, zero: float):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = (rng.standard_normal(300) + 1.5 * labels) * unit + zero
    positives = labels.sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (302 - positives))

    def loss(at, z):
        margin = at[0] * z + at[1]
        return np.sum(np.logaddexp(0, margin) - target * margin)

    z = (scores - zero) / unit
    best = minimize(loss, [0.0, 0.0], args=(z,), tol=1e-12).x
    slope, intercept = platt(scores, labels)
    assert slope * unit == pytest.approx(best[0], rel=1e-3)
    assert intercept + slope * zero == pytest.approx(best[1], rel=1e-2, abs=1e-3)


def test_platt_is_finite_on_separable_and_on_constant_scores():
    labels = np.repeat([0, 1], 50)
    slope, intercept = platt(labels * 2.0 - 1, labels)
    assert 1 / (1 + np.exp(-(slope + intercept))) == pytest.approx(51 / 52, abs=1e-4)
    slope, intercept = platt(np.ones(100), labels)
    assert 1 / (1 + np.exp(-(slope + intercept))) == pytest.approx(0.5, abs=1e-6)
