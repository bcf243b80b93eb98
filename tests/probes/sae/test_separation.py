"""AUROC and cuts of sparse columns against scikit-learn and against trying every cut."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_matrix
from sklearn.metrics import roc_auc_score

from probes import ProbeError
from probes.sae.separation import separation


def table(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Columns from silent to dense, with ties among what is stored."""
    density = np.append(np.linspace(0, 1, m - 1), 1.0)
    values = np.ceil(rng.exponential(3.0, (n, m)) * 2) / 2
    return values * (rng.random((n, m)) < density)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_that_of_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    values, positive = table(rng, 60, 50), rng.random(60) < 0.3
    found = separation(csc_matrix(values), positive)
    expected = [roc_auc_score(positive, column) for column in values.T]
    np.testing.assert_allclose(found.auroc, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_no_cut_does_better_and_none_as_good_is_lower(seed: int):
    rng = np.random.default_rng(100 + seed)
    values, positive = table(rng, 40, 30), rng.random(40) < 0.5
    found = separation(csc_matrix(values), positive)
    for column, cut, lift in zip(values.T, found.cut, found.lift, strict=True):
        if not column.any():
            assert (cut, lift) == (0.0, 0.0)
            continue
        above = column > cut
        assert lift == pytest.approx(above[positive].mean() - above[~positive].mean())
        # A cut above everything says nothing, and is not a choice.
        tried = [0.0, *np.unique(column)[:-1]]
        lifts = [
            (column > one)[positive].mean() - (column > one)[~positive].mean() for one in tried
        ]
        assert lift == pytest.approx(max(lifts))
        lowest = tried[int(np.argmax(np.array(lifts) >= max(lifts) - 1e-12))]
        assert above.sum() == (column > lowest).sum()


def test_a_dense_column_is_told_by_its_level():
    positive = np.arange(40) < 20
    column = np.where(positive, 5.0, 3.0)[:, None]
    found = separation(csc_matrix(column), positive)
    assert (found.cut[0], found.lift[0], found.auroc[0]) == (4.0, 1.0, 1.0)


def test_one_side_is_refused():
    with pytest.raises(ProbeError, match="both sides"):
        separation(csc_matrix(np.ones((3, 2))), np.ones(3, dtype=bool))
