"""Features chosen by labels: the best come first, and choosing is part of what is validated."""

from __future__ import annotations

import numpy as np
import pytest

from probes.base import ProbeError
from probes.metrics import auroc
from probes.sae.choosing import auroc_of_columns, best_features, nested_scores


def test_choosing_features_is_part_of_what_is_cross_validated() -> None:
    """Of pure noise, however many features there are to choose from, nothing is left."""
    rng = np.random.default_rng(0)
    pooled = np.maximum(rng.normal(size=(64, 4000)), 0).astype(np.float32)
    y = np.tile([0, 1], 32)
    groups = np.repeat(np.arange(32), 2).astype(str)
    honest = auroc(nested_scores(pooled, y, groups, combine="sum", k=20), y)
    chosen = list(best_features(pooled, y, 20))
    assert auroc(pooled[:, chosen].sum(axis=1), y) > 0.9  # what choosing on all rows pretends
    assert honest == pytest.approx(0.5, abs=0.2)


def test_every_columns_auroc_is_the_auroc() -> None:
    rng = np.random.default_rng(0)
    pooled = np.maximum(rng.normal(size=(80, 30)), 0).astype(np.float32)
    pooled[:, 7] = 0
    y = rng.integers(0, 2, 80)
    found = auroc_of_columns(pooled, y)
    np.testing.assert_allclose(found, [auroc(column, y) for column in pooled.T], atol=1e-12)
    assert found[7] == 0.5


def test_the_best_come_first_and_the_worthless_not_at_all() -> None:
    y = np.array([0, 0, 0, 1, 1, 1])
    pooled = np.zeros((6, 4), np.float32)
    pooled[:, 1] = y
    pooled[:, 2] = [0, 0, 1, 1, 1, 1]
    pooled[:, 3] = 1 - y
    assert best_features(pooled, y, 3) == (1, 2)
    assert best_features(pooled[:, [0, 3]], y, 2) == (0,)


def test_one_class_chooses_nothing() -> None:
    with pytest.raises(ProbeError, match="one class only"):
        best_features(np.ones((3, 2), np.float32), np.ones(3, int), 1)
