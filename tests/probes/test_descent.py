"""Many problems over the same rows: each as if alone, on every kind of rows, judged by scipy."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize

from probes.baselines import shuffled_label_probes
from probes.descent import Problems, descend, nothing_learnt
from probes.kernels import AsTheyAre, Rows, rows_of
from probes.logistic import fit_logistic, fit_logistic_labelings
from probes.metrics import auroc
from tests.probes.planted import plant


def problems(n: int, k: int, penalty: float, seed: int = 0) -> Problems:
    rng = np.random.default_rng(seed)
    use = (rng.random((k, n)) < 0.8).astype(np.float64)
    target = (rng.random((k, n)) < 0.4).astype(np.float64)
    return Problems(use, target, np.full((k, 1), penalty))


def judged(x, one: Problems):
    """Margins at the optimum that scipy finds in the space of the weights."""
    use, target, penalty = one.use[0], one.target[0], float(one.penalty[0, 0])
    design = np.column_stack([x, np.ones(len(x))])

    def loss(at):
        margin = design @ at
        value = np.sum(use * (np.logaddexp(0, margin) - target * margin))
        slope = design.T @ (use * (1 / (1 + np.exp(-margin)) - target))
        slope[:-1] += penalty * at[:-1]
        return value + penalty / 2 * at[:-1] @ at[:-1], slope

    options = {"maxiter": 10_000, "gtol": 1e-11, "ftol": 1e-16}
    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options=options)
    return design @ found.x


@pytest.mark.parametrize("penalty", [100.0, 1.0, 1e-2])
@pytest.mark.parametrize(("n", "d"), [(120, 10), (40, 90), (300, 280)])
def test_each_of_many_reaches_its_own_optimum(n: int, d: int, penalty: float) -> None:
    x = np.random.default_rng(1).standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5
    several = problems(n, 4, penalty)
    found = descend(rows_of(x)[1], several, nothing_learnt(several), tolerance=1e-9)
    for index in range(4):
        expected = judged(x, several.some(slice(index, index + 1)))
        np.testing.assert_allclose(found.margin[index], expected, atol=2e-4, rtol=1e-4)
        np.testing.assert_allclose(
            x @ (x.T @ found.shares[index]) + found.intercept[index], found.margin[index], atol=1e-9
        )


def test_axes_kernel_and_rows_lead_to_the_same_place() -> None:
    x = np.random.default_rng(0).standard_normal((80, 30))
    several = problems(80, 3, 0.5)
    ways: list[Rows] = [rows_of(x)[1], AsTheyAre(x, x @ x.T), AsTheyAre(x, None)]
    first, *others = (
        descend(rows, several, nothing_learnt(several), tolerance=1e-10).margin for rows in ways
    )
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-7)


def test_rows_that_hold_nothing_give_the_log_odds() -> None:
    target = np.array([[1.0, 1.0, 1.0, 0.0]])
    one = Problems(np.ones((1, 4)), target, np.ones((1, 1)))
    found = descend(rows_of(np.zeros((4, 3)))[1], one, nothing_learnt(one), tolerance=1e-10)
    np.testing.assert_allclose(found.margin, np.log(3))


def test_labelings_fitted_together_are_those_fitted_alone() -> None:
    data = plant(n_pairs=60, d=20, strength=1.0)
    rng = np.random.default_rng(0)
    labelings = [data.y, 1 - data.y, rng.permutation(data.y)]
    together = fit_logistic_labelings(data.x, labelings, data.groups, random_states=[3, 4, 5])
    for seed, y, probe in zip((3, 4, 5), labelings, together, strict=True):
        alone = fit_logistic(data.x, y, data.groups, random_state=seed)
        assert alone.penalty == probe.penalty
        np.testing.assert_allclose(probe.coef_, alone.coef_, atol=1e-4)


def test_shuffled_labels_read_one_half_on_average_and_see_rows_that_leak() -> None:
    """Positive control: rows of the train role asked again are read, shuffled as they are."""
    data = plant(n_pairs=60, d=200, strength=3.0)
    fresh = plant(n_pairs=300, d=200, strength=0.0, seed=1)
    probes = shuffled_label_probes(
        fit_logistic, data.x, data.y, data.groups, random_states=range(20)
    )
    unseen = [auroc(probe.decision_function(fresh.x), fresh.y) for probe in probes]
    assert np.mean(unseen) == pytest.approx(0.5, abs=0.03)
    leaked = []
    for seed, probe in enumerate(probes):
        [again] = shuffled_label_probes(
            lambda x, y, groups, **settings: y, data.x, data.y, data.groups, random_states=[seed]
        )
        leaked.append(auroc(probe.decision_function(data.x), again))
    assert np.mean(leaked) > 0.8


PROGRAM = """
import hashlib, numpy as np
from probes.logistic import fit_logistic
rng = np.random.default_rng(0)
x = rng.standard_normal((600, 500)).astype(np.float32)
y = np.arange(600) % 2
x[:, 0] += y
probe = fit_logistic(x, y, np.arange(600) // 2)
print(hashlib.sha256(probe.coef_.tobytes()).hexdigest(), probe.intercept_)
"""


def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1
