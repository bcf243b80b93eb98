"""Mean-based probes against dense formulas and scikit-learn's covariance."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage

from probes import mean_based
from probes.fitters import FITTERS
from tests.probes.planted import plant

SHAPES = pytest.mark.parametrize(("pairs", "d"), [(100, 12), (20, 90), (6, 12)])


def centred_by_class(x, y):
    return x - np.where(y[:, None] == 1, x[y == 1].mean(0), x[y == 0].mean(0))


@SHAPES
def test_shrinkage_equals_scikit_learn(pairs: int, d: int):
    data = plant(n_pairs=pairs, d=d, strength=2.0)
    rows = centred_by_class(data.x.astype(np.float64), data.y)
    ours = mean_based.ledoit_wolf_shrinkage(rows, rows @ rows.T)
    assert ours == pytest.approx(ledoit_wolf_shrinkage(rows, assume_centered=True), rel=1e-6)
    assert 0 < ours <= 1


@SHAPES
@pytest.mark.parametrize("name", ["mass_mean", "lda"])
def test_the_mean_difference_in_the_inverse_covariance(name: str, pairs: int, d: int):
    data = plant(n_pairs=pairs, d=d, strength=2.0)
    z = (data.x.astype(np.float64) - data.x.mean(0)) / data.x.std(0)
    covariance, _ = ledoit_wolf(centred_by_class(z, data.y), assume_centered=True)
    expected = np.linalg.solve(covariance, z[data.y == 1].mean(0) - z[data.y == 0].mean(0))
    probe = FITTERS[name](data.x, data.y, data.groups)
    np.testing.assert_allclose(probe.coef_, expected, rtol=1e-3, atol=1e-5)


def test_difference_of_means_is_a_steering_vector():
    data = plant(n_pairs=50, d=8, strength=2.0)
    probe = FITTERS["difference_of_means"](data.x, data.y, data.groups)
    expected = data.x[data.y == 1].mean(0) - data.x[data.y == 0].mean(0)
    np.testing.assert_allclose(probe.coef_ / probe.scale_, expected, rtol=1e-4, atol=1e-6)


def test_mass_mean_and_lda_differ_by_the_base_rate():
    data = plant(n_pairs=200, d=8, strength=2.0)
    rare = (data.y == 0) | (np.arange(400) % 20 == 0)
    x, y, groups = data.x[rare], data.y[rare], data.groups[rare]
    mass_mean, lda = FITTERS["mass_mean"](x, y, groups), FITTERS["lda"](x, y, groups)
    np.testing.assert_array_equal(mass_mean.coef_, lda.coef_)
    assert lda.intercept_ - mass_mean.intercept_ == pytest.approx(np.log(20 / 200))
    scores = mass_mean.decision_function(x)
    assert scores[y == 1].mean() == pytest.approx(-scores[y == 0].mean(), rel=1e-3)
