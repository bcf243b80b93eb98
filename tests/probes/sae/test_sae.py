"""The SAE as a value: five activations against their formulas, slices against the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from probes.sae import SAE, Gated, GroupMax, JumpReLU, Origin, ReLU, SAEError, TopK

D, M = 24, 48


def made(kind: str, *, seed: int = 0, **more: Any) -> SAE:
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng)

    activation = {
        "relu": lambda: ReLU(),
        "jumprelu": lambda: JumpReLU(draw(M).abs()),
        "gated": lambda: Gated(draw(M), draw(M) * 0.1, draw(M)),
        "topk": lambda: TopK(5),
        "groupmax": lambda: GroupMax(6),
    }[kind]()
    b_enc = torch.zeros(M) if kind == "gated" else draw(M)
    return SAE(draw(D, M) / D**0.5, b_enc, draw(M, D), draw(D), activation, **more)


KINDS = ["relu", "jumprelu", "gated", "topk", "groupmax"]
SEPARABLE = ["relu", "jumprelu", "gated"]


def by_hand(sae: SAE, x: np.ndarray) -> np.ndarray:
    """One token, feature by feature, in float64."""
    if sae.apply_b_dec_to_input:
        x = x - sae.b_dec.double().numpy()
    h = x @ sae.W_enc.double().numpy() + sae.b_enc.double().numpy()
    a = sae.activation
    if isinstance(a, JumpReLU):
        return np.where(h > a.threshold.double().numpy(), np.maximum(h, 0), 0)
    if isinstance(a, Gated):
        gate, r, mag = (t.double().numpy() for t in (a.b_gate, a.r_mag, a.b_mag))
        return np.where(h + gate > 0, np.maximum(h * np.exp(r) + mag, 0), 0)
    if isinstance(a, TopK):
        kept = np.argsort(-h)[: a.k]
        return np.where(np.isin(np.arange(M), kept), np.maximum(h, 0), 0)
    if isinstance(a, GroupMax):
        kept = [g * M // a.k + int(part.argmax()) for g, part in enumerate(np.split(h, a.k))]
        return np.where(np.isin(np.arange(M), kept), np.maximum(h, 0), 0)
    return np.maximum(h, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pre_bias", [True, False])
def test_each_activation_is_its_formula(kind: str, pre_bias: bool) -> None:
    sae = made(kind, apply_b_dec_to_input=pre_bias)
    x = torch.randn(30, D)
    expected = np.stack([by_hand(sae, row) for row in x.double().numpy()])
    np.testing.assert_allclose(sae.encode(x).numpy(), expected, atol=1e-5)
    decoded = expected @ sae.W_dec.double().numpy() + sae.b_dec.double().numpy()
    np.testing.assert_allclose(sae.reconstruct(x).numpy(), decoded, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@given(features=st.lists(st.integers(0, M - 1), min_size=1, max_size=20), n=st.integers(8, 40))
def test_some_features_are_those_of_the_whole(kind: str, features: list[int], n: int) -> None:
    sae = made(kind)
    x = torch.randn(n, D, generator=torch.Generator().manual_seed(n))
    part, whole = sae.encode(x, features=features), sae.encode(x)[:, features]
    assert part.shape == (n, len(features))
    torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-6)
    assert sae.reader(features).sliced == (kind in SEPARABLE)


@pytest.mark.parametrize("kind", SEPARABLE)
def test_a_slice_holds_only_the_columns_that_are_asked_for(kind: str) -> None:
    reader = made(kind).reader([3, 7])
    assert reader.sae.W_enc.shape == (D, 16)  # two, and the rest of a tile
    assert made(kind).reader(range(M)).sae.d_sae == M


@pytest.mark.parametrize("kind", ["topk", "groupmax"])
def test_what_compares_features_reads_them_all(kind: str) -> None:
    assert made(kind).reader([3]).sae.d_sae == M
    with pytest.raises(TypeError, match="compares"):
        made(kind).activation.select([3])


@pytest.mark.parametrize("shape", [(D,), (3, D), (2, 3, D)])
def test_any_leading_axes_and_any_dtype(shape: tuple[int, ...]) -> None:
    sae = made("relu")
    x = torch.randn(*shape).to(torch.bfloat16)
    assert sae.encode(x).shape == (*shape[:-1], M)
    assert sae.encode(x).dtype == sae.reconstruct(x).dtype == torch.float32


@pytest.mark.parametrize("normalization", ["constant_norm", "layer_norm"])
def test_normalisation_forgets_the_scale_and_gives_it_back(normalization: Any) -> None:
    sae = made("relu", normalization=normalization)
    x = torch.randn(10, D)
    torch.testing.assert_close(sae.encode(x * 7), sae.encode(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(sae.reconstruct(x * 7), 7 * sae.reconstruct(x), atol=1e-2, rtol=1e-3)


def test_centring_forgets_the_mean_and_gives_it_back() -> None:
    sae = made("relu", centre=True)
    x = torch.randn(10, D)
    torch.testing.assert_close(sae.encode(x + 5), sae.encode(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(sae.reconstruct(x + 5), sae.reconstruct(x) + 5, atol=1e-4, rtol=1e-4)


def test_a_skip_path_is_added() -> None:
    plain, skip = made("relu"), torch.randn(D, D)
    sae = made("relu", W_skip=skip)
    x = torch.randn(10, D)
    torch.testing.assert_close(sae.reconstruct(x), plain.reconstruct(x) + x @ skip)


@pytest.mark.parametrize(
    "more", [{"normalization": "layer_norm"}, {"centre": True}, {"W_skip": torch.zeros(D, D)}]
)
def test_decoding_without_what_it_depends_on_is_refused(more: dict[str, Any]) -> None:
    sae = made("relu", **more)
    with pytest.raises(SAEError, match=r"reconstruct\(x\)"):
        sae.decode(sae.encode(torch.randn(2, D)))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: s.encode(torch.zeros(2, D + 1)), f"width {D}, found {D + 1}"),
        (lambda s: s.decode(torch.zeros(2, M + 1)), f"width {M}, found {M + 1}"),
        (lambda s: s.reader([M]), f"no feature {M}; it has 0 to {M - 1}"),
        (lambda s: s.reader([-1]), "no feature -1"),
        (lambda s: s.reader([]), "no feature is named"),
        (lambda s: s.reader("12"), "by number"),
        (lambda s: s.reader(12), "by number"),
        (lambda s: s.reader([1.7]), "by number"),
        (lambda s: s.reader(torch.ones(M, dtype=torch.bool)), "by number"),
        (lambda s: s.encode(np.zeros((2, D)), [1]), "expected activations as a torch tensor"),
        (lambda s: Origin("memory", promised_l0=float("nan")), "positive number of features"),
        (lambda s: Origin("memory", promised_l0=0.0), "positive number of features"),
        (lambda s: Origin("memory", context_size=0), "at least one token"),
        (
            lambda s: SAE(s.W_enc, s.b_enc, s.W_dec[1:], s.b_dec, s.activation),
            rf"W_dec \[{M}, {D}\] beside W_enc \[{D}, {M}\], found \[{M - 1}, {D}\]",
        ),
        (
            lambda s: SAE(
                s.W_enc,
                s.b_enc,
                s.W_dec[:, 1:],
                s.b_dec[1:],
                s.activation,
                apply_b_dec_to_input=True,
            ),
            "cannot be taken from an input",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_both_widths(call: Any, said: str) -> None:
    with pytest.raises(SAEError, match=said):
        call(made("relu"))


def test_features_may_come_as_arrays_and_it_names_itself() -> None:
    sae = made("relu")
    for features in (np.array([3, 5]), torch.tensor([3, 5]), range(3, 6, 2), (3, 5)):
        assert sae.reader(features).features == (3, 5)  # type: ignore[arg-type]
    assert repr(sae) == f"SAE(relu, d_in {D}, d_sae {M}, d_out {D})"
