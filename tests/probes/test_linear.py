"""A linear probe is a value that scores numpy and torch alike."""

import dataclasses

import numpy as np
import pytest
import torch

from probes import LinearProbe, Probe, ProbeError


@pytest.fixture
def probe() -> LinearProbe:
    rng = np.random.default_rng(0)
    return LinearProbe(
        rng.standard_normal(6), 0.3, rng.standard_normal(6), rng.uniform(0.5, 2, 6), "by_hand"
    )


def test_the_score_is_the_standardised_product(probe: LinearProbe):
    x = np.random.default_rng(1).standard_normal((4, 3, 6))
    expected = ((x - probe.mean_) / probe.scale_) @ probe.coef_ + 0.3
    np.testing.assert_allclose(probe.decision_function(x), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 3, 6), (0, 6)])
def test_torch_in_torch_out_in_float32(probe: LinearProbe, dtype: torch.dtype, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    scores = probe.decision_function(x)
    assert isinstance(scores, torch.Tensor)
    assert scores.dtype == torch.float32
    assert scores.shape == shape[:-1]
    np.testing.assert_allclose(scores, probe.decision_function(x.float().numpy()), atol=1e-5)


def test_gradients_pass_through_a_tensor(probe: LinearProbe):
    x = torch.zeros(6, requires_grad=True)
    probe.decision_function(x).backward()
    np.testing.assert_allclose(x.grad, probe.coef_ / probe.scale_, rtol=1e-5)


def test_the_score_grows_fastest_along_the_direction(probe: LinearProbe):
    assert np.linalg.norm(probe.direction) == pytest.approx(1, abs=1e-6)
    start = np.zeros(6, dtype=np.float32)
    gain = probe.decision_function(start + probe.direction) - probe.decision_function(start)
    rng = np.random.default_rng(2)
    for other in rng.standard_normal((50, 6)).astype(np.float32):
        step = start + other / np.linalg.norm(other)
        assert probe.decision_function(step) - probe.decision_function(start) <= gain + 1e-5


@pytest.mark.parametrize("x", [np.zeros((2, 7)), torch.zeros(2, 7)])
def test_another_width_is_refused_with_both_numbers(probe: LinearProbe, x):
    with pytest.raises(ProbeError, match=r"d_model 6.*7"):
        probe.decision_function(x)


def test_a_number_without_width_is_refused(probe: LinearProbe):
    with pytest.raises(ProbeError, match="d_model 6"):
        probe.decision_function(np.float32(1.0))


def test_it_is_frozen_and_fits_the_protocol(probe: LinearProbe):
    as_protocol: Probe = probe
    assert as_protocol.decision_function(np.zeros(6)).shape == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        probe.intercept_ = 1.0  # type: ignore[misc]


def test_vectors_of_different_lengths_make_no_probe():
    with pytest.raises(ProbeError, match="scale_"):
        LinearProbe(np.zeros(3), 0.0, np.zeros(3), np.ones(4), "by_hand")
