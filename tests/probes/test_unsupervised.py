"""Methods on pairs use the labels for the sign and for nothing else."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from probes.fitters import FITTERS
from probes.training_set import training_set
from probes.unsupervised import _ccs_loss, _top_components
from tests.probes.planted import plant

both = pytest.mark.parametrize("name", ["pca_pairs", "ccs"])


@pytest.mark.parametrize("shape", [(40, 10), (10, 40)])
def test_components_equal_the_singular_vectors(shape):
    rows = np.random.default_rng(0).standard_normal(shape)
    ours = _top_components(rows, 3)
    theirs = np.linalg.svd(rows)[2][:3].T
    np.testing.assert_allclose(np.abs(np.sum(ours * theirs, axis=0)), 1, rtol=1e-9)
    np.testing.assert_allclose(ours.T @ ours, np.eye(3), atol=1e-9)


def test_the_gradient_of_ccs_is_its_gradient():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 20, 5))
    for _ in range(5):
        at = rng.standard_normal(6)
        error = check_grad(
            lambda w: _ccs_loss(w, first, second)[0], lambda w: _ccs_loss(w, first, second)[1], at
        )
        assert error < 1e-5


def test_the_loss_of_ccs_does_not_know_which_side_is_which():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 20, 5))
    at = rng.standard_normal(6)
    swap = rng.random(20)[:, None] < 0.5
    swapped = np.where(swap, second, first), np.where(swap, first, second)
    assert _ccs_loss(at, first, second)[0] == pytest.approx(_ccs_loss(at, *swapped)[0])


@both
def test_opposite_labels_turn_the_probe_round(name: str):
    data = plant(n_pairs=40, d=10, strength=4.0)
    one = FITTERS[name](data.x, data.y, data.groups)
    other = FITTERS[name](data.x, 1 - data.y, data.groups)
    assert float(one.direction @ other.direction) < -0.999


@both
def test_labels_swapped_within_some_pairs_leave_the_axis_alone(name: str):
    data = plant(n_pairs=60, d=10, strength=4.0)
    flipped = np.where(data.groups % 3 == 0, 1 - data.y, data.y)
    one = FITTERS[name](data.x, data.y, data.groups)
    other = FITTERS[name](data.x, flipped, data.groups)
    assert abs(float(one.direction @ other.direction)) > 0.99


def test_pairs_match_within_groups_in_the_order_of_the_rows():
    y = np.array([0, 1, 1, 0, 1, 1, 0, 0])
    groups = ["a", "b", "a", "b", "a", "c", "a", "d"]
    positive, negative = training_set(np.zeros((8, 2)), y, groups).pairs()
    assert list(zip(positive.tolist(), negative.tolist(), strict=True)) == [(2, 0), (4, 6), (1, 3)]
