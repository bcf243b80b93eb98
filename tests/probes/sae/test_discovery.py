"""p-values are exact, hold whatever rows of a group share, and find what was planted."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy.sparse import csc_matrix
from scipy.stats import binomtest, fisher_exact, mannwhitneyu

from probes import rate_difference
from probes.sae.discovery import associate, design, lift_estimate, measured
from probes.sae.exchange import halves, units
from probes.sae.separation import above


def ids(n: int) -> list[str]:
    return [f"row-{index}" for index in range(n)]


def everything(event, groups, *, seed=0):
    return units(event, groups, ids(len(event)), np.ones(len(event), dtype=bool), seed=seed)


def p_of(of, values, cut=0.0):
    matrix = csc_matrix(np.asarray(values, dtype=np.float64))
    return of.p_values(of.values(matrix), np.full(matrix.shape[1], cut))


# --- exactness ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_single_rows_make_fishers_exact_test(seed: int):
    rng = np.random.default_rng(seed)
    event, fires = rng.random(40) < 0.4, rng.random((40, 25)) < np.linspace(0, 1, 25)
    found = p_of(everything(event, np.arange(40)), fires)
    for column, p in zip(fires.T, found, strict=True):
        cells = [
            [np.sum(column & event), np.sum(~column & event)],
            [np.sum(column & ~event), np.sum(~column & ~event)],
        ]
        assert p == pytest.approx(fisher_exact(cells, alternative="greater").pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_pairs_make_the_sign_test(seed: int):
    rng = np.random.default_rng(seed)
    event, groups = np.tile([True, False], 30), np.repeat(np.arange(30), 2)
    fires = rng.random((60, 25)) < np.linspace(0, 1, 25)
    found = p_of(everything(event, groups), fires)
    for column, p in zip(fires.T, found, strict=True):
        ours, others = column[event], column[~event]
        alone, discordant = int(np.sum(ours & ~others)), int(np.sum(ours != others))
        expected = 1.0
        if discordant:
            expected = binomtest(alone, discordant, alternative="greater").pvalue
        assert p == pytest.approx(expected, rel=1e-9)


def test_groups_of_either_kind_together_equal_all_arrangements_counted_out():
    rng = np.random.default_rng(5)
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    event = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1], dtype=bool)
    values = rng.exponential(1.0, (14, 40)) * (rng.random((14, 40)) < np.linspace(0.1, 1, 40))
    found = p_of(everything(event, groups), values, cut=0.4)
    for column, p in zip(values.T, found, strict=True):
        of_group = column[:10].reshape(5, 2).mean(axis=1) > 0.4
        a, b = column[10:12] > 0.4, column[[13, 12]] > 0.4
        seen = of_group[:2].sum() + int(a[0]) + int(b[0])
        arrangements = [
            of_group[list(chosen)].sum() + int(a[i]) + int(b[j])
            for chosen, i, j in product(combinations(range(5), 2), (0, 1), (0, 1))
        ]
        assert p == pytest.approx(np.mean(np.array(arrangements) >= seen))


def test_the_smallest_p_is_that_of_a_feature_that_is_the_event():
    event = np.array([1] * 6 + [0] * 5 + [1, 0] * 3, dtype=bool)
    of = everything(event, np.array([*range(11), 20, 20, 21, 21, 22, 22]))
    assert of.smallest_p == pytest.approx(1 / (462 * 8))
    assert p_of(of, event[:, None])[0] == pytest.approx(of.smallest_p)


# --- what is compared ---------------------------------------------------------------


def test_halves_never_share_a_group_and_both_know_either_side():
    rng = np.random.default_rng(0)
    groups = np.repeat([f"group {i}" for i in range(60)], 3)
    event = np.repeat(rng.random(60) < 0.2, 3) | (rng.random(180) < 0.05)
    select, test = halves(event, groups, seed=4)
    assert (select ^ test).all()
    assert not set(groups[select]) & set(groups[test])
    assert 0 <= len(set(groups[test])) - len(set(groups[select])) <= 3
    assert event[select].any()
    assert event[test].any()
    np.testing.assert_array_equal(halves(event, groups, seed=4)[1], test)
    assert (halves(event, groups, seed=5)[1] != test).any()
    # What a group is called decides, not where its rows stand.
    order = rng.permutation(180)
    np.testing.assert_array_equal(halves(event[order], groups[order], seed=4)[1], test[order])


def test_both_sides_of_a_pair_and_all_groups_are_means_of_equally_many_rows():
    groups = np.array([0] * 4 + [1] * 2 + [2] * 5)
    event = np.array([1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0], dtype=bool)
    of = everything(event, groups)
    assert of.whole.shape == (2, 11)
    assert (of.whole.toarray() > 0).sum(axis=1).tolist() == [2, 2]
    assert (of.with_event.toarray() > 0).sum() == (of.without.toarray() > 0).sum() == 1
    assert of.left_out == 0


def test_a_few_small_groups_do_not_cost_the_others_their_rows():
    groups = np.append(np.repeat(np.arange(40), 5), [100, 101])
    event = np.append(np.repeat(np.arange(40) < 20, 5), [True, False])
    of = everything(event, groups)
    assert of.left_out == 2
    assert (of.whole.toarray() > 0).sum(axis=1).tolist() == [5] * 40


# --- validity -----------------------------------------------------------------------


def layout(kind: str, rng: np.random.Generator, n_groups: int = 60):
    """Events and groups, several near-identical rows to a group."""
    sizes = rng.integers(2, 9, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    if kind == "between":
        event = (rng.random(n_groups) < 0.4)[groups]
    elif kind == "within":
        event = np.concatenate([rng.permutation(np.arange(s) < rng.integers(1, s)) for s in sizes])
    elif kind == "larger groups misbehave":
        event = (sizes > 5)[groups]
    else:
        event = rng.random(len(groups)) < rng.beta(0.5, 0.5, n_groups)[groups]
    return np.asarray(event, dtype=bool), groups


def meaningless(rng, event, groups, m: int):
    """Features that know the group and the side of it, sparse to dense, and not the event.

    Rows of one side of one group are copies: to take rows for independent is badly wrong.
    """
    n_groups = groups.max() + 1
    density = rng.choice([0.02, 0.1, 0.5, 1.0], m)
    block = 2 * groups + event
    of_block = rng.exponential(1.0, (2 * n_groups, m)) * (rng.random((2 * n_groups, m)) < density)
    return of_block[block]


KINDS = ["between", "within", "mixed", "larger groups misbehave"]


@pytest.mark.parametrize("kind", KINDS)
def test_under_the_null_p_values_are_no_smaller_than_uniform_ones(kind: str):
    found, naive = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        event, groups = layout(kind, rng)
        values = meaningless(rng, event, groups, 400)
        plan = design(event, groups, ids(len(event)), seed=seed)
        result = associate(csc_matrix(values), plan)
        # All of them, also where the selection half says p = 1.
        fires = above(csc_matrix(values), result.cut)
        found.append(plan.test.p_values(plan.test.values(fires), result.share))
        dense = values[:, (values > 0).mean(axis=0) > 0.3][:, :20]
        naive.append(mannwhitneyu(dense[event], dense[~event], alternative="greater").pvalue)
    p = np.concatenate(found)
    for level in (0.001, 0.01, 0.05, 0.2, 0.5):
        # Features of one draw share its events, so their number counts for less.
        assert np.mean(p <= level) <= level + 4 * np.sqrt(level * (1 - level) / (len(p) / 4))
    # Positive control: rows taken for independent are visibly wrong.
    assert np.mean(np.concatenate(naive) <= 0.001) > 0.005


@pytest.mark.parametrize("kind", KINDS[:3])
def test_false_discoveries_stay_below_the_rate_and_planted_features_are_found(kind: str):
    false, power = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        event, groups = layout(kind, rng, n_groups=160)
        values = meaningless(rng, event, groups, 500)
        planted = np.arange(0, 500, 50)
        for feature in planted:
            hit = np.where(event, rng.random(len(event)) < 0.9, rng.random(len(event)) < 0.05)
            values[:, feature] = hit * rng.exponential(1.0, len(event))
        plan = design(event, groups, ids(len(event)), seed=seed)
        ranked = associate(csc_matrix(values), plan).ranked(0.1)
        wrong = np.setdiff1d(ranked, planted)
        false.append(len(wrong) / max(len(ranked), 1))
        power.append(np.isin(planted, ranked).mean())
    assert np.mean(false) <= 0.1 + 4 * np.std(false) / np.sqrt(len(false))
    assert np.mean(power) > 0.9


def test_nothing_is_found_where_nothing_is():
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        event, groups = layout("mixed", rng)
        values = meaningless(rng, event, groups, 300)
        plan = design(event, groups, ids(len(event)), seed=seed)
        hits += len(associate(csc_matrix(values), plan).ranked(0.05)) > 0
    assert hits / 40 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 40)


# --- ranking and estimates ----------------------------------------------------------


def test_features_rank_by_lift_and_not_by_how_loud_they_are():
    rng = np.random.default_rng(0)
    n = 400
    event = np.arange(n) % 2 == 0
    values = np.zeros((n, 5))
    values[:, 0] = (event & (rng.random(n) < 0.4)) * 1000.0  # loud
    values[:, 1] = event & (rng.random(n) < 0.9)  # quiet and reliable
    values[:, 2] = 50.0 + 5.0 * event + rng.random(n)  # always on, told by its level
    values[:, 3] = ~event  # goes with the opposite
    plan = design(event, np.arange(n), ids(n))
    found = associate(csc_matrix(values), plan)
    assert found.ranked(0.05).tolist() == [2, 1, 0]
    assert found.p_value[3] == found.p_value[4] == 1.0
    assert not found.alive[4]
    assert 50 < found.cut[2] < 56
    of_two = measured(values[:, 2], found.cut[2], plan)
    assert of_two.lift.value == pytest.approx(1.0, abs=0.02)
    assert of_two.lift.n == plan.testing.sum()


def test_estimates_come_from_the_test_half_alone():
    rng = np.random.default_rng(1)
    n = 200
    event, acts = rng.random(n) < 0.5, rng.exponential(1.0, n)
    plan = design(event, np.arange(n), ids(n))
    before = measured(acts, 0.5, plan)
    acts[plan.selecting] = 99.0
    assert measured(acts, 0.5, plan) == before


def test_a_lift_across_groups_is_the_difference_of_rates():
    rng = np.random.default_rng(2)
    event = np.repeat(rng.random(80) < 0.5, 3)
    groups = np.repeat(np.arange(80), 3)
    fires = rng.random(240) < np.where(event, 0.7, 0.2)
    ours = lift_estimate(fires.astype(float), event, groups, 0.5)
    theirs = rate_difference(fires[event], groups[event], fires[~event], groups[~event])
    assert (ours.value, ours.low, ours.high) == pytest.approx(
        (theirs.value, theirs.low, theirs.high)
    )


@pytest.mark.parametrize("kind", ["between", "within"])
def test_intervals_of_the_lift_cover(kind: str):
    covered = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        event, groups = layout(kind, rng, n_groups=40)
        rates = rng.beta(2, 2, 40)  # shared by the rows of a group
        fires = rng.random(len(event)) < np.clip(rates[groups] * 0.6 + 0.3 * event, 0, 1)
        found = lift_estimate(fires.astype(float), event, groups, 0.5)
        covered.append(found.low <= 0.3 <= found.high)
    assert np.mean(covered) >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 200)


def test_one_sided_halves_are_known_beforehand():
    groups = np.arange(20)
    assert not design(np.zeros(20), groups, ids(20)).possible
    assert not design(np.arange(20) < 1, groups, ids(20)).possible  # one group with the event
    assert design(np.arange(20) < 2, groups, ids(20)).possible
