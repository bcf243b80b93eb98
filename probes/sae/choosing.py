"""Which features go with a concept best, by AUROC on rows that are labelled.

Choosing is part of the fit: what cross-validation says of chosen features must choose them
anew in each fold. Knows pooled activations and labels; no SAE and no model.
"""

from __future__ import annotations

import numpy as np

from probes.base import Array, Floats, Groups, Indices, ProbeError
from probes.crossval import out_of_fold
from probes.sae.monitor import COMBINERS, Combine


def best_features(pooled: Array, y: Array, k: int) -> tuple[int, ...]:
    """The `k` columns of `pooled [n, m]` with the highest AUROC for `y [n]`, best first.

    A feature that is as active without the concept as with it is never among them; if none
    is better than that, the first by number stands for them.

    Raises:
        ProbeError: the rows have one class only.
    """
    scores = auroc_of_columns(pooled, y)
    order = np.argsort(-scores, kind="stable")[:k]
    better = tuple(int(feature) for feature in order if scores[feature] > 0.5)
    return better or (int(order[0]),)


def auroc_of_columns(pooled: Array, y: Array) -> Floats:
    """AUROC `[m]` of every column of `pooled [n, m]` for `y [n]`, a tie counting half.

    Raises:
        ProbeError: the rows have one class only.
    """
    from scipy.stats import rankdata

    positive = np.asarray(y) == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        raise ProbeError("the rows have one class only; features are chosen by two")
    found: Floats = np.full(pooled.shape[1], 0.5)
    alive = np.flatnonzero(pooled.any(axis=0))  # what never fires ties everywhere
    if len(alive):
        ranks = rankdata(pooled[:, alive], axis=0)
        found[alive] = (ranks[positive].sum(axis=0) - n1 * (n1 + 1) / 2) / (n1 * n0)
    return found


def nested_scores(
    pooled: Array,
    y: Array,
    groups: Groups,
    *,
    combine: Combine,
    k: int,
    folds: int = 5,
    random_state: int = 0,
) -> Floats:
    """Out-of-fold scores `[n]` of rows, features and weights chosen anew in each fold.

    Args:
        pooled: `[n, m]`, activations of all features.
        y: `[n]`, 0 or 1.
        groups: `[n]`; a group is never split between choosing and scoring.
        combine: how the chosen become one score.
        k: how many are chosen.
        folds: how many folds, at most.
        random_state: seed of folds and fits.

    Raises:
        ProbeError: as `crossval.out_of_fold` does, or a fold has one class only.
    """
    labels, names = np.asarray(y), np.asarray(groups)

    def score(train: Indices, rows: Indices) -> Array:
        chosen = list(best_features(pooled[train], labels[train], k))
        monitor = COMBINERS[combine](
            pooled[train][:, chosen],
            labels[train],
            names[train],
            folds=folds,
            random_state=random_state,
        )
        return np.asarray(monitor.decision_function(pooled[rows][:, chosen]))

    return out_of_fold(score, labels, names, folds=folds, random_state=random_state)
