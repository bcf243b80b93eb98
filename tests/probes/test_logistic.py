"""Logistic regression, judged by scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from probes import ProbeError, auroc, logistic
from probes.fitters import FITTERS
from probes.kernels import rows_of
from probes.logistic import (
    PENALTIES,
    _held_out,
    _tuned,
    fit_logistic_labelings,
    logistic_regression,
)
from tests.probes.planted import plant


def reference(z, y, penalty):
    return LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=100_000).fit(z, y)


@pytest.mark.parametrize("penalty", [1e3, 1.0, 1e-2])
@pytest.mark.parametrize(("n", "d"), [(200, 20), (60, 150)])
def test_equals_scikit_learn_at_the_same_penalty(n: int, d: int, penalty: float):
    data = plant(n_pairs=n // 2, d=d, strength=1.5)
    x = data.x.astype(np.float64)
    z = (x - x.mean(0)) / x.std(0)
    ours, intercept = logistic_regression(z, data.y == 1, penalty)
    theirs = reference(z, data.y, penalty)
    cosine = ours @ theirs.coef_[0] / np.linalg.norm(ours) / np.linalg.norm(theirs.coef_)
    assert cosine > 1 - 1e-4
    np.testing.assert_allclose(
        z @ ours + intercept, theirs.decision_function(z), atol=1e-4, rtol=1e-4
    )


def test_the_fitted_probe_equals_scikit_learn_at_the_chosen_penalty():
    data = plant(n_pairs=150, d=20, strength=1.5)
    probe = FITTERS["logistic"](data.x, data.y, data.groups)
    x = data.x.astype(np.float64)
    z = (x - x.mean(0)) / x.std(0)
    theirs = reference(z, data.y, probe.penalty).decision_function(z)
    np.testing.assert_allclose(probe.decision_function(data.x), theirs, atol=1e-4, rtol=1e-3)


def test_the_intercept_is_not_penalised():
    rng = np.random.default_rng(0)
    y = rng.random(2000) < 0.9
    weights, intercept = logistic_regression(rng.standard_normal((2000, 3)), y, 1e6)
    np.testing.assert_allclose(weights, 0, atol=1e-2)
    assert intercept == pytest.approx(np.log(y.mean() / (1 - y.mean())), abs=0.01)


@pytest.mark.parametrize("gap", [5.0, 1e4])
def test_separable_rows_are_stable(gap: float):
    data = plant(n_pairs=50, d=10, strength=gap)
    probe = FITTERS["logistic"](data.x, data.y, data.groups)
    assert np.isfinite(probe.coef_).all()
    assert auroc(probe.decision_function(data.x), data.y) == 1.0


def test_the_weakest_penalty_on_separable_rows_still_converges():
    data = plant(n_pairs=50, d=10, strength=6.0)
    z = data.x.astype(np.float64)
    weights, intercept = logistic_regression(z, data.y == 1, PENALTIES[-1])
    probability = 1 / (1 + np.exp(-(z @ weights + intercept)))
    gradient = z.T @ (probability - data.y) + PENALTIES[-1] * weights
    assert np.abs(gradient).max() < 1e-6


@pytest.mark.parametrize("seed", [64, 115, 409, 601, 823])
def test_rows_on_which_full_newton_steps_run_away(seed: int):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_t(1.2, (6, 2)) * 10 + rng.normal(scale=100), rng.random(6) < 0.5
    weights, intercept = logistic_regression(x, y, 1e-4)
    probability = 0.5 * (1 + np.tanh((x @ weights + intercept) / 2))
    assert np.abs(x.T @ (probability - y) + 1e-4 * weights).max() < 1e-5


def test_the_penalty_is_tuned_and_close_to_the_best_there_is():
    # Axes of very different length, so that much of the grid is poor.
    rng = np.random.default_rng(0)
    length = np.arange(1, 201) ** -0.7
    push = rng.standard_normal(200) * length * 0.06

    def draw(n):
        y = np.tile([1, 0], n // 2)
        return rng.standard_normal((n, 200)) * length + (y[:, None] - 0.5) * 2 * push, y

    x, y = draw(300)
    fresh, truth = draw(3000)
    groups = np.repeat(np.arange(150), 2)
    reached = []
    for penalty in PENALTIES:
        theirs = reference((x - x.mean(0)) / x.std(0), y, penalty)
        reached.append(auroc(theirs.decision_function((fresh - x.mean(0)) / x.std(0)), truth))
    probe = FITTERS["logistic"](x, y, groups)
    ours = auroc(probe.decision_function(fresh), truth)
    assert max(reached) - min(reached) > 0.03  # there is something to choose
    assert ours > max(reached) - 0.01


def test_the_choice_uses_held_out_rows_only():
    """Labels of noise: in sample the weakest penalty is best, held out none is."""
    rng = np.random.default_rng(0)
    y = np.tile([True, False], 100)
    held_out = _held_out(np.repeat(np.arange(100), 2), y, 5, 0)
    z = rng.standard_normal((200, 100))
    chosen = _tuned(rows_of(z)[0], [rng.permutation(y) for _ in range(8)], [held_out] * 8)
    assert {penalty for penalty, _ in chosen} != {PENALTIES[-1]}


def test_a_class_that_lies_in_one_group_cannot_be_tuned():
    x = np.random.default_rng(0).standard_normal((20, 3))
    y = np.arange(20) < 4
    with pytest.raises(ProbeError, match="two groups with positive rows"):
        FITTERS["logistic"](x, y.astype(int), np.where(y, 0, np.arange(20)))


def test_two_groups_are_enough():
    data = plant(n_pairs=20, d=5, strength=6.0)
    probe = FITTERS["logistic"](data.x, data.y, data.groups % 2, folds=10)
    assert auroc(probe.decision_function(data.x), data.y) > 0.99


def test_columns_that_never_move_say_nothing_without_a_warning() -> None:
    """As the last token's embedding is, where every prompt ends alike: sums of exact zeros."""
    y = np.arange(40) % 2
    probe = FITTERS["logistic"](np.ones((40, 3), dtype=np.float32), y, np.arange(40))
    assert np.ptp(probe.decision_function(np.ones((5, 3), dtype=np.float32))) == 0


def test_labelings_fitted_few_at_a_time_are_those_fitted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    x, groups = rng.standard_normal((120, 9)), np.arange(120) // 2
    labelings = [rng.permutation(np.arange(120) % 2) for _ in range(5)]
    seeds = range(5)
    together = fit_logistic_labelings(x, labelings, groups, random_states=seeds)
    monkeypatch.setattr(logistic, "_MOST_AT_ONCE", 2 * 5 * 6 * 120)
    apart = fit_logistic_labelings(x, labelings, groups, random_states=seeds)
    for one, other in zip(together, apart, strict=True):
        assert one.penalty == other.penalty
        np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-4, atol=1e-6)
    assert not np.allclose(together[0].coef_, together[1].coef_)
