"""What something simpler than a probe reaches: words, length, shuffled labels, luck.

Knows texts, lengths and activations. scikit-learn is imported when words are scored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from probes.base import Array, Bools, Floats, Groups, Indices, Probe, ProbeError, group_codes
from probes.crossval import grouped_folds, out_of_fold
from probes.estimate import Estimate
from probes.fitters import AnyFitter, fit_labelings
from probes.logistic import logistic_regression
from probes.metrics import auroc
from probes.multiplicity import permuted_labels
from probes.quality import auroc_estimate
from probes.training_set import binary_labels

_WORD = r"(?u)\b\w+\b"  # single letters and digits are words too
_WORD_PENALTIES = (1.0, 10.0, 100.0, 1000.0)  # C of scikit-learn, the strongest first


def lexical_scores(
    train_texts: Sequence[str],
    train_labels: Array,
    texts: Sequence[str],
    train_groups: Groups | None = None,
) -> Floats:
    """Scores `[n]` of texts by TF-IDF over words and word pairs with logistic regression.

    Vocabulary, frequencies and weights come from the train texts alone, and so does the
    penalty, by grouped cross-validated AUROC: a probe chooses its own penalty, and words held
    to a bad one would be a floor too low. Texts without a single word in training say nothing:
    every score is then 0.

    Args:
        train_texts: `[m]`.
        train_labels: `[m]`, 0 or 1.
        texts: `[n]`.
        train_groups: `[m]`; without them each text is its own group.

    Raises:
        ProbeError: on one class only, or labels that do not fit.
    """
    labels = binary_labels(train_labels, len(train_texts))
    if not any(re.search(_WORD, text) for text in train_texts):
        return np.zeros(len(texts))
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORD)
    x = words.fit_transform(train_texts)
    groups = np.arange(len(labels)) if train_groups is None else train_groups
    model = _word_model(_best_word_penalty(x, labels, groups)).fit(x, labels)
    return np.asarray(model.decision_function(words.transform(texts)), dtype=np.float64)


def _word_model(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, solver="liblinear", random_state=0)


def _best_word_penalty(x: Any, labels: Bools, groups: Groups) -> float:
    """The strongest penalty that attains the best mean AUROC over grouped folds of texts."""
    try:
        folds = grouped_folds(groups, labels, 5, 0)
    except ProbeError:  # too few groups to set any aside
        return _WORD_PENALTIES[0]
    means = [
        np.mean(
            [
                auroc(
                    _word_model(c).fit(x[fit], labels[fit]).decision_function(x[out]), labels[out]
                )
                for fit, out in folds
                if 0 < labels[out].sum() < len(out) and 0 < labels[fit].sum() < len(fit)
            ]
            or [0.5]
        )
        for c in _WORD_PENALTIES
    ]
    return _WORD_PENALTIES[int(np.argmax(np.round(means, 3)))]


def lexical_floor(
    texts: Sequence[str],
    labels: Array,
    groups: Groups,
    *,
    folds: int = 5,
    random_state: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """AUROC that words alone reach on texts whose group they have not seen.

    The interval speaks of the texts, with the fitted words as given. Folds share most of their
    training texts, so near one half the value moves about half as much again.

    Args:
        texts: `[n]`.
        labels: `[n]`, 0 or 1.
        groups: `[n]`.
        folds: how many folds, at most.
        random_state: seed of folds and resampling.
        confidence: of the interval.

    Raises:
        ProbeError: as `crossval.out_of_fold` does.
    """
    truth = np.asarray(labels)

    def score(train: Indices, rows: Indices) -> Array:
        return lexical_scores(
            [texts[i] for i in train],
            truth[train],
            [texts[i] for i in rows],
            np.asarray(groups)[train],
        )

    scores = out_of_fold(score, truth, groups, folds=folds, random_state=random_state)
    return auroc_estimate(scores, truth, groups, confidence=confidence, random_state=random_state)


def length_scores(train_lengths: Array, train_labels: Array, lengths: Array) -> Floats:
    """Scores `[n]` by length alone: logistic regression on log length and its square.

    The square lets a middling length be the tell.

    Raises:
        ProbeError: on one class only, or labels that do not fit.
    """
    known = np.log1p(np.asarray(train_lengths, dtype=np.float64))
    labels: Bools = binary_labels(train_labels, len(known))
    centre, spread = known.mean(), known.std() or 1.0

    def features(logs: Floats) -> Floats:
        z = (logs - centre) / spread
        return np.column_stack([z, z * z])

    weights, intercept = logistic_regression(features(known), labels, penalty=1.0)
    logs = np.log1p(np.asarray(lengths, dtype=np.float64))
    scores: Floats = features(logs) @ weights + intercept
    return scores


def shuffled_label_probes(
    fitter: AnyFitter,
    x: Array,
    y: Array,
    groups: Groups,
    *,
    folds: int = 5,
    random_states: Sequence[int] = (0,),
) -> Sequence[Probe]:
    """Probes fitted on shuffled labels, one a seed: the control task (Hewitt & Liang 2019).

    Labels change places within groups that hold both, and between groups otherwise, so the
    fitter finds the same structure with nothing in it to learn. Each is fitted as the real one
    is, its penalty chosen anew on its own labels.

    Args:
        fitter: what fitted the real probe.
        x: `[n, d_model]`.
        y: `[n]`, 0 or 1.
        groups: `[n]`.
        folds: how many folds, at most.
        random_states: seed of each shuffle and of its fit.

    Raises:
        ProbeError: as the fitter does.
    """
    labels = binary_labels(y, len(np.asarray(x)))
    codes, n_groups = group_codes(groups, len(labels))
    shuffled = [
        permuted_labels(labels, codes, n_groups, 1, np.random.default_rng(seed))[0]
        for seed in random_states
    ]
    labelings = [one.astype(np.intp) for one in shuffled]
    return fit_labelings(fitter, x, labelings, groups, folds=folds, random_states=random_states)


def random_direction_scores(
    x_train: Array, x: Array, *, random_states: Sequence[int] = (0,)
) -> Floats:
    """Scores `[m, n]` along m random directions of the standardised activations.

    Args:
        x_train: `[k, d_model]`, whose mean and scale are used.
        x: `[n, d_model]`.
        random_states: seed of each direction.
    """
    known = np.asarray(x_train, dtype=np.float64)
    scale = known.std(axis=0)
    scale[scale == 0] = 1.0
    centred = np.asarray(x, dtype=np.float64) - known.mean(axis=0)
    scores = np.empty((len(random_states), len(centred)))
    for row, seed in zip(scores, random_states, strict=True):
        direction = np.random.default_rng(seed).standard_normal(known.shape[1])
        row[:] = centred @ (direction / np.linalg.norm(direction) / scale)
    return scores
