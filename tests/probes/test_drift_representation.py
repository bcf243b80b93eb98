"""Alignment figures against brute force and scipy, and what leaves them where they are."""

import itertools

import numpy as np
import pytest
import scipy.spatial
from scipy.stats import ortho_group

from probes import LinearProbe, ProbeError
from probes.representation_drift import (
    compare_representations,
    direction_cosine,
    linear_cka,
    norm_ratio,
    procrustes_residual,
)


def normal(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def probe(coef: np.ndarray, scale: np.ndarray | None = None) -> LinearProbe:
    d = len(coef)
    return LinearProbe(coef, 0.0, np.zeros(d), np.ones(d) if scale is None else scale, "by_hand")


def u_statistic(k: np.ndarray, m: np.ndarray) -> float:
    """HSIC over all quadruples of different rows (Song et al. 2012, theorem 2)."""
    values = [
        k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q])
        for i, j, q, r in itertools.permutations(range(len(k)), 4)
    ]
    return float(np.mean(values))


def doubly_centred_cka(k: np.ndarray, m: np.ndarray) -> float:
    centring = np.eye(len(k)) - 1 / len(k)
    a, b = centring @ k @ centring, centring @ m @ centring
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))


@pytest.mark.parametrize(("d_ref", "d_new"), [(3, 3), (20, 20), (3, 20), (20, 3)])
def test_cka_is_the_formula_on_kernels(d_ref: int, d_new: int):
    x, y = normal(8, d_ref, 0) + 3.0, normal(8, d_new, 1)
    y[:, :3] += x[:, :3]
    k, m = x @ x.T, y @ y.T
    brute = u_statistic(k, m) / np.sqrt(u_statistic(k, k) * u_statistic(m, m))
    assert linear_cka(x, y) == pytest.approx(brute, abs=1e-9)
    assert linear_cka(x, y, unbiased=False) == pytest.approx(doubly_centred_cka(k, m), abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(200, 12), (30, 60)])
def test_rotation_scaling_and_shift_are_no_difference(n: int, d: int):
    x = normal(n, d, 0) * np.linspace(0.2, 3, d)
    y = 2.5 * x @ ortho_group.rvs(d, random_state=1) + 7.0
    found = compare_representations(x, y)
    assert found.cka == pytest.approx(1, abs=1e-9)
    assert found.procrustes == pytest.approx(0, abs=1e-9)
    assert found.procrustes_chance > 0.05
    assert compare_representations(x, 2.5 * x).norm_ratio == pytest.approx(2.5)


def test_a_stretched_copy_is_a_difference():
    x = normal(300, 10, 0)
    y = x * np.geomspace(0.05, 5, 10)
    assert linear_cka(x, y) < 0.9
    assert procrustes_residual(x, y) > 0.1


@pytest.mark.parametrize(("n", "d"), [(40, 40), (40, 400), (400, 40)])
def test_independent_activations_have_unbiased_alignment_near_zero(n: int, d: int):
    unbiased = [linear_cka(normal(n, d, s), normal(n, d, 100 + s)) for s in range(20)]
    plain = [linear_cka(normal(n, d, s), normal(n, d, 100 + s), unbiased=False) for s in range(20)]
    spread = np.std(unbiased) / np.sqrt(len(unbiased))
    assert abs(np.mean(unbiased)) < 4 * spread + 1e-3
    assert np.mean(plain) > 0.08  # the control: the plain one is far from 0 here


def test_with_few_rows_the_residual_is_no_better_than_by_chance():
    found = compare_representations(normal(20, 500, 0), normal(20, 500, 1))
    assert found.procrustes < 0.15
    assert abs(found.procrustes - found.procrustes_chance) < 0.02
    assert abs(found.cka) < 0.1


@pytest.mark.parametrize(("n", "d_ref", "d_new"), [(50, 6, 6), (8, 30, 30), (50, 6, 4)])
def test_the_residual_is_scipys_disparity(n: int, d_ref: int, d_new: int):
    x, y = normal(n, d_ref, 0), normal(n, d_new, 1)
    y[:, :4] += x[:, :4]
    padded = np.pad(y, ((0, 0), (0, d_ref - d_new)))
    _, _, disparity = scipy.spatial.procrustes(x, padded)
    assert procrustes_residual(x, y) == pytest.approx(disparity, abs=1e-9)


def test_one_broken_row_does_not_move_the_norm():
    x = normal(101, 5, 0)
    y = x.copy()
    y[0] *= 1e6
    assert norm_ratio(x, y) == pytest.approx(1, abs=0.05)


def test_cosine_is_of_directions_not_of_weights():
    coef, scale = normal(1, 6, 0)[0], np.geomspace(0.1, 10, 6)
    slope = coef / scale
    assert direction_cosine(probe(coef, scale), probe(slope)) == pytest.approx(1, abs=1e-6)
    assert direction_cosine(probe(slope), probe(-3 * slope)) == pytest.approx(-1, abs=1e-6)
    other = normal(1, 6, 1)[0]
    cosine = slope @ other / np.linalg.norm(slope) / np.linalg.norm(other)
    assert direction_cosine(probe(slope), probe(other)) == pytest.approx(cosine, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (np.ones((5, 3)), normal(5, 3, 0), "all 5 rows are alike"),
        (normal(5, 3, 0), normal(6, 3, 0), "same rows"),
        (normal(3, 3, 0), normal(3, 3, 1), "at least 4 rows"),
        (normal(5, 3, 0), np.full((5, 3), np.nan), "15 activations of the checkpoint"),
        (normal(5, 3, 0), normal(5, 4, 1), "d_model 3 and the checkpoint 4"),
    ],
)
def test_what_cannot_be_compared_is_said(x: np.ndarray, y: np.ndarray, sentence: str):
    with pytest.raises(ProbeError, match=sentence):
        compare_representations(x, y)


def test_directions_that_cannot_be_compared_are_refused():
    with pytest.raises(ProbeError, match="no direction"):
        direction_cosine(probe(np.zeros(3)), probe(np.ones(3)))
    with pytest.raises(ProbeError, match="d_model 3 and 4"):
        direction_cosine(probe(np.ones(3)), probe(np.ones(4)))
