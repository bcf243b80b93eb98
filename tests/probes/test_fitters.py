"""The contract that every fitter keeps, whoever wrote it."""

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest

from probes import FITTERS, LinearProbe, ProbeError, auroc, cross_validated_scores
from probes.baselines import shuffled_label_probes
from probes.fitters import fitter, fitter_names
from tests.probes.planted import Planted, plant


@pytest.fixture(scope="module")
def planted() -> Planted:
    return plant(n_pairs=3000, d=32, strength=3.0)


every_fitter = pytest.mark.parametrize("fit", FITTERS.values(), ids=FITTERS.keys())
PAIRWISE = {"pca_pairs", "ccs"}


@every_fitter
def test_a_planted_direction_is_recovered(fit, planted: Planted):
    probe = fit(planted.x, planted.y, planted.groups)
    assert float(probe.direction @ planted.direction) > 0.99


@every_fitter
def test_unseen_rows_are_told_apart_and_zero_lies_between_the_classes(fit, planted: Planted):
    probe = fit(planted.x, planted.y, planted.groups)
    fresh = plant(n_pairs=500, d=32, strength=3.0, seed=1)
    scores = probe.decision_function(fresh.x)
    assert auroc(scores, fresh.y) > 0.97
    assert np.mean((scores > 0) == fresh.y) > 0.9


@every_fitter
def test_shuffled_labels_teach_nothing(fit):
    data = plant(n_pairs=60, d=32, strength=0.0)
    fresh = plant(n_pairs=2000, d=32, strength=0.0, seed=1)
    [probe] = shuffled_label_probes(fit, data.x, data.y, data.groups)
    # 4,000 unseen rows: the standard deviation of an AUROC of nothing is 0.009.
    assert auroc(probe.decision_function(fresh.x), fresh.y) == pytest.approx(0.5, abs=0.036)


@every_fitter
def test_out_of_fold_scores_on_noise_are_near_one_half(fit):
    values = []
    for seed in range(5):
        data = plant(n_pairs=60, d=16, strength=0.0, seed=seed)
        values.append(auroc(cross_validated_scores(fit, data.x, data.y, data.groups), data.y))
    # The labels choose the sign on other groups only; 5 x 120 rows: standard deviation 0.025.
    assert np.mean(values) == pytest.approx(0.5, abs=0.1)


@every_fitter
def test_more_dimensions_than_rows(fit):
    data = plant(n_pairs=40, d=300, strength=8.0)
    fresh = plant(n_pairs=200, d=300, strength=8.0, seed=1)
    probe = fit(data.x, data.y, data.groups)
    assert auroc(probe.decision_function(fresh.x), fresh.y) > 0.95


@every_fitter
def test_the_same_input_gives_the_same_bytes_and_the_input_is_left_alone(fit):
    data = plant(n_pairs=30, d=16, strength=2.0)
    before = data.x.copy()
    first, second = (fit(data.x, data.y, data.groups, folds=4, random_state=7) for _ in range(2))
    assert first.coef_.tobytes() == second.coef_.tobytes()
    assert first.intercept_ == second.intercept_
    np.testing.assert_array_equal(before, data.x)


@every_fitter
def test_the_value_is_finite_named_and_float32(fit):
    data = plant(n_pairs=30, d=16, strength=2.0)
    probe = fit(data.x, data.y, data.groups)
    name = next(name for name, function in FITTERS.items() if function is fit)
    assert isinstance(probe, LinearProbe)
    assert probe.kind == name
    assert probe.d_model == 16
    for vector in (probe.coef_, probe.mean_, probe.scale_):
        assert vector.dtype == np.float32
        assert np.isfinite(vector).all()


@every_fitter
def test_names_of_groups_may_be_words_and_labels_booleans(fit):
    data = plant(n_pairs=30, d=16, strength=2.0)
    words = [f"case {g}" for g in data.groups]
    by_number = fit(data.x, data.y, np.array([f"case {g}" for g in data.groups]))
    by_word = fit(data.x, data.y.astype(bool), words)
    np.testing.assert_array_equal(by_number.coef_, by_word.coef_)


@every_fitter
def test_a_feature_that_never_varies_does_no_harm(fit):
    data = plant(n_pairs=40, d=16, strength=4.0)
    x = np.column_stack([data.x, np.full(len(data.x), 1234.5, dtype=np.float32)])
    probe = fit(x, data.y, data.groups)
    assert np.isfinite(probe.coef_).all()
    assert auroc(probe.decision_function(x), data.y) > 0.95


@pytest.mark.parametrize("name", sorted(FITTERS.keys() - {"difference_of_means"}))
def test_features_of_wildly_different_size(name: str):
    """All but the difference of means, which keeps the activations' own units on purpose."""
    data, fit = plant(n_pairs=200, d=16, strength=4.0), FITTERS[name]
    scale = np.ones(16, dtype=np.float32)
    scale[:2] = (1e3, 1e-3)
    probe = fit(data.x * scale + 5 * scale, data.y, data.groups)
    assert np.isfinite(probe.coef_).all()
    assert auroc(probe.decision_function(data.x * scale + 5 * scale), data.y) > 0.95


@every_fitter
def test_one_class_only_is_refused(fit):
    data = plant(n_pairs=10, d=4, strength=1.0)
    with pytest.raises(ProbeError, match="only one class: all 20 rows have label 1"):
        fit(data.x, np.ones(20, dtype=int), data.groups)


@every_fitter
def test_values_that_are_not_finite_are_counted(fit):
    data = plant(n_pairs=10, d=4, strength=1.0)
    x = data.x.copy()
    x[3, 0], x[3, 1], x[7, 2] = np.nan, np.inf, -np.inf
    with pytest.raises(ProbeError, match="3 activations are NaN or infinite, in 2 of 20 rows"):
        fit(x, data.y, data.groups)


@every_fitter
@pytest.mark.parametrize(
    ("x", "y", "groups", "message"),
    [
        (np.zeros(4), [0, 1, 0, 1], [0, 0, 1, 1], r"\[n, d_model\]"),
        (np.zeros((4, 2)), [0, 1, 0], [0, 0, 1, 1], "4 labels"),
        (np.zeros((4, 2)), [0, 1, 0, 2], [0, 0, 1, 1], "found 2"),
        (np.zeros((4, 2)), [0, 1, 0, 1], [0, 0, 1], "4 groups"),
        (np.zeros((0, 2)), [], [], "no rows"),
    ],
)
def test_shapes_and_labels_that_do_not_fit(fit, x, y, groups, message):
    with pytest.raises(ProbeError, match=message):
        fit(x, np.asarray(y), groups)


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_methods_on_pairs_say_what_they_need(name: str):
    data = plant(n_pairs=10, d=4, strength=1.0)
    with pytest.raises(ProbeError, match="positive and a negative row"):
        FITTERS[name](data.x, data.y, np.arange(20))


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_pairs_without_a_difference_are_refused(name: str):
    x = np.repeat(np.random.default_rng(0).standard_normal((10, 4)), 2, axis=0)
    with pytest.raises(ProbeError, match="same activations"):
        FITTERS[name](x, np.tile([0, 1], 10), np.repeat(np.arange(10), 2))


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(ProbeError, match="did you mean 'logistic'"):
        fitter("logstic")


def test_other_packages_add_fitters(monkeypatch: pytest.MonkeyPatch):
    entry = EntryPoint("theirs", "probes.mean_based:fit_lda", "alignment_audit.fitters")
    shadow = EntryPoint("lda", "probes.mean_based:fit_mass_mean", "alignment_audit.fitters")
    ours = EntryPoints([entry, shadow])
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **by: ours.select(**by))
    assert fitter("theirs") is FITTERS["lda"]
    assert fitter("lda") is FITTERS["lda"]  # ours is never replaced
    assert fitter_names() == (*FITTERS, "theirs")
