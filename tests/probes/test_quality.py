"""What is said of a monitor covers the truth at its nominal rate."""

import numpy as np
import pytest
from scipy.stats import norm

from probes import (
    ProbeError,
    auroc,
    auroc_estimate,
    balanced_accuracy,
    balanced_accuracy_estimate,
    bootstrap,
    calibration_error,
    calibration_error_estimate,
    gain_estimate,
    rate,
    recall_estimate,
)
from probes.intervals import beside_baseline

RUNS = 200
SHORT = 0.95 - 4 * np.sqrt(0.95 * 0.05 / RUNS)  # four standard errors below nominal


def shift(truth: float) -> float:
    """Distance between two unit normals whose AUROC is `truth`."""
    return float(np.sqrt(2) * norm.ppf(truth))


def draw(rng, n: int, truths, *, pairs: bool):
    """Scores with given AUROCs, correlated with each other and, in pairs, within a group."""
    y = np.repeat([1, 0], n)
    case = np.tile(rng.standard_normal(n), 2) if pairs else rng.standard_normal(2 * n)
    groups = np.tile(np.arange(n), 2) if pairs else np.arange(2 * n)
    noise = np.sqrt(0.5) * case + np.sqrt(0.2) * rng.standard_normal(2 * n)
    scores = [
        noise + np.sqrt(0.3) * rng.standard_normal(2 * n) + shift(truth) * y for truth in truths
    ]
    return scores, y, groups


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(("n", "truth"), [(12, 0.75), (20, 0.98), (60, 0.9)])
def test_coverage_of_the_auroc(n: int, truth: float, pairs: bool):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(RUNS):
        (scores,), y, groups = draw(rng, n, [truth], pairs=pairs)
        estimate = auroc_estimate(scores, y, groups, n_resamples=200)
        assert float(estimate.low) <= estimate.value <= float(estimate.high)
        covered += float(estimate.low) <= truth <= float(estimate.high)
    assert covered / RUNS >= SHORT


def test_groups_widen_the_interval():
    (scores,), y, _ = draw(np.random.default_rng(0), 60, [0.8], pairs=False)
    once = auroc_estimate(scores, y, np.arange(120))
    copied = auroc_estimate(
        np.repeat(scores, 6), np.repeat(y, 6), np.repeat(np.arange(120), 6), random_state=1
    )
    assert copied.n == 720
    assert copied.low == pytest.approx(once.low, abs=0.02)
    naive = auroc_estimate(np.repeat(scores, 6), np.repeat(y, 6), np.arange(720))
    assert float(naive.low) > float(once.low) + 0.03


@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_separation_gets_the_exact_bound(sign: int):
    y = np.repeat([1, 0], [20, 50])
    estimate = auroc_estimate(sign * y.astype(float), y, np.arange(70))
    bound = 0.025 ** (1 / 20)
    expected = (1.0, bound, 1.0) if sign == 1 else (0.0, 0.0, 1 - bound)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(expected)


def test_one_row_out_of_place_is_no_better_news_than_none():
    y = np.repeat([1, 0], 50)
    scores = np.concatenate([np.arange(100, 50, -1.0), np.arange(50, 0, -1.0)])
    swapped = scores.copy()
    swapped[[49, 50]] = swapped[[50, 49]]
    perfect = auroc_estimate(scores, y, np.arange(100))
    nearly = auroc_estimate(swapped, y, np.arange(100))
    assert nearly.value < perfect.value == 1
    assert float(nearly.low) <= float(perfect.low)


def test_the_sign_is_kept_and_the_interval_mirrored():
    (scores,), y, groups = draw(np.random.default_rng(0), 40, [0.85], pairs=True)
    up, down = auroc_estimate(scores, y, groups), auroc_estimate(-scores, y, groups)
    assert down.value < 0.3
    assert (down.value, down.low, down.high) == pytest.approx(
        (1 - up.value, 1 - float(up.high), 1 - float(up.low))
    )


def test_the_same_seed_gives_the_same_interval():
    (scores,), y, groups = draw(np.random.default_rng(0), 30, [0.7], pairs=True)
    assert auroc_estimate(scores, y, groups) == auroc_estimate(scores, y, groups)
    assert auroc_estimate(scores, y, groups) != auroc_estimate(scores, y, groups, random_state=1)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), [(0.8, 0.7), (0.95, 0.6), (0.9, 0.3), (0.6, 0.6)])
def test_coverage_of_the_gain(ours: float, theirs: float, pairs: bool):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(RUNS):
        (scores, baseline), y, groups = draw(rng, 40, [ours, theirs], pairs=pairs)
        estimate = gain_estimate(scores, baseline, y, groups, n_resamples=200)
        covered += float(estimate.low) <= ours - max(theirs, 0.5) <= float(estimate.high)
    assert covered / RUNS >= SHORT


def test_two_aurocs_and_their_gain_at_once_are_those_one_by_one():
    (scores, baseline), y, groups = draw(np.random.default_rng(0), 30, [0.8, 0.4], pairs=True)
    beside = beside_baseline(scores, baseline, y, groups, confidence=0.9, random_state=3)
    how = {"confidence": 0.9, "random_state": 3}
    assert beside.auroc == auroc_estimate(scores, y, groups, **how)
    assert beside.baseline == auroc_estimate(baseline, y, groups, **how)
    assert beside.gain == gain_estimate(scores, baseline, y, groups, **how)
    assert beside.gain != gain_estimate(scores, baseline, y, groups, floor=0, **how)


def test_words_that_anti_predict_are_no_gift():
    (scores, baseline), y, groups = draw(np.random.default_rng(0), 60, [0.9, 0.2], pairs=True)
    gain = gain_estimate(scores, baseline, y, groups)
    plain = auroc_estimate(scores, y, groups)
    assert gain.value == pytest.approx(plain.value - 0.5)
    assert gain.low == pytest.approx(float(plain.low) - 0.5)


def test_a_probe_gains_nothing_on_itself():
    (scores,), y, groups = draw(np.random.default_rng(0), 60, [0.9], pairs=True)
    gain = gain_estimate(scores, 3 * scores + 1, y, groups)
    assert gain.value == 0
    assert float(gain.low) <= 0 <= float(gain.high)


def test_two_perfect_scores_leave_the_gain_open_and_a_perfect_one_over_noise_does_not():
    y, groups = np.repeat([1, 0], 40), np.tile(np.arange(40), 2)
    perfect = y + 0.0
    tie = gain_estimate(perfect, perfect, y, groups)
    assert tie.value == 0
    assert float(tie.low) < 0
    clear = gain_estimate(perfect, np.random.default_rng(0).standard_normal(80), y, groups)
    assert float(clear.low) > 0.2


def test_pairing_sharpens_the_gain():
    rng = np.random.default_rng(0)
    (scores, baseline), y, groups = draw(rng, 80, [0.85, 0.75], pairs=True)
    together = gain_estimate(scores, baseline, y, groups)
    order = np.concatenate([rng.permutation(80), 80 + rng.permutation(80)])
    apart = gain_estimate(scores, baseline[order], y, groups)
    assert float(together.high) - float(together.low) < float(apart.high) - float(apart.low)


def test_many_rows_give_the_width_of_the_bootstrapped_difference():
    (scores, baseline), y, groups = draw(np.random.default_rng(0), 400, [0.8, 0.7], pairs=True)
    gain = gain_estimate(scores, baseline, y, groups)
    direct = bootstrap(
        lambda rows: auroc(scores[rows], y[rows]) - auroc(baseline[rows], y[rows]), groups
    )
    assert gain.value == pytest.approx(direct.value)
    assert (gain.low, gain.high) == pytest.approx((direct.low, direct.high), abs=0.006)


@pytest.mark.parametrize("together", [True, False])
def test_errors_that_share_a_group_move_the_balanced_accuracy(together: bool):
    """Where a case is hard both its rows fail, or exactly one of them: twice or half the width."""
    rng = np.random.default_rng(0)
    y, groups = np.tile([1, 0], 400), np.repeat(np.arange(400), 2)
    hard = rng.random(400) < 0.4
    right = np.stack([~hard, ~hard if together else hard], axis=1).ravel()
    scores = np.where(right, y, 1 - y) + 0.0
    estimate = balanced_accuracy_estimate(scores, y, groups, 0.5)
    direct = bootstrap(lambda rows: balanced_accuracy(scores[rows], y[rows], 0.5), groups)
    assert (estimate.low, estimate.high) == pytest.approx((direct.low, direct.high), abs=0.015)


def test_no_error_at_all_takes_the_widest_where_groups_hold_both_classes():
    y, pairs = np.tile([1, 0], 30), np.repeat(np.arange(30), 2)
    bound = 0.025 ** (1 / 30)
    shared = balanced_accuracy_estimate(y + 0.0, y, pairs, 0.5)
    apart = balanced_accuracy_estimate(y + 0.0, y, np.arange(60), 0.5)
    assert shared.low == pytest.approx(bound)
    assert apart.low == pytest.approx(1 - (1 - bound) / np.sqrt(2))
    assert shared.high == apart.high == 1.0


def test_recall_is_the_rate_of_the_positives():
    rng = np.random.default_rng(0)
    y, scores = rng.integers(0, 2, 100), rng.standard_normal(100)
    groups = np.repeat(np.arange(50), 2)
    expected = rate(scores[y == 1] > 0.3, groups[y == 1])
    assert recall_estimate(scores, y, groups, 0.3) == expected


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("truth", [0.6, 0.95])
def test_coverage_of_the_balanced_accuracy(truth: float, pairs: bool):
    rng = np.random.default_rng(0)
    threshold = 0.6 * shift(truth)
    expected = (norm.cdf(0.4 * shift(truth)) + norm.cdf(threshold)) / 2
    covered = 0
    for _ in range(RUNS):
        (scores,), y, groups = draw(rng, 40, [truth], pairs=pairs)
        estimate = balanced_accuracy_estimate(scores, y, groups, threshold)
        assert estimate.value == pytest.approx(balanced_accuracy(scores, y, threshold))
        covered += float(estimate.low) <= expected <= float(estimate.high)
    assert covered / RUNS >= SHORT


@pytest.mark.parametrize("sharpness", [1.0, 0.5])
def test_coverage_of_the_calibration_error(sharpness: float):
    rng = np.random.default_rng(0)

    def forecast(n):
        logit = 2 * rng.standard_normal(n)
        happened = rng.random(n) < 1 / (1 + np.exp(-sharpness * logit))
        return 1 / (1 + np.exp(-logit)), happened.astype(int)

    truth = calibration_error(*forecast(400_000))
    covered = 0
    for _ in range(RUNS):
        probabilities, labels = forecast(200)
        estimate = calibration_error_estimate(
            probabilities, labels, np.arange(200), n_resamples=300
        )
        covered += float(estimate.low) <= truth <= float(estimate.high)
    assert covered / RUNS >= SHORT


def test_a_grossly_wrong_forecaster_is_told_from_a_perfect_one():
    labels = np.tile([0, 1], 200)
    estimate = calibration_error_estimate(np.full(400, 0.95), labels, np.arange(400))
    assert estimate.value == pytest.approx(0.45)
    assert float(estimate.low) > 0.35


def test_one_group_has_no_interval_of_calibration():
    estimate = calibration_error_estimate(np.array([0.2, 0.7]), np.array([0, 1]), [4, 4])
    assert (estimate.low, estimate.high) == (None, None)


def test_one_class_only_is_an_error_everywhere():
    ones, groups = np.ones(10, dtype=int), np.arange(10)
    scores = np.arange(10.0)
    for estimate in (
        lambda: auroc_estimate(scores, ones, groups),
        lambda: gain_estimate(scores, scores, ones, groups),
        lambda: recall_estimate(scores, ones, groups, 0.0),
        lambda: balanced_accuracy_estimate(scores, ones, groups, 0.0),
        lambda: auroc(scores, ones),
    ):
        with pytest.raises(ProbeError, match="only one class"):
            estimate()
