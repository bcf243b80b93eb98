"""Folds keep groups whole, and held-out scores stay held out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import (
    LinearProbe,
    ProbeError,
    auroc,
    calibration_error,
    comparable,
    cross_validated_scores,
    grouped_folds,
    platt,
)
from probes.crossval import out_of_fold
from probes.fitters import FITTERS
from tests.probes.planted import plant

rows = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60)


@settings(max_examples=200, deadline=None)
@given(rows, st.integers(2, 8), st.integers(0, 3))
def test_folds_partition_rows_keep_groups_and_train_on_both_classes(given_rows, folds, seed):
    groups = np.array([g for g, _ in given_rows])
    y = np.array([int(label) for _, label in given_rows])
    if len(set(y)) < 2 or len(set(groups)) < 2:
        with pytest.raises(ProbeError):
            grouped_folds(groups, y, folds, seed)
        return
    splits = grouped_folds(groups, y, folds, seed)
    assert 2 <= len(splits) <= folds
    tested = np.concatenate([test for _, test in splits])
    assert sorted(tested.tolist()) == list(range(len(y)))
    for train, test in splits:
        assert set(groups[train]).isdisjoint(groups[test])
        assert len(train) + len(test) == len(y)
        for label in (0, 1):
            if len(set(groups[y == label])) >= 2:
                assert label in y[train]


def test_classes_and_sizes_are_spread_evenly():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 80, 400)
    y = (groups % 5 == 0).astype(int)
    splits = grouped_folds(groups, y, 5, 0)
    assert len(splits) == 5
    for _, test in splits:
        assert len(test) == pytest.approx(80, abs=12)
        assert y[test].mean() == pytest.approx(y.mean(), abs=0.05)


def test_the_seed_deals_the_groups():
    groups, y = np.arange(40), np.tile([0, 1], 20)

    def tests(seed):
        return [test.tolist() for _, test in grouped_folds(groups, y, 5, seed)]

    assert tests(0) == tests(0)
    assert tests(0) != tests(1)


@pytest.mark.parametrize(
    ("groups", "folds", "message"),
    [([0] * 4, 5, "at least 2 groups"), ([0, 1, 2, 3], 1, "at least 2 folds")],
)
def test_too_few_groups_or_folds(groups, folds, message):
    with pytest.raises(ProbeError, match=message):
        grouped_folds(groups, np.array([0, 1, 0, 1]), folds, 0)


def test_a_probe_that_memorises_its_groups_is_found_out():
    """Positive control: a name tag per group. In sample it is perfect, held out worthless."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.tile([1, 0], 20), 3)
    groups = np.repeat(np.arange(40), 3)
    x = rng.standard_normal((40, 200))[groups] + 0.01 * rng.standard_normal((120, 200))
    probe = FITTERS["lda"](x, y, groups)
    assert auroc(probe.decision_function(x), y) == 1.0
    held_out = cross_validated_scores(FITTERS["lda"], x, y, groups)
    assert auroc(held_out, y) == pytest.approx(0.5, abs=0.3)
    leaking = cross_validated_scores(FITTERS["lda"], x, y, np.arange(120))
    assert auroc(leaking, y) > 0.99


def test_scores_of_folds_share_a_zero_and_a_unit():
    """Each fold's probe gets another offset and scale; the order of the rows must not care."""
    data = plant(n_pairs=100, d=8, strength=2.0)
    seen = []

    def wilful(x, y, groups, *, folds, random_state):
        probe = FITTERS["lda"](x, y, groups)
        seen.append(None)
        k = len(seen)
        return LinearProbe(
            probe.coef_ * 10.0**k, probe.intercept_ + 10 * k, probe.mean_, probe.scale_, "wilful"
        )

    ours = cross_validated_scores(wilful, data.x, data.y, data.groups)
    plain = cross_validated_scores(FITTERS["lda"], data.x, data.y, data.groups)
    assert len(seen) == 5
    assert auroc(ours, data.y) == pytest.approx(auroc(plain, data.y), abs=1e-3)
    assert auroc(plain, data.y) > 0.9


def test_a_calibration_learnt_out_of_fold_fits_the_probe_of_all_rows():
    """Positive control: on the probe's own unit the same calibration is badly off."""
    data, fresh = (plant(n_pairs=400, d=8, strength=1.5, seed=seed) for seed in (0, 1))
    inner = FITTERS["lda"](data.x, data.y, data.groups)
    probe = LinearProbe(inner.coef_ * 30, inner.intercept_ + 50, inner.mean_, inner.scale_, "loud")
    held_out = cross_validated_scores(FITTERS["lda"], data.x, data.y, data.groups)
    slope, intercept = platt(held_out, data.y)
    raw = probe.decision_function(fresh.x)
    shared = comparable(raw, probe.decision_function(data.x), data.y)
    errors = [
        calibration_error(0.5 * (1 + np.tanh((slope * scores + intercept) / 2)), fresh.y)
        for scores in (shared, raw)
    ]
    assert errors[0] < 0.06
    assert errors[1] > 0.3


def test_uneven_classes_in_folds_do_not_anti_predict():
    """A score that knows nothing but its base rate must not read below one half."""
    y = np.repeat([0, 1], 50)
    values = [
        auroc(
            out_of_fold(
                lambda train, rows: np.full(len(rows), y[train].mean()),
                y,
                np.arange(100),
                folds=7,
                random_state=seed,
            ),
            y,
        )
        for seed in range(5)
    ]
    assert values == [0.5] * 5


def test_a_class_in_one_group_is_an_error_in_words():
    y = np.array([1, 1, 0, 0, 0, 0])
    with pytest.raises(ProbeError, match="one group holds every row of a class"):
        cross_validated_scores(FITTERS["lda"], np.eye(6), y, [0, 0, 1, 2, 3, 4])
