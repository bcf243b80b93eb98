"""Folds that never cut a group, and scores for rows that a probe has not seen.

Knows labels, groups and functions that score; knows no fitter by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from probes.base import Array, Bools, Floats, Groups, Indices, ProbeError, group_codes
from probes.training_set import binary_labels

if TYPE_CHECKING:
    from probes.fitters import AnyFitter

Fold = tuple[Indices, Indices]


def grouped_folds(groups: Groups, y: Array, folds: int, random_state: int) -> list[Fold]:
    """Split rows into folds by group, with the classes spread as evenly as groups allow.

    Wherever two groups hold a class, they lie in two folds, so that every train part has
    both classes. Fewer groups than folds give fewer folds, down to two.

    Args:
        groups: `[n]`, str or int.
        y: `[n]`, 0 or 1.
        folds: how many folds, at most.
        random_state: seed of the order in which groups are dealt out.

    Returns:
        `(train_idx, test_idx)` per fold; the test parts are a partition of the rows.

    Raises:
        ProbeError: on fewer than two groups, or fewer than two folds.
    """
    n = len(np.asarray(groups))
    codes, n_groups = group_codes(groups, n)
    labels = binary_labels(y, n)
    if folds < 2:
        raise ProbeError(f"cross-validation needs at least 2 folds, not {folds}")
    if n_groups < 2:
        raise ProbeError(f"cross-validation needs at least 2 groups; all {n} rows share one")
    count = np.stack([np.bincount(codes, ~labels, n_groups), np.bincount(codes, labels, n_groups)])
    fold_of = _dealt(count, min(folds, n_groups), random_state)[codes]
    splits = [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(folds)]
    return [(train, test) for train, test in splits if len(test)]


def _dealt(count: Array, folds: int, random_state: int) -> Indices:
    """Fold `[n_groups]` of each group, given its rows per class `count [2, n_groups]`."""
    order = np.random.default_rng(random_state).permutation(count.shape[1])
    order = order[np.argsort(-count.sum(axis=0)[order], kind="stable")]
    fold_of = np.full(count.shape[1], -1, dtype=np.intp)
    # First each class gets a group in fold 0 and one in fold 1, wherever it has two: no later
    # choice can then leave a train part without that class.
    for holds in count > 0:
        taken = set(fold_of[holds & (fold_of >= 0)].tolist())
        for group in order[holds[order]]:
            if len(taken) >= 2:
                break
            if fold_of[group] < 0:
                lighter = int(np.sum(fold_of == 0) > np.sum(fold_of == 1))
                fold_of[group] = 1 - min(taken) if taken else lighter
                taken.add(int(fold_of[group]))
    share = count / count.sum(axis=1, keepdims=True)
    load = np.zeros((folds, 2))
    np.add.at(load, fold_of[fold_of >= 0], share.T[fold_of >= 0])
    # The rest, largest first, each to the fold where its classes are rarest so far.
    for group in order:
        if fold_of[group] < 0:
            crowding = load @ share[:, group]
            fold_of[group] = np.lexsort((load.sum(axis=1), crowding))[0]
            load[fold_of[group]] += share[:, group]
    return fold_of


def comparable(scores: Array, seen: Array, labels: Array) -> Floats:
    """Scores of one model in a unit that it shares with other models of its kind.

    The zero moves to the midpoint between the class means of the rows that the model was
    fitted on, and the unit is the standard deviation there. The scored rows have no say in
    it, so that an odd mix of classes among them shifts nothing.

    Args:
        scores: `[n]`, what the model says of any rows.
        seen: `[m]`, what it says of its training rows.
        labels: `[m]`, 0 or 1, of the training rows.

    Returns:
        `[n]`. What out-of-fold scores are in, and what a calibration learnt from them takes.
    """
    known, at = np.asarray(labels, dtype=bool), np.asarray(seen, dtype=np.float64)
    middle, spread = float(at[known].mean() + at[~known].mean()) / 2, float(at.std())
    rounding = 1e-12 * float(np.abs(at).max())  # a constant must tie, not rank its own noise
    centred: Floats = np.asarray(scores, dtype=np.float64) - middle
    centred[np.abs(centred) <= rounding] = 0.0
    if spread > rounding:
        centred /= spread
    return centred


def out_of_fold(
    score: Callable[[Indices, Indices], Array],
    y: Array,
    groups: Groups,
    *,
    folds: int,
    random_state: int,
) -> Floats:
    """Scores `[n]` of rows by models that never saw their group, made `comparable`.

    Args:
        score: given train indices and indices to score, the scores of the latter.
        y: `[n]`, 0 or 1.
        groups: `[n]`.
        folds: how many folds, at most.
        random_state: seed of the folds.

    Raises:
        ProbeError: if a train part has one class only, because one group holds all of the
            other.
    """
    labels: Bools = binary_labels(y, len(np.asarray(y)))
    scores = np.empty(len(labels))
    for train, test in grouped_folds(groups, y, folds, random_state):
        known = labels[train]
        if known.all() or not known.any():
            raise ProbeError(
                "one group holds every row of a class: cross-validation needs at least two "
                "groups with positive rows and two with negative rows"
            )
        both = score(train, np.concatenate([train, test]))
        scores[test] = comparable(both[len(train) :], both[: len(train)], known)
    return scores


def cross_validated_scores(
    fitter: AnyFitter,
    x: Array,
    y: Array,
    groups: Groups,
    *,
    folds: int = 5,
    random_state: int = 0,
) -> Floats:
    """Out-of-fold scores `[n]` of a fitter, made `comparable` across folds.

    They are not in the unit of a probe fitted on all rows; `comparable` brings its scores there.

    Args:
        fitter: one of `FITTERS`, or any function with that signature.
        x: `[n, d_model]`.
        y: `[n]`, 0 or 1.
        groups: `[n]`; a group is never split between fitting and scoring.
        folds: how many folds, at most.
        random_state: seed of the folds and of the fitter.

    Raises:
        ProbeError: as `grouped_folds` and the fitter do.
    """
    names = np.asarray(groups)
    labels = np.asarray(y)

    def score(train: Indices, rows: Indices) -> Array:
        probe = fitter(
            x[train], labels[train], names[train], folds=folds, random_state=random_state
        )
        return probe.decision_function(x[rows])

    return out_of_fold(score, labels, names, folds=folds, random_state=random_state)
