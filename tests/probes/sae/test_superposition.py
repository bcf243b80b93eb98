"""The known picture of superposition (Elhage et al. 2022), and data with known features."""

from __future__ import annotations

import pytest
import torch

from probes.sae.randomness import generator
from probes.sae.superposition import ToyModel, planted, sparse_features, train_toy_models

M = 5


@pytest.fixture(scope="module")
def models() -> dict[float, ToyModel]:
    torch.set_num_threads(1)
    found = train_toy_models(20, M, (1.0, 0.1, 0.01), decay=0.7, steps=2500, batch_size=256)
    return {model.density: model for model in found}


def cosines(model: ToyModel) -> torch.Tensor:
    """Between the features that are stored, 0 on the diagonal."""
    stored = model.W[:, model.norms > 0.5]
    directions = stored / stored.norm(dim=0)
    return (directions.T @ directions).fill_diagonal_(0)


def test_dense_features_get_a_dimension_each_as_far_as_there_are_dimensions(
    models: dict[float, ToyModel],
) -> None:
    dense = models[1.0]
    assert (dense.norms > 0.5).sum() == M
    assert (dense.norms[:M] > 0.9).all()  # the most important ones
    assert (dense.norms[M:] < 0.1).all()
    assert cosines(dense).abs().max() < 0.1
    assert (dense.interference[:M] < 0.05).all()


def test_sparser_features_share_a_dimension_with_their_opposite(
    models: dict[float, ToyModel],
) -> None:
    sparse = models[0.1]
    stored = int((sparse.norms > 0.5).sum())
    assert stored > M
    between = cosines(sparse)
    pairs = int((between < -0.9).sum()) // 2
    assert pairs >= 3
    # Whoever has an opposite is almost orthogonal to all the others.
    paired = between[(between < -0.9).any(dim=1)]
    assert paired[paired > -0.9].abs().median() < 0.1


def test_the_sparsest_are_stored_most_and_almost_orthogonal(models: dict[float, ToyModel]) -> None:
    counts = [int((models[p].norms > 0.5).sum()) for p in (1.0, 0.1, 0.01)]
    assert counts == sorted(counts)
    assert counts[-1] >= 2 * M
    off = cosines(models[0.01])
    assert off.abs().median() < 0.35
    assert off.max() < 0.7  # no two features are confused with one another


def test_a_model_gives_back_what_it_stores(models: dict[float, ToyModel]) -> None:
    sparse = models[0.01]
    x = sparse_features(4096, 20, 0.01, generator("given back"))
    error = (x - sparse(x)).square().mean(dim=0) / x.square().mean(dim=0)
    stored = sparse.norms > 0.9
    assert error[stored].median() < 0.2
    assert (error[sparse.norms < 0.1] > 0.5).all()


def test_features_are_as_sparse_as_asked() -> None:
    x = sparse_features(20000, 4, 0.3, generator("density"))
    assert float((x > 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(x[x > 0].mean()) == pytest.approx(0.5, abs=0.01)


def test_planted_batches_begin_again_at_any_step() -> None:
    data = planted(8, 4, density=0.2)
    whole, later = data.batches(16, random_state=3), data.batches(16, random_state=3, start=2)
    next(whole), next(whole)
    assert torch.equal(next(whole), next(later))


def test_recovered_counts_one_to_one() -> None:
    data = planted(8, 32, density=0.2)
    assert data.recovered(data.directions.flip(0)) == 1.0
    assert data.recovered(data.directions[:4]) == 0.5
    # Eight copies of one feature are one feature.
    assert data.recovered(data.directions[:1].repeat(8, 1)) == 1 / 8
    assert data.recovered(-data.directions) == 0.0


def test_one_seed_is_another_one_for_another_purpose() -> None:
    a, b = (torch.randn(8, generator=generator(name, 0)) for name in ("one", "other"))
    assert not torch.equal(a, b)
    assert torch.equal(a, torch.randn(8, generator=generator("one", 0)))
