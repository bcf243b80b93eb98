"""The check on load: an SAE read rightly passes, the same SAE read wrongly in any way does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from probes.sae import SAE, JumpReLU, Origin, ReLU, SAEError
from probes.sae.fidelity import faults, fidelity, wrong_place

D, M, L0 = 128, 64, 4


def planted(promise: float | None = L0) -> tuple[SAE, torch.Tensor]:
    """A dictionary, tokens that are sums of 4 of its directions, and the SAE that knows it."""
    rng = torch.Generator().manual_seed(0)
    W = torch.randn(M, D, generator=rng)
    W = W / W.norm(dim=1, keepdim=True)
    acts = torch.zeros(2000, M)
    for row in acts:
        row[torch.randperm(M, generator=rng)[:L0]] = 2 + torch.rand(L0, generator=rng)
    b_dec = torch.randn(D, generator=rng)
    sae = SAE(
        W_enc=W.T,
        b_enc=torch.zeros(M),
        W_dec=W,
        b_dec=b_dec,
        activation=JumpReLU(torch.full((M,), 1.6)),
        apply_b_dec_to_input=True,
        origin=Origin("memory", promised_l0=promise),
    )
    return sae, acts @ W + b_dec


def test_an_sae_that_is_read_rightly_passes() -> None:
    sae, x = planted()
    found = fidelity(sae, x)
    assert found.l0 == pytest.approx(L0, rel=0.35)
    assert found.explained_variance > 0.5
    assert faults(sae, found) == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s: replace(s, b_dec=s.b_dec * 0),
        lambda s: replace(s, activation=ReLU()),
        lambda s: replace(s, activation=JumpReLU(s.activation.threshold * 10)),
        lambda s: replace(s, W_enc=s.W_enc * 5),
        lambda s: replace(s, W_enc=s.W_enc.flip(0)),
        lambda s: replace(s, W_dec=s.W_dec.flip(0)),
        lambda s: replace(s, W_dec=-s.W_dec),
    ],
)
def test_read_wrongly_in_any_way_it_does_not(wrong) -> None:
    sae, x = planted()
    assert faults(sae, fidelity(wrong(sae), x))


def test_a_decoder_that_inflates_is_found_out() -> None:
    sae, x = planted()
    x = x - sae.b_dec
    plain = replace(sae, b_dec=sae.b_dec * 0)
    assert faults(plain, fidelity(plain, x)) == []
    loud = replace(plain, W_dec=plain.W_dec * 1.4)
    assert any("scale is not this model's" in one for one in faults(loud, fidelity(loud, x)))


@pytest.mark.parametrize(
    ("stated", "read_at", "wrong"),
    [
        (None, "blocks.1.hook_resid_post", False),
        ("blocks.1.hook_resid_post", "blocks.1.hook_resid_post", False),
        ("blocks.1.hook_resid_post", "blocks.2.hook_resid_pre", False),
        ("blocks.0.hook_resid_pre", "blocks.0.hook_resid_pre", False),
        ("blocks.1.hook_resid_post", "blocks.1.hook_resid_pre", True),
        ("blocks.1.hook_mlp_out", "blocks.1.hook_resid_post", True),
    ],
)
def test_a_place_is_the_one_that_the_files_say(
    stated: str | None, read_at: str, wrong: bool
) -> None:
    sae, _ = planted()
    placed = replace(sae, origin=Origin("memory", hook_name=stated))
    assert (wrong_place(placed, read_at) is not None) == wrong


def test_a_transcoders_odd_targets_are_left_out_too() -> None:
    sae, x = planted()
    y = sae.reconstruct(x)
    y[:20] *= 1000
    found = fidelity(sae, x, y)
    assert found.outlier_rate == pytest.approx(20 / 2000)
    assert found.explained_variance == pytest.approx(1.0)


def test_an_attention_sink_fires_nothing_once_the_limit_is_set() -> None:
    sae, x = planted()
    sink = x[:1] * 1000
    assert sae.encode(sink).max() > 100
    limited = replace(sae, norm_limit=float(10 * x.norm(dim=1).median()))
    assert limited.encode(sink).max() == 0
    assert limited.encode(sink, features=[1, 2]).max() == 0
    torch.testing.assert_close(limited.encode(x), sae.encode(x))


def test_without_a_promise_only_the_variance_speaks() -> None:
    sae, x = planted(promise=None)
    dense = replace(sae, activation=ReLU())
    assert not any("promise" in fault for fault in faults(dense, fidelity(dense, x)))


def test_the_figures_are_those_of_their_formulas() -> None:
    sae, x = planted()
    acts = sae.encode(x)
    y = acts @ sae.W_dec + sae.b_dec
    found = fidelity(sae, x)
    fvu = (x - y).square().sum() / (x - x.mean(0)).square().sum()
    assert found.l0 == pytest.approx(float((acts > 0).sum(1).float().mean()))
    assert found.explained_variance == pytest.approx(1 - float(fvu), abs=1e-5)
    assert found.cosine == pytest.approx(
        float(torch.nn.functional.cosine_similarity(x, y).mean()), abs=1e-5
    )
    assert found.relative_bias == pytest.approx(
        float(y.norm(dim=1).mean() / x.norm(dim=1).mean()), abs=1e-5
    )
    assert found.dead_share == float(((acts > 0).sum(0) == 0).float().mean())


def test_outliers_are_counted_and_left_out() -> None:
    sae, x = planted()
    clean = fidelity(sae, x)
    found = fidelity(sae, torch.cat([x, x[:20] * 1000]))
    assert found.outlier_rate == pytest.approx(20 / 2020)
    assert found.explained_variance == pytest.approx(clean.explained_variance)
    assert found.n_tokens == clean.n_tokens


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (torch.zeros(0, D), "at least one token"),
        (torch.full((4, D), float("nan")), "NaN"),
        (torch.zeros(4, D + 1), f"width {D}, found {D + 1}"),
    ],
)
def test_what_cannot_be_measured_is_said(x: torch.Tensor, said: str) -> None:
    sae, _ = planted()
    with pytest.raises(SAEError, match=said):
        fidelity(sae, x, None if x.shape[1] == D else torch.zeros(4, D))
