"""Training: what it finds on data whose features are known, and that it is one function of seed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from probes.sae.activations import JumpReLU, ReLU, TopK
from probes.sae.controls import random_sae
from probes.sae.learning import geometric_median
from probes.sae.matching import TOWARDS_MONOSEMANTICITY, matched_correlation
from probes.sae.randomness import generator
from probes.sae.recipe import ARCHITECTURE_NAMES, Recipe
from probes.sae.sae import SAE, SAEError
from probes.sae.superposition import planted
from probes.sae.training import TrainedSAE, train_sae

PLANTED = planted(64, 32, density=2.5 / 64)
COMPETING = {"k": 3, "aux": 0.25, "dead_after": 20, "lr": 0.005}
RECIPES = {
    "topk": Recipe("topk", 96, 1200, **COMPETING),
    "batchtopk": Recipe("batchtopk", 96, 1200, **COMPETING),
    "jumprelu": Recipe("jumprelu", 96, 1200, l0=0.03, bandwidth=0.1, lr=0.005),
    "relu": Recipe("relu", 96, 1200, lr=0.005),
    # As many features in the first dictionary as there are: nothing here is a hierarchy.
    "matryoshka": Recipe("matryoshka", 96, 1200, prefixes=(64, 96), **{**COMPETING, "aux": 1.0}),
}
KINDS = {
    "topk": TopK,
    "batchtopk": JumpReLU,
    "jumprelu": JumpReLU,
    "relu": ReLU,
    "matryoshka": JumpReLU,
}


def batches(start: int) -> object:
    return PLANTED.batches(384, random_state=1, start=start)


def unseen(n: int = 4096) -> Tensor:
    return PLANTED.draw(n, generator("unseen"))[0]


def l0(sae: SAE, x: Tensor) -> float:
    return float((sae.encode(x) > 0).sum(dim=1).float().mean())


@pytest.fixture(scope="module")
def trained() -> dict[str, TrainedSAE]:
    torch.set_num_threads(1)
    return {name: train_sae(batches, recipe=recipe) for name, recipe in RECIPES.items()}


@pytest.mark.parametrize("name", ARCHITECTURE_NAMES)
def test_it_recovers_nine_of_ten_planted_features_and_random_directions_none(
    trained: dict[str, TrainedSAE], name: str
) -> None:
    sae = trained[name].sae
    assert PLANTED.recovered(sae.W_dec) >= 0.9
    control = random_sae(sae, unseen(), random_state=0)
    assert PLANTED.recovered(control.W_dec) <= 0.02


@pytest.mark.parametrize("name", ARCHITECTURE_NAMES)
def test_what_comes_out_keeps_its_promises(trained: dict[str, TrainedSAE], name: str) -> None:
    found = trained[name]
    sae, last = found.sae, found.history[-1]
    assert isinstance(sae.activation, KINDS[name])
    assert sae.apply_b_dec_to_input
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(96))
    x = unseen()
    assert sae.origin.promised_l0 == pytest.approx(l0(sae, x), rel=0.1)
    # Outside of training it explains what it did inside: nothing was lost in the folding.
    error = (x - sae.reconstruct(x)).square().sum()
    explained = 1 - float(error / (x - x.mean(dim=0)).square().sum())
    assert explained == pytest.approx(last.explained_variance, abs=0.04)
    assert last.step == 1200
    assert found.history[0].explained_variance < last.explained_variance


def test_the_same_features_come_back_from_another_seed(trained: dict[str, TrainedSAE]) -> None:
    recipe = replace(RECIPES["topk"], random_state=1)
    other = train_sae(batches, recipe=recipe).sae
    first = trained["topk"].sae
    found = matched_correlation(first, other, [unseen(), unseen()])
    assert found.median > 0.95 > TOWARDS_MONOSEMANTICITY
    control = random_sae(other, unseen(), random_state=0)
    assert matched_correlation(first, control, [unseen()]).median < 0.7


@pytest.mark.parametrize("name", ARCHITECTURE_NAMES)
def test_the_same_seed_gives_the_same_weights_and_another_one_does_not(name: str) -> None:
    recipe = replace(RECIPES[name], steps=6)
    a, b = (train_sae(batches, recipe=recipe).sae for _ in range(2))
    c = train_sae(batches, recipe=replace(recipe, random_state=3)).sae
    assert torch.equal(a.W_enc, b.W_enc)
    assert torch.equal(a.W_dec, b.W_dec)
    assert not torch.equal(a.W_dec, c.W_dec)


@pytest.mark.parametrize("factor", [0.01, 300.0])
@pytest.mark.parametrize("name", ["topk", "batchtopk", "jumprelu", "relu"])
def test_the_unit_of_the_activations_changes_nothing_but_the_unit(name: str, factor: float) -> None:
    recipe = replace(RECIPES[name], steps=30)
    plain = train_sae(batches, recipe=recipe).sae
    scaled = train_sae((factor * x for x in islice(batches(0), 30)), recipe=recipe).sae
    x = unseen(256)
    torch.testing.assert_close(
        scaled.reconstruct(factor * x) / factor, plain.reconstruct(x), rtol=2e-2, atol=2e-3
    )
    assert l0(scaled, factor * x) == pytest.approx(l0(plain, x), rel=0.03)


def test_dead_features_come_back_to_life_through_the_auxiliary_loss(tmp_path: Path) -> None:
    def dead_share(aux: float) -> float:
        """After a training in which half of the features began too low to win."""
        recipe = Recipe("topk", 64, 400, k=3, aux=aux, dead_after=20, lr=0.005)
        path = tmp_path / f"{aux}.safetensors"
        with pytest.raises(SAEError, match="end after 1"):
            train_sae(islice(batches(0), 1), recipe=recipe, checkpoint=path, checkpoint_every=1)
        with safe_open(path, framework="pt") as file:
            told = file.metadata()
        tensors = load_file(path)
        tensors["b_enc"][:32] = -4.0
        save_file(tensors, path, metadata=told)
        found = train_sae(batches, recipe=recipe, checkpoint=path, resume=True)
        return found.history[-1].dead_share

    assert dead_share(0.0) > 0.3
    assert dead_share(0.25) < 0.1


def test_the_geometric_median_has_the_least_sum_of_distances() -> None:
    from scipy.optimize import minimize

    x = torch.randn(200, 4, generator=generator("median")) ** 3
    x[:40] += 50  # a fifth that drags the mean along

    def distances(point: object) -> float:
        return float((x.double() - torch.as_tensor(point)).norm(dim=1).sum())

    best = minimize(distances, x.mean(dim=0).double().numpy(), method="BFGS")
    found = geometric_median(x)
    assert distances(found.double()) == pytest.approx(best.fun, rel=1e-5)
    assert distances(found.double()) < distances(x.mean(dim=0).double())


def test_the_learning_rate_rises_stays_and_falls() -> None:
    recipe = Recipe("relu", 8, 100, warmup=0.1, decay=0.2, sparsity_warmup=0.5)
    shares = [recipe.lr_share(step) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9:81] == [1.0] * 72
    assert shares[-1] == pytest.approx(1 / 20)
    assert [recipe.sparsity_share(step) for step in (0, 24, 49, 99)] == [0.02, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "top"}, "no architecture 'top'"),
        ({"d_sae": 0}, "d_sae is at least 1, not 0"),
        ({"steps": 0}, "steps is at least 1"),
        ({"k": 17}, "k is at most d_sae"),
        ({"aux": -1.0}, "aux lies between"),
        ({"l1": float("nan")}, "l1 lies between"),
        ({"lr": 0.0}, "lr is a positive number"),
        ({"warmup": 0.6, "decay": 0.6}, "together they are at most 1"),
        ({"prefixes": (8, 4, 16)}, "prefixes rise"),
        ({"prefixes": (4, 8)}, "d_sae = 16"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(SAEError, match=said):
        Recipe(**{"architecture": "topk", "d_sae": 16, "steps": 5, "k": 4, **change})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "no batch"),
        ([torch.zeros(4)], r"\[batch, d_in\]"),
        ([torch.zeros(4, 8)], "not all zero"),
        ([torch.full((4, 8), math.nan)], "finite"),
        ([torch.ones(4, 8), torch.ones(4, 9)], r"step 2: expected a batch \[batch, 8\]"),
        ([torch.ones(4, 8), torch.full((4, 8), math.inf)], "step 2: the loss is"),
        ([torch.ones(4, 8)], "end after 1 of 3 steps"),
    ],
)
def test_batches_that_cannot_work_are_refused(given: list[Tensor], said: str) -> None:
    with pytest.raises(SAEError, match=said):
        train_sae(given, recipe=Recipe("topk", 16, 3, k=2))
