"""Matching, splitting and the random control, judged by brute force, numpy and construction."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from probes.sae.activations import Activation, Gated, GroupMax, JumpReLU, ReLU, TopK
from probes.sae.controls import random_sae
from probes.sae.matching import activation_correlation, match_features, matched_correlation
from probes.sae.randomness import generator
from probes.sae.sae import SAE, SAEError
from probes.sae.splitting import split_features


def noise(*shape: int, name: str = "noise") -> Tensor:
    return torch.randn(*shape, generator=generator(name, *shape))


def dictionary(rows: Tensor, activation: Activation | None = None) -> SAE:
    """An SAE that reads what it writes."""
    rows = rows / rows.norm(dim=1, keepdim=True)
    zeros = torch.zeros(len(rows))
    threshold = activation or JumpReLU(torch.full((len(rows),), 0.5))
    return SAE(rows.T, zeros, rows, torch.zeros(rows.shape[1]), threshold)


def test_the_matching_is_the_best_of_all() -> None:
    a, b = noise(5, 8), noise(6, 8, name="other")
    found = match_features(a, b)
    cosine = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)
    best = max(
        sum(float(cosine[i, j]) for i, j in enumerate(order)) for order in permutations(range(6), 5)
    )
    assert found.likeness.sum() == pytest.approx(best, abs=1e-5)
    assert len(set(found.b.tolist())) == 5


def test_a_permutation_is_found_whatever_the_scale() -> None:
    rows = noise(20, 12)
    order = torch.randperm(20, generator=generator("order"))
    found = match_features(rows, 7 * rows[order])
    assert order[torch.as_tensor(found.b)].tolist() == found.a.tolist()
    assert found.share_above(0.999) == 1.0


def test_dictionaries_of_two_widths_are_not_compared() -> None:
    with pytest.raises(SAEError, match=r"\[3, 4\] and \[3, 5\]"):
        match_features(noise(3, 4), noise(3, 5))


def test_streamed_correlation_is_numpys() -> None:
    a, b = noise(500, 6).relu() + 1000, noise(500, 4, name="other").relu()
    b[:, 0] += 0.5 * a[:, 0]
    b[:, 3] = 2.0  # constant
    parts = (7, 300, 193)
    found = activation_correlation(a.split(parts), iter(b.split(parts)))
    expected = np.corrcoef(a.double().numpy(), b[:, :3].double().numpy(), rowvar=False)[:6, 6:]
    np.testing.assert_allclose(found[:, :3].numpy(), expected, atol=1e-6)
    assert (found[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("a", "b"),
    [([noise(3, 2)], [noise(4, 2)]), ([noise(3, 2)], [noise(3, 2)] * 2), ([], [])],
)
def test_streams_of_different_tokens_are_refused(a: list[Tensor], b: list[Tensor]) -> None:
    with pytest.raises(SAEError, match=r"same tokens|no token"):
        activation_correlation(a, b)


def test_a_dictionary_is_found_in_its_shuffled_self() -> None:
    rows = noise(12, 16)
    a, b = dictionary(rows), dictionary(rows.flip(0))
    x = noise(600, 16, name="x")
    found = matched_correlation(a, b, x.split(100))
    assert found.partner.tolist() == list(range(12))[::-1]
    assert found.median == pytest.approx(1.0)
    stranger = matched_correlation(a, dictionary(noise(12, 16, name="stranger")), x.split(100))
    assert stranger.median < 0.8


def test_dead_features_count_neither_way() -> None:
    rows = noise(6, 8)
    dead = dictionary(rows, JumpReLU(torch.tensor([0.1, 0.1, 0.1, 1e9, 1e9, 1e9])))
    found = matched_correlation(
        dead, dictionary(rows, JumpReLU(torch.full((6,), 0.1))), [noise(200, 8)]
    )
    assert found.alive.tolist() == [True] * 3 + [False] * 3
    assert found.median == pytest.approx(1.0)


def family() -> tuple[SAE, SAE, Tensor]:
    """Feature 0 divides into 0, 1, 2; 1 stays whole as 3; 2 has two that fire together."""
    axes = torch.eye(8)
    parents = axes[:3]
    children = torch.stack(
        [axes[0] + 0.6 * axes[4 + i] for i in range(3)]
        + [axes[1]]
        + [axes[2] + 0.3 * axes[7], axes[2] - 0.3 * axes[7]]
    )
    n = 300
    kind = torch.arange(n) % 5
    x = torch.zeros(n, 8)
    for i in range(3):
        x[kind == i] = 2 * children[i]
    x[kind == 3] = 2 * axes[1]
    x[kind == 4] = 2 * axes[2]
    large = dictionary(children, JumpReLU(torch.tensor([1.9, 1.9, 1.9, 0.5, 0.5, 0.5])))
    return dictionary(parents), large, x


def test_a_feature_divides_into_children_that_exclude_each_other() -> None:
    small, large, x = family()
    (split,) = split_features(small, large, x.split(64))
    assert split.parent == 0
    assert [child.feature for child in split.children] == [0, 1, 2]
    assert split.tokens == 180
    assert split.coverage == 1.0
    assert split.overlap == 0.0
    for child in split.children:
        assert child.share == pytest.approx(1 / 3)
        assert child.inside == 1.0


def test_directions_alone_cannot_tell_division_from_repetition() -> None:
    small, large, _ = family()
    found = split_features(small, large)
    assert [(s.parent, [c.feature for c in s.children]) for s in found] == [
        (0, [0, 1, 2]),
        (2, [4, 5]),
    ]
    assert found[0].children[0].share is None
    assert split_features(small, large, min_cosine=0.99) == ()


def test_a_dictionary_does_not_divide_in_itself() -> None:
    small, _, x = family()
    assert split_features(small, small, [x]) == ()
    with pytest.raises(SAEError, match="no token"):
        split_features(small, small, [])


def like(activation: Activation, d_out: int = 16, spread: float = 12.0) -> SAE:
    rows = noise(24, d_out)
    rows = rows / rows.norm(dim=1, keepdim=True)
    bias = torch.linspace(-spread, spread, 24)  # from nearly never to nearly always
    return SAE(noise(16, 24), bias, rows, 0.1 * noise(d_out, name="b"), activation)


ACTIVATIONS = {
    "relu": ReLU(),
    "jumprelu": JumpReLU(torch.linspace(0.0, 3.0, 24)),
    "gated": Gated(
        noise(24, name="gate").sort().values, noise(24, name="r"), noise(24, name="mag")
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_control_fires_exactly_as_often(name: str) -> None:
    sae = like(ACTIVATIONS[name])
    x = noise(700, 16, name="x")
    control = random_sae(sae, x, random_state=0)
    assert type(control.activation) is type(sae.activation)
    expected, found = ((s.encode(x) > 0).sum(dim=0) for s in (sae, control))
    assert expected.min() < 5 < 350 < expected.max()
    assert torch.equal(found, expected)


@pytest.mark.parametrize("activation", [TopK(3), GroupMax(4)], ids=["topk", "groupmax"])
def test_where_features_compete_as_many_win(activation: Activation) -> None:
    sae, x = like(activation, spread=0.1), noise(200, 16, name="x")
    control = random_sae(sae, x, random_state=0)
    counts = [(s.encode(x) > 0).sum(dim=1).float().mean() for s in (sae, control)]
    assert counts[1] == pytest.approx(float(counts[0]), rel=0.1)


def test_the_control_knows_nothing_of_what_it_controls() -> None:
    sae, x = like(ReLU()), noise(200, 16, name="x")
    a, b = (random_sae(sae, x, random_state=seed) for seed in (0, 1))
    torch.testing.assert_close(a.W_dec.norm(dim=1), torch.ones(24))
    assert torch.equal(a.W_enc, a.W_dec.T)
    assert match_features(a.W_dec, sae.W_dec).share_above(0.9) == 0
    assert match_features(a.W_dec, b.W_dec).share_above(0.9) == 0
    assert a.origin.format == "random"
    again = random_sae(sae, x, random_state=0)
    assert torch.equal(a.W_dec, again.W_dec)


def test_a_transcoders_control_writes_as_wide_as_it_does() -> None:
    sae, x = like(ReLU(), d_out=10), noise(200, 16, name="x")
    control = random_sae(sae, x, random_state=0)
    assert (control.d_in, control.d_out) == (16, 10)
    assert torch.equal((control.encode(x) > 0).sum(dim=0), (sae.encode(x) > 0).sum(dim=0))


def test_a_control_without_tokens_is_refused() -> None:
    with pytest.raises(SAEError, match="expected a sample"):
        random_sae(like(ReLU()), torch.zeros(0, 16), random_state=0)
