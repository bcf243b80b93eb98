"""Resampling by multiplicities is resampling, only faster."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import auroc, bootstrap
from probes.resampling import blocks, draw_multiplicities, resamples, weighted_aurocs


@pytest.mark.parametrize("decimals", [6, 0])
def test_weighted_auroc_equals_a_loop_over_copied_rows(decimals: int):
    rng = np.random.default_rng(0)
    labels = rng.random(120) < 0.3
    scores = np.round(rng.standard_normal(120) + labels, decimals)
    codes = rng.integers(0, 40, 120)
    weights = draw_multiplicities(40, 50, rng)
    ours = weighted_aurocs(scores, labels, codes, weights)
    for value, draw in zip(ours, weights, strict=True):
        rows = np.repeat(np.arange(120), draw[codes].astype(int))
        assert value == pytest.approx(auroc(scores[rows], labels[rows]), abs=1e-12)


def test_a_draw_without_one_class_is_not_a_number():
    value = weighted_aurocs(
        np.array([1.0, 0.0]), np.array([True, False]), np.array([0, 1]), np.array([[2.0, 0.0]])
    )
    assert math.isnan(value[0])


def test_multiplicities_are_draws_with_replacement():
    counts = draw_multiplicities(20, 5000, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 20).all()
    assert counts.mean() == pytest.approx(1.0)
    assert counts.var() == pytest.approx(1 - 1 / 20, abs=0.02)


def test_blocks_add_up_and_stay_small():
    drawn = list(resamples(3_000_000, 5, 7, 0))
    assert [len(block) for block in drawn] == [1] * 7


@given(st.integers(1, 3000), st.integers(1, 5_000_000))
def test_blocks_are_alike_and_hold_what_fits(n_resamples: int, cells: int):
    sizes = blocks(n_resamples, cells)
    assert sum(sizes) == n_resamples
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == 1 or max(sizes) * cells <= 1_000_000 + cells


def test_how_many_are_drawn_at_once_changes_no_draw():
    whole = list(resamples(20, 20, 50, 3))
    parts = list(resamples(300_000, 20, 50, 3))
    assert (len(whole), len(parts)) == (1, 15)
    assert (np.concatenate(parts) == whole[0]).all()


def test_the_mean_gets_the_interval_of_its_standard_error():
    values = np.random.default_rng(0).standard_normal(400)
    estimate = bootstrap(lambda rows: float(values[rows].mean()), np.arange(400))
    assert estimate.value == pytest.approx(values.mean())
    width = 2 * 1.96 * values.std() / 20
    assert float(estimate.high) - float(estimate.low) == pytest.approx(width, rel=0.1)


def test_rows_that_repeat_their_group_do_not_narrow_the_interval():
    values = np.random.default_rng(0).standard_normal(100)
    copied, groups = np.repeat(values, 9), np.repeat(np.arange(100), 9)
    once = bootstrap(lambda rows: float(values[rows].mean()), np.arange(100))
    nine = bootstrap(lambda rows: float(copied[rows].mean()), groups)
    naive = bootstrap(lambda rows: float(copied[rows].mean()), np.arange(900))
    assert (nine.low, nine.high) == pytest.approx((once.low, once.high))
    assert float(naive.high) - float(naive.low) < 0.5 * (float(nine.high) - float(nine.low))


def test_no_interval_from_one_group_or_from_an_undefined_statistic():
    one = bootstrap(lambda rows: float(len(rows)), [3, 3, 3])
    assert (one.value, one.low, one.high, one.n_groups) == (3.0, None, None, 1)
    nothing = bootstrap(lambda rows: 1.0 if len(set(rows)) == 9 else math.nan, np.arange(9))
    assert (nothing.low, nothing.high) == (None, None)
