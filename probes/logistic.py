"""L2 logistic regression with its penalty chosen by grouped cross-validation.

The penalties are tried in single precision on all folds at once (`descent`), which settles the
choice; the weights that are kept are then found in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from probes.base import Array, Bools, Floats, Groups, ProbeError
from probes.crossval import grouped_folds
from probes.descent import Problems, Solutions, descend, nothing_learnt
from probes.kernels import Rows, one_thread, rows_of
from probes.linear import LinearProbe
from probes.training_set import binary_labels, training_set

PENALTIES: tuple[float, ...] = tuple(float(value) for value in np.logspace(4, -4, 10))

# Strong penalties hold the weights near zero, so that nothing is gained by waiting for a stronger
# one; a weak one on rows that can be told apart is far from there, and begins where the last ended.
_FIRST_AT_ONCE = 5
_ENOUGH_TO_CHOOSE = 3e-3
_ENOUGH_TO_KEEP = 1e-5
_MOST_AT_ONCE = 2**20  # problems times rows; of each a dozen numbers are held


def fit_logistic(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> LinearProbe:
    """Fit L2 logistic regression on standardised activations, with a tuned penalty.

    The penalty (scikit-learn's `1 / C`) is the one of `PENALTIES` whose held-out scores over
    grouped folds separate the classes most, as d': the distance between the class means over
    the spread within them. The best value moves by 100x between models, so none is fixed.
    Log-loss would reward confidence, and always take the weakest penalty on separable
    activations; AUROC would tie there at 1. For bell-shaped scores d' orders as AUROC does, and
    it goes on where AUROC ends. The scaler is that of all rows in every fold: it has seen no
    label. The intercept is not penalised.

    Args:
        x: `[n, d_model]`.
        y: `[n]`, 0 or 1.
        groups: `[n]`.
        folds: how many folds, at most.
        random_state: seed of the folds.

    Raises:
        ProbeError: on input that `training_set` refuses, or if a class lies in one group
            only, so that no penalty can be validated.
    """
    [probe] = fit_logistic_labelings(x, [y], groups, folds=folds, random_states=[random_state])
    return probe


def fit_logistic_labelings(
    x: Array,
    labelings: Sequence[Array],
    groups: Groups,
    *,
    folds: int = 5,
    random_states: Sequence[int],
) -> list[LinearProbe]:
    """`fit_logistic` of the same rows under several labelings `[m, n]`, each with its own seed.

    Each probe is the one that `fit_logistic` finds, to rounding: what the labelings share is the
    work on the rows.

    Raises:
        ProbeError: as `fit_logistic` does, for any of the labelings.
    """
    rows = training_set(x, labelings[0], groups)
    labels = [binary_labels(y, len(rows.y)) for y in labelings]
    held_out = [
        _held_out(rows.groups, y, folds, seed)
        for y, seed in zip(labels, random_states, strict=True)
    ]
    z, mean, scale = rows.standardised()
    del rows
    some = max(1, _MOST_AT_ONCE // (_FIRST_AT_ONCE * (folds + 1) * len(z)))
    found = []
    with one_thread():
        single, double = rows_of(z)
        del z  # as large as all that is held of the rows, and not asked for until the end
        for start in range(0, len(labels), some):
            here = labels[start : start + some]
            tuned = _tuned(single, here, held_out[start : start + some])
            found.append((*_kept(double, here, tuned), [penalty for penalty, _ in tuned]))
        del single, double
        z = np.asarray(x) - mean
        z /= scale
        return [
            LinearProbe(coef, float(intercept), mean, scale, "logistic", penalty)
            for shares, intercepts, penalties in found
            for coef, intercept, penalty in zip(shares @ z, intercepts, penalties, strict=True)
        ]


def _held_out(groups: Array, y: Bools, folds: int, random_state: int) -> Bools:
    """`[k, n]`: which rows fold k leaves out. Folds that cannot be trained are dropped."""
    splits = grouped_folds(groups, y, folds, random_state)
    usable = [test for train, test in splits if y[train].any() and not y[train].all()]
    held_out = np.zeros((len(usable), len(y)), dtype=bool)
    for k, test in enumerate(usable):
        held_out[k, test] = True
    seen = y[held_out.any(axis=0)]
    if seen.all() or not seen.any():
        raise ProbeError(
            "one group holds every row of a class: tuning the penalty needs at least two groups "
            "with positive rows and two with negative rows"
        )
    return held_out


def _tuned(
    rows: Rows, labels: Sequence[Bools], held_out: Sequence[Bools]
) -> list[tuple[float, Solutions]]:
    """For each labeling the penalty whose held-out scores separate the classes most.

    Of equals, the strongest. Beside it what all rows, none held out, give there.
    """
    none = np.zeros((1, len(labels[0])), dtype=bool)
    parts = [np.concatenate([folds, none]) for folds in held_out]
    of = np.concatenate([np.full(len(part), index) for index, part in enumerate(parts)])
    use = (~np.concatenate(parts)).astype(np.float32)
    target = np.stack(labels)[of].astype(np.float32)
    best: dict[int, tuple[float, float, Solutions]] = {}
    for penalty, solutions in _path(rows, use, target):
        for index, (y, part) in enumerate(zip(labels, parts, strict=True)):
            here = solutions.some(of == index)
            scored = part.any(axis=0)
            scores: Floats = (here.margin * part).sum(axis=0, dtype=np.float64)
            separation = _separation(scores[scored & y], scores[scored & ~y])
            if index not in best or separation > best[index][0]:
                best[index] = separation, penalty, here.some(slice(-1, None))
    return [best[index][1:] for index in range(len(labels))]


def _path(rows: Rows, use: Array, target: Array) -> Iterator[tuple[float, Solutions]]:
    """Each penalty, from strong to weak, and the solutions there."""
    k, first = len(use), PENALTIES[:_FIRST_AT_ONCE]
    ridge = np.repeat(np.array(first, dtype=use.dtype), k)[:, None]
    every = Problems(np.tile(use, (len(first), 1)), np.tile(target, (len(first), 1)), ridge)
    together = descend(rows, every, nothing_learnt(every), tolerance=_ENOUGH_TO_CHOOSE)
    for index, penalty in enumerate(first):
        at = together.some(slice(index * k, (index + 1) * k))
        yield penalty, at
    for penalty in PENALTIES[_FIRST_AT_ONCE:]:
        problems = Problems(use, target, np.full((k, 1), penalty, dtype=use.dtype))
        at = descend(rows, problems, at, tolerance=_ENOUGH_TO_CHOOSE)
        yield penalty, at


def _separation(positive: Floats, negative: Floats) -> float:
    """d': distance between two means over the pooled standard deviation."""
    squares = len(positive) * positive.var() + len(negative) * negative.var()
    spread = np.sqrt(squares / (len(positive) + len(negative)))
    return float((positive.mean() - negative.mean()) / max(spread, 1e-12))


def _kept(
    rows: Rows, labels: Sequence[Bools], tuned: Sequence[tuple[float, Solutions]]
) -> tuple[Floats, Floats]:
    """Shares `[m, n]` and intercepts `[m]` on all rows, from what was found when tuning."""
    target = np.stack(labels).astype(np.float64)
    problems = Problems(np.ones_like(target), target, np.array([[one] for one, _ in tuned]))
    shares = np.concatenate([found.shares for _, found in tuned]).astype(np.float64)
    intercept = np.concatenate([found.intercept for _, found in tuned]).astype(np.float64)
    start = Solutions(shares, intercept, rows.margins(shares) + intercept)
    found = descend(rows, problems, start, tolerance=_ENOUGH_TO_KEEP)
    return found.shares, found.intercept[:, 0]


def logistic_regression(x: Floats, y: Bools, penalty: float) -> tuple[Floats, float]:
    """Weights `[d]` and intercept that minimise `sum(log-loss) + penalty / 2 * |weights|^2`.

    The same problem as scikit-learn's `LogisticRegression(C=1 / penalty)`.
    """
    target = y.astype(np.float64)[None]
    problems = Problems(np.ones_like(target), target, np.array([[penalty]]))
    with one_thread():
        _, rows = rows_of(x)
        found = descend(rows, problems, nothing_learnt(problems), tolerance=1e-10)
        return found.shares[0] @ x, float(found.intercept[0, 0])
