"""When many numbers are looked at: false discoveries, and the best of many layers.

Knows p-values, scores and labels; knows no layer and no probe by name.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probes.base import Array, Bools, Floats, Groups, Indices, ProbeError, group_codes
from probes.metrics import scores_and_labels

_CELLS_AT_ONCE = 4_000_000


def benjamini_hochberg(p_values: Array | Sequence[float]) -> Floats:
    """Q-values `[m]` of p-values `[m]`, in their order (Benjamini & Hochberg 1995).

    Raises:
        ProbeError: if a p-value is not in 0..1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ProbeError("p-values are [m], each in 0..1")
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return q


def permuted_labels(
    labels: Bools, codes: Indices, n_groups: int, n: int, rng: np.random.Generator
) -> Bools:
    """Labels `[n, n_rows]`, shuffled as the groups allow.

    In a group that holds both labels they change places among its rows. Groups of one label
    keep it whole and exchange it among each other.
    """
    positives = np.bincount(codes, labels, n_groups)
    pure = (positives == 0) | (positives == np.bincount(codes, minlength=n_groups))
    rows = np.argsort(codes, kind="stable")
    drawn = rng.random((n, len(rows)))
    drawn += codes[rows]
    shuffled = np.empty((n, len(rows)), dtype=bool)
    shuffled[:, rows] = labels[rows][np.argsort(drawn, axis=1)]
    del drawn
    blocks = np.zeros((n, n_groups), dtype=bool)
    blocks[:, pure] = rng.permuted(np.tile(positives[pure] > 0, (n, 1)), axis=1)
    of_pure = pure[codes]
    shuffled[:, of_pure] = blocks[:, codes[of_pure]]
    return shuffled


def max_statistic_p(
    scores_by_layer: Array,
    labels: Array,
    groups: Groups,
    chosen: int,
    *,
    n_permutations: int = 2000,
    random_state: int = 0,
) -> float:
    """Chance that the best of all layers would do as well on meaningless labels.

    Labels are permuted on the validation rows as `permuted_labels` does; the probes stay as
    they are. The AUROC of the chosen layer is held against the largest over all layers in
    each permutation (Westfall & Young 1993), which pays for having looked at all of them.

    Args:
        scores_by_layer: `[L, n]`.
        labels: `[n]`, 0 or 1.
        groups: `[n]`.
        chosen: index of the layer that was chosen.
        n_permutations: how many.
        random_state: seed.

    Returns:
        `(1 + permutations at least as good) / (1 + permutations)`.

    Raises:
        ProbeError: on shapes that do not fit, one class only, or scores that are not finite.
    """
    from scipy.stats import rankdata

    table = np.asarray(scores_by_layer, dtype=np.float64)
    if table.ndim != 2 or not -len(table) <= chosen < len(table):
        raise ProbeError(f"no layer {chosen} in scores of shape {table.shape}; they are [L, n]")
    for scores in table:
        _, positive = scores_and_labels(scores, labels)
    codes, n_groups = group_codes(groups, table.shape[1])
    ranks = rankdata(table, axis=1)
    observed = _aurocs(ranks, positive[None])[chosen, 0]
    rng = np.random.default_rng(random_state)
    at_once = max(1, _CELLS_AT_ONCE // table.shape[1])
    as_good = 0
    for done in range(0, n_permutations, at_once):
        n = min(at_once, n_permutations - done)
        best = _aurocs(ranks, permuted_labels(positive, codes, n_groups, n, rng)).max(axis=0)
        as_good += int(np.count_nonzero(best >= observed - 1e-12))
    return (1 + as_good) / (1 + n_permutations)


def _aurocs(ranks: Floats, labels: Bools) -> Floats:
    """AUROC `[L, b]` from mid-ranks `[L, n]` under each labelling `[b, n]` (Mann-Whitney)."""
    positives = labels.sum(axis=1)
    negatives = labels.shape[1] - positives
    wins = ranks @ labels.T.astype(np.float64) - positives * (positives + 1) / 2
    result: Floats = wins / (positives * negatives)
    return result
