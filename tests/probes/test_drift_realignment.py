"""A map learnt on control rows, without labels, gives a frozen probe its readings back."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.linear_model import Ridge

from probes import ProbeError, auroc
from probes.mean_based import fit_difference_of_means
from probes.realignment import RIDGES, fit_realignment, realigned, score_r2
from probes.representation_drift import direction_cosine
from tests.probes.planted import plant


def controls(n: int, d: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("n_controls", [60, 300])  # fewer rows than twice the width, and many
def test_a_rotation_is_undone(n_controls: int):
    d = 40
    rows = plant(150, d, 3.0)
    rotation, shift = ortho_group.rvs(d, random_state=0), 5.0
    probe = fit_difference_of_means(rows.x, rows.y, rows.groups)
    rotated = rows.x @ rotation + shift
    control = controls(n_controls, d)
    found = fit_realignment(control, control @ rotation + shift, np.arange(n_controls))
    before = auroc(probe.decision_function(rows.x), rows.y)
    assert auroc(probe.decision_function(rotated), rows.y) < before - 0.1
    back = realigned(probe, found)
    assert auroc(back.decision_function(rotated), rows.y) == pytest.approx(before, abs=2e-3)
    np.testing.assert_allclose(
        back.decision_function(rotated), probe.decision_function(rows.x), atol=0.02
    )
    assert found.r2 > 0.99
    assert score_r2(probe, found, control) > 0.99
    refit = fit_difference_of_means(rotated, rows.y, rows.groups)
    assert abs(direction_cosine(probe, refit)) < 0.6
    assert direction_cosine(back, refit) > 0.99


def test_a_realigned_probe_is_the_probe_after_the_map():
    rng = np.random.default_rng(0)
    rows = plant(60, 12, 2.0)
    probe = fit_difference_of_means(rows.x, rows.y, rows.groups)
    control = controls(80, 12)
    moved = control @ rng.standard_normal((12, 12)) + rng.standard_normal(12)
    found = fit_realignment(control, moved, np.arange(80))
    x = rng.standard_normal((50, 3, 12)) * 4
    np.testing.assert_allclose(
        realigned(probe, found).decision_function(x),
        probe.decision_function(found.transform(x)),
        rtol=1e-4,
        atol=1e-4,
    )


def judged(ref: np.ndarray, new: np.ndarray, at: np.ndarray, ridge: float) -> np.ndarray:
    """Rows `at` carried over by scikit-learn's ridge regression."""
    x, y = (new - new.mean(0)) / new.std(0), (ref - ref.mean(0)) / ref.std(0)
    multiple = np.sum(x * y) / np.sum(x * x)
    eigenvalues = np.linalg.svd(x, compute_uv=False) ** 2
    judge = Ridge(alpha=ridge * eigenvalues.mean(), fit_intercept=False, solver="svd")
    judge.fit(x, y - multiple * x)
    z = (at - new.mean(0)) / new.std(0)
    return (multiple * z + judge.predict(z)) * ref.std(0) + ref.mean(0)


@pytest.mark.parametrize(("n", "d"), [(90, 10), (30, 50)])
def test_the_map_is_the_ridge_regression_of_scikit_learn(n: int, d: int):
    ref = controls(n, d)
    new = ref @ (np.eye(d) + 0.2 * controls(d, d, 3)) + 0.3 * controls(n, d, 4)
    found = fit_realignment(ref, new, np.arange(n))
    at = controls(20, d, 5)
    np.testing.assert_allclose(found.transform(at), judged(ref, new, at, found.ridge), atol=1e-3)


def test_activations_with_nothing_in_common_have_no_validity():
    found = fit_realignment(controls(100, 30), controls(100, 30, 8), np.arange(100))
    assert found.r2 < 0.05
    assert found.r2_shifted < -0.5


def test_copies_of_one_row_do_not_lend_validity():
    # Ten groups of ten near-copies: a fold that cut a group would know its test rows by heart.
    ref = np.repeat(controls(10, 30), 10, axis=0) + 0.01 * controls(100, 30, 1)
    new = np.repeat(controls(10, 30, 8), 10, axis=0) + 0.01 * controls(100, 30, 2)
    assert fit_realignment(ref, new, np.repeat(np.arange(10), 10)).r2 < 0.1
    assert fit_realignment(ref, new, np.arange(100)).r2 > 0.9  # what it would say otherwise


def test_a_concept_that_controls_lack_is_left_in_place():
    # Few control rows in a narrow subspace, and a checkpoint that hardly moved.
    d = 60
    rows = plant(100, d, 3.0)
    probe = fit_difference_of_means(rows.x, rows.y, rows.groups)
    narrow = controls(40, 10) @ controls(10, d, 3)
    narrow -= np.outer(narrow @ rows.direction, rows.direction)
    jitter = np.eye(d) + 0.002 * controls(d, d, 4)
    found = fit_realignment(narrow, narrow @ jitter, np.arange(40))
    scores = realigned(probe, found).decision_function(rows.x @ jitter)
    np.testing.assert_allclose(scores, probe.decision_function(rows.x), atol=1.0)
    assert auroc(scores, rows.y) > 0.95


def test_dimensions_that_only_grew_are_scaled_back_from_few_rows():
    ref = controls(30, 200)
    gain = np.geomspace(0.01, 100, 200)
    gain[0] = 1e6  # and one became massive
    found = fit_realignment(ref, ref * gain, np.arange(30))
    fresh = controls(10, 200, 9)
    np.testing.assert_allclose(found.transform(fresh * gain), fresh, atol=0.1)
    assert found.r2 > 0.95
    assert found.r2_shifted < 0


def test_held_out_rows_were_carried_over_by_a_map_learnt_without_their_group():
    ref = controls(16, 3)
    new = np.tanh(ref @ ortho_group.rvs(3, random_state=0)) + 0.3 * controls(16, 3, 4)
    found = fit_realignment(ref, new, np.arange(8).repeat(2), folds=8)
    for i in range(16):
        others = np.arange(16) // 2 != i // 2
        carried = [judged(ref[others], new[others], new[i : i + 1], ridge) for ridge in RIDGES]
        assert np.min(np.abs(np.vstack(carried) - found.held_out[i]).max(axis=1)) < 1e-5
    residual = (ref - found.held_out) / ref.std(0)
    assert found.r2 == pytest.approx(1 - np.sum(residual**2) / ref.size, abs=0.1)


def test_a_silent_dimension_and_another_order_of_groups_change_nothing():
    ref = controls(60, 8)
    ref[:, 2] = 4.0
    new = ref @ ortho_group.rvs(8, random_state=0)
    found = fit_realignment(ref, new, [f"case {i % 30}" for i in range(60)])
    assert found.n_groups == 30
    np.testing.assert_allclose(found.transform(new), ref, atol=0.02)
    again = fit_realignment(ref, new, [f"case {i % 30}" for i in range(60)])
    np.testing.assert_array_equal(found.weight, again.weight)


def test_what_cannot_be_mapped_is_said():
    ref = controls(20, 4)
    with pytest.raises(ProbeError, match="2 groups"):
        fit_realignment(ref, ref, np.zeros(20, dtype=int))
    with pytest.raises(ProbeError, match="across widths"):
        fit_realignment(ref, controls(20, 5), np.arange(20))
    with pytest.raises(ProbeError, match="checkpoint's control rows are all alike"):
        fit_realignment(ref, np.ones((20, 4)), np.arange(20))
    with pytest.raises(ProbeError, match="reference's control rows are all alike"):
        fit_realignment(np.ones((20, 4)), ref, np.arange(20))
    found = fit_realignment(ref, ref, np.arange(20))
    rows = plant(20, 5, 2.0)
    with pytest.raises(ProbeError, match="d_model 5, the map 4"):
        realigned(fit_difference_of_means(rows.x, rows.y, rows.groups), found)
    with pytest.raises(ProbeError, match="d_model 4"):
        found.transform(rows.x)
