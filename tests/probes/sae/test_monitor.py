"""Several features as one score: pooled first or token by token, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.base import ProbeError
from probes.fitters import fitter
from probes.sae import SAE, JumpReLU
from probes.sae.monitor import COMBINERS, FeatureMonitor

RNG = np.random.default_rng(0)
X = np.maximum(RNG.normal(size=(60, 4)), 0).astype(np.float32)
Y = (X[:, 1] + 0.1 * RNG.normal(size=60) > 0.3).astype(int)
GROUPS = np.arange(60).astype(str)


@pytest.mark.parametrize(("combine", "expected"), [("max", X.max(1)), ("sum", X.sum(1))])
def test_max_and_sum_are_what_they_say(combine: str, expected: np.ndarray) -> None:
    monitor = COMBINERS[combine](X, Y, GROUPS)  # type: ignore[index]
    np.testing.assert_allclose(monitor.decision_function(X), expected, rtol=1e-6)
    np.testing.assert_allclose(monitor.decision_function(torch.tensor(X)), expected, rtol=1e-6)


def test_probe_is_the_logistic_fitter_on_features() -> None:
    monitor = COMBINERS["probe"](X, Y, GROUPS, folds=5, random_state=3)
    judge = fitter("logistic")(X, Y, GROUPS, folds=5, random_state=3)
    np.testing.assert_array_equal(monitor.decision_function(X), judge.decision_function(X))


@pytest.mark.parametrize("combine", ["max", "sum", "probe"])
def test_token_by_token_it_scores_activations(combine: str) -> None:
    rng = torch.Generator().manual_seed(0)
    W = torch.randn(8, 32, generator=rng)
    sae = SAE(W, torch.zeros(32), W.T, torch.zeros(8), JumpReLU(torch.full((32,), 0.5)))
    chosen = [3, 30, 7, 12]
    combined = COMBINERS[combine](X, Y, GROUPS)  # type: ignore[index]
    monitor = FeatureMonitor(sae.reader(chosen), combined)
    tokens = torch.randn(5, 9, 8, generator=rng)
    expected = combined.decision_function(sae.encode(tokens)[..., chosen])
    torch.testing.assert_close(monitor.decision_function(tokens), expected)
    assert monitor.decision_function(tokens).shape == (5, 9)


@pytest.mark.parametrize("combine", ["max", "sum", "probe"])
def test_another_number_of_features_is_refused(combine: str) -> None:
    monitor = COMBINERS[combine](X, Y, GROUPS)  # type: ignore[index]
    with pytest.raises(ProbeError, match="4"):
        monitor.decision_function(X[:, :3])
