"""What rose between two checkpoints is found, what only wavers is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_matrix
from scipy.stats import binomtest

from probes.sae.changes import increases, smallest_p


def pair(rng, n_groups=60, size=3, m=200):
    """The same rows twice; groups move together, by chance up or down."""
    groups = np.repeat(np.arange(n_groups), size)
    n = len(groups)
    on = rng.random((n, m)) < rng.choice([0.05, 0.3, 1.0], m)
    base = rng.exponential(1.0, (n, m)) * on
    shift = rng.normal(0, 0.3, (n_groups, m))[groups]
    before, after = base * np.exp(shift), base * np.exp(-shift)
    return before, after, groups


def test_equals_the_sign_test_on_group_means():
    before, after, groups = pair(np.random.default_rng(0))
    found = increases(csc_matrix(before), csc_matrix(after), groups)
    means = (after - before).reshape(60, 3, -1).mean(axis=1)
    risen = (after - before).mean(axis=0) > 0
    noise = 1e-5 * np.maximum(before, after).max(axis=0)
    for column, least, p, rose in zip(means.T, noise, found.p_value, risen, strict=True):
        up, moved = int((column > least).sum()), int((abs(column) > least).sum())
        exact = binomtest(up, moved, alternative="greater").pvalue
        assert p == pytest.approx(exact if rose else 1.0)
    standard = (after.mean(axis=0) - before.mean(axis=0)) / np.sqrt(
        (after.var(axis=0) + before.var(axis=0)) / 2
    )
    np.testing.assert_allclose(found.increase, standard, rtol=1e-6)


def test_under_the_null_p_values_are_no_smaller_than_uniform_ones():
    p = []
    for seed in range(20):
        before, after, groups = pair(np.random.default_rng(seed))
        p.append(increases(csc_matrix(before), csc_matrix(after), groups).p_value)
    p = np.concatenate(p)
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p <= level) <= level + 4 * np.sqrt(level * (1 - level) / len(p))


def test_planted_rises_are_ranked_by_their_size():
    rng = np.random.default_rng(1)
    before, after, groups = pair(rng)
    after[:, 5] = before[:, 5] + 1.0
    after[:, 6] = before[:, 6] + 4.0
    after[:, 7] = 0.0  # went silent
    before[:, 8], after[:, 8] = 0.0, 2.0  # new, and constant
    found = increases(csc_matrix(before), csc_matrix(after), groups)
    ranked = found.ranked(0.05).tolist()
    assert set(ranked) == {5, 6, 8}
    assert ranked.index(6) < ranked.index(5)
    assert found.p_value[7] == 1.0
    assert found.p_value[6] == pytest.approx(smallest_p(groups))


def test_arithmetic_noise_is_no_change():
    rng = np.random.default_rng(2)
    before, _, groups = pair(rng)
    after = before * (1 + 1e-7)
    assert len(increases(csc_matrix(before), csc_matrix(after), groups).ranked(0.5)) == 0
