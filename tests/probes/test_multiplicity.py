"""Looking at many numbers is paid for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kstest

from probes import ProbeError, auroc, benjamini_hochberg, max_statistic_p
from probes.multiplicity import permuted_labels


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_equal_scipy(p):
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), atol=1e-12)


def test_no_p_values_no_q_values_and_nonsense_is_refused():
    assert benjamini_hochberg([]).shape == (0,)
    for bad in ([0.2, float("nan")], [1.5], [-0.1]):
        with pytest.raises(ProbeError, match=r"0\.\.1"):
            benjamini_hochberg(bad)


def test_false_discoveries_stay_at_their_rate():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        p = rng.random(40)
        p[:10] = rng.beta(0.02, 1, 10)  # ten real findings
        found = benjamini_hochberg(p) <= 0.1
        shares.append(found[10:].sum() / max(found.sum(), 1))
    assert np.mean(shares) <= 0.1 + 0.02


def test_labels_are_shuffled_as_the_groups_allow():
    #  group 0 and 1 hold both labels; 2, 3 and 4 one each, of different sizes
    codes = np.array([0, 0, 1, 1, 1, 2, 2, 3, 4, 4, 4])
    labels = np.array([1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0], dtype=bool)
    shuffled = permuted_labels(labels, codes, 5, 500, np.random.default_rng(0))
    assert (shuffled[:, codes == 0].sum(axis=1) == 1).all()
    assert (shuffled[:, codes == 1].sum(axis=1) == 2).all()
    blocks = np.stack([shuffled[:, codes == g] for g in (3,)], axis=1)[:, 0, 0]
    for group in (2, 3, 4):
        rows = shuffled[:, codes == group]
        assert (rows.all(axis=1) | ~rows.any(axis=1)).all()
        assert rows[:, 0].mean() == pytest.approx(1 / 3, abs=0.1)
    assert blocks.mean() == pytest.approx(1 / 3, abs=0.1)
    assert (sum(shuffled[:, codes == g][:, 0].astype(int) for g in (2, 3, 4)) == 1).all()
    assert shuffled[:, 0].mean() == pytest.approx(0.5, abs=0.1)


def case(rng, kind: str):
    """40 groups; scores of six correlated layers with an effect per group, unlike the labels."""
    groups = np.repeat(np.arange(40), 2)
    y = np.tile([1, 0], 40) if kind == "pairs" else np.repeat(rng.permutation(40) < 20, 2)
    shared = rng.standard_normal((1, 80)) + rng.standard_normal((6, 80))
    return shared + 2 * rng.standard_normal(40)[groups], y.astype(int), groups


@pytest.mark.parametrize("kind", ["pairs", "blocks"])
def test_uniform_under_the_null_even_for_the_best_layer(kind: str):
    rng = np.random.default_rng(0)
    p_best, p_naive = [], []
    for seed in range(150):
        scores, y, groups = case(rng, kind)
        best = int(np.argmax([auroc(row, y) for row in scores]))
        p_best.append(
            max_statistic_p(scores, y, groups, best, n_permutations=199, random_state=seed)
        )
        p_naive.append(
            max_statistic_p(
                scores[best : best + 1], y, groups, 0, n_permutations=199, random_state=seed
            )
        )
    assert kstest(p_best, "uniform").pvalue > 0.001
    # Positive control: not paying for the six layers finds far too much.
    assert kstest(p_naive, "uniform").pvalue < 1e-4


@pytest.mark.parametrize("kind", ["pairs", "blocks"])
def test_a_planted_effect_is_found_and_only_in_its_layer(kind: str):
    scores, y, groups = case(np.random.default_rng(1), kind)
    scores[2] += 6.0 * y
    assert max_statistic_p(scores, y, groups, 2) == pytest.approx(1 / 2001)
    assert max_statistic_p(scores, y, groups, 3) > 0.05


def test_an_inverted_layer_is_no_finding():
    scores, y, groups = case(np.random.default_rng(1), "pairs")
    scores[2] -= 6.0 * y
    assert max_statistic_p(scores, y, groups, 2, n_permutations=200) == 1.0


def test_ties_count_against_the_finding():
    y = np.tile([0, 1], 10)
    assert max_statistic_p(np.zeros((3, 20)), y, np.arange(20), 0, n_permutations=100) == 1.0


def test_a_layer_that_is_not_there():
    with pytest.raises(ProbeError, match="no layer 3"):
        max_statistic_p(np.zeros((3, 4)), np.array([0, 1, 0, 1]), np.arange(4), 3)
