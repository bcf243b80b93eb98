"""Statistics of a stream equal those of the whole table, however it is cut and bounded."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from probes.sae import SAE, ReLU, SAEError, TopK
from probes.sae.statistics import feature_rows, some_feature_rows

D_IN, D_SAE = 6, 40


def make_sae(**changes: object) -> SAE:
    draws = torch.Generator().manual_seed(1)
    W = torch.randn(D_IN, D_SAE, generator=draws)
    b_enc = torch.full((D_SAE,), -1.0)
    b_enc[7] = -1e6  # a dead one
    fields: dict[str, object] = {
        "W_enc": W,
        "b_enc": b_enc,
        "W_dec": W.T.contiguous(),
        "b_dec": torch.zeros(D_IN),
        "activation": ReLU(),
    }
    return SAE(**(fields | changes))  # type: ignore[arg-type]


def make_tokens(n: int = 500, n_rows: int = 30) -> tuple[torch.Tensor, np.ndarray]:
    draws = torch.Generator().manual_seed(2)
    rows = np.sort(np.random.default_rng(3).integers(0, n_rows - 1, n))
    return torch.randn(n, D_IN, generator=draws), rows  # the last row has no token


def in_batches(x, rows, sizes):
    edges = np.append(0, np.cumsum(sizes))
    return [(x[a:b], rows[a:b]) for a, b in pairwise(edges)]


def by_hand(sae, x, rows, n_rows, pooling):
    acts = sae.encode(x).double().numpy()
    found = np.zeros((n_rows, sae.d_sae))
    for row in range(n_rows):
        of_row = acts[rows == row]
        if len(of_row):
            found[row] = of_row.max(axis=0) if pooling == "max" else of_row.mean(axis=0)
    return acts, found


@pytest.mark.parametrize("pooling", ["max", "mean"])
@pytest.mark.parametrize("activation", ["relu", "topk"])
def test_a_stream_in_pieces_gives_what_the_whole_table_gives(pooling, activation):
    sae = make_sae(**({"activation": TopK(5)} if activation == "topk" else {}))
    x, rows = make_tokens()
    acts, expected = by_hand(sae, x, rows, 30, pooling)
    # Cuts go through the middle of rows.
    pieces = in_batches(x, rows, [7, 93, 1, 199, 200])
    [part] = feature_rows(sae, lambda: pieces, 30, pooling=pooling)
    assert part.features == range(D_SAE)
    assert part.n_tokens == 500
    np.testing.assert_allclose(part.pooled.toarray(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(part.token_rate, (acts > 0).mean(axis=0))
    np.testing.assert_allclose(part.token_mean, acts.mean(axis=0), rtol=1e-6)
    assert part.token_rate[7] == 0
    assert part.pooled[:, [7]].nnz == 0
    few = some_feature_rows(sae, pieces, 30, [3, 7, 0], pooling=pooling)
    np.testing.assert_allclose(few, expected[:, [3, 7, 0]], rtol=1e-5, atol=1e-6)


def test_tokens_of_a_row_need_not_lie_together():
    sae = make_sae()
    x, rows = make_tokens()
    _, expected = by_hand(sae, x, rows, 30, "mean")
    order = np.random.default_rng(0).permutation(len(rows))
    [part] = feature_rows(sae, lambda: [(x[order], rows[order])], 30, pooling="mean")
    np.testing.assert_allclose(part.pooled.toarray(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "topk"])
def test_little_memory_means_more_passes_and_the_same_numbers(activation):
    sae = make_sae(**({"activation": TopK(8)} if activation == "topk" else {}))
    x, rows = make_tokens()
    pieces = in_batches(x, rows, [250, 250])
    [whole] = feature_rows(sae, lambda: pieces, 30)
    passes = 0

    def tokens():
        nonlocal passes
        passes += 1
        return pieces

    parts = list(feature_rows(sae, tokens, 30, max_entries=150))
    assert passes == len(parts) > 3
    assert [f for part in parts for f in part.features] == list(range(D_SAE))
    assert all(part.pooled.nnz <= 150 for part in parts)
    side_by_side = np.hstack([part.pooled.toarray() for part in parts])
    np.testing.assert_allclose(side_by_side, whole.pooled.toarray(), rtol=1e-5, atol=1e-6)
    rates = np.concatenate([part.token_rate for part in parts])
    np.testing.assert_allclose(rates, whole.token_rate)


def test_mistakes_are_named():
    x, rows = make_tokens()
    with pytest.raises(SAEError, match="by max or mean"):
        list(feature_rows(make_sae(), lambda: [(x, rows)], 30, pooling="median"))  # type: ignore[arg-type]
    with pytest.raises(SAEError, match="no token"):
        list(feature_rows(make_sae(), list, 30))
    with pytest.raises(SAEError, match="width 6, found 5"):
        list(feature_rows(make_sae(), lambda: [(x[:, :5], rows)], 30))
