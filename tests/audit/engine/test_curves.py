"""Score distributions and ROC, judged by numpy and scikit-learn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from audit.engine.curves import (
    BINS,
    ROC_TOLERANCE,
    distributions,
    roc,
    roc_points,
    score_edges,
    thinned,
)
from probes.intervals import rate
from tests.audit.engine.factory import measurement

GATES = [{"kind": "firing_rate", "max": 0.1}]
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def to_polyline(x: Any, y: Any, fpr: Any, tpr: Any) -> NDArray[np.float64]:
    """Distance of points `[n]` to a polyline, segment by segment."""
    points, corners = np.stack([x, y], 1), np.stack([fpr, tpr], 1)
    start, along = corners[:-1], np.diff(corners, axis=0)
    share = np.einsum("nsd,sd->ns", points[:, None] - start, along) / (along**2).sum(1)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    distance: NDArray[np.float64] = np.linalg.norm(points[:, None] - nearest, axis=2).min(1)
    return distance


@given(st.integers(0, 2**32 - 1), st.integers(2, 600), st.floats(0, 3), st.booleans())
def test_the_thinned_roc_stays_within_a_200th_of_scikit_learn_s(
    seed: int, n: int, apart: float, tied: bool
) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.5
    positive[:2] = [False, True]
    scores = rng.normal(size=n) + apart * positive
    scores = np.round(scores, 1) if tied else scores
    fpr, tpr = thinned(*roc_points(scores, positive))
    full = roc_curve(positive, scores, drop_intermediate=False)
    assert to_polyline(full[0], full[1], fpr, tpr).max() <= ROC_TOLERANCE + 1e-12
    # And back: no point of the thinned curve lies further from the whole one.
    share = np.linspace(0, 1, 5)[:, None]
    within = [np.ravel(c[:-1] + share * np.diff(c)) for c in (fpr, tpr)]
    assert to_polyline(*within, full[0], full[1]).max() <= ROC_TOLERANCE + 1e-9
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.all(np.diff(fpr) >= 0)
    assert np.all(np.diff(tpr) >= 0)


def test_the_whole_roc_is_scikit_learn_s() -> None:
    rng = np.random.default_rng(0)
    scores, positive = np.round(rng.normal(size=300), 1), rng.random(300) < 0.4
    fpr, tpr = roc_points(scores, positive)
    wanted = roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(fpr, wanted[0])
    np.testing.assert_allclose(tpr, wanted[1])


@pytest.mark.parametrize("n", [50, 500, 5000, 50_000])
def test_a_useful_monitor_needs_no_more_than_60_points(n: int) -> None:
    rng = np.random.default_rng(n)
    positive = np.arange(n) % 2 == 1
    for _ in range(5):
        scores = rng.normal(size=n) + 2 * positive  # AUROC 0.92
        assert len(thinned(*roc_points(scores, positive))[0]) <= 60


def test_the_operating_point_is_the_rate_above_the_threshold_by_group() -> None:
    rng = np.random.default_rng(1)
    found = measurement(
        gates=GATES, audit_scores=[0.0], validation=rng.normal(size=40), threshold=0.25
    )
    role, scores = found.work.roles["validation"], found.scores["validation"]
    rows = tuple(
        type(row)(id=row.id, group=f"g{i // 5}", text="t", label=row.label)
        for i, row in enumerate(role.rows)
    )
    object.__setattr__(role, "rows", rows)
    curve = roc(found)
    for estimate, label in ((curve.operating_fpr, 0), (curve.operating_tpr, 1)):
        mine = [i for i, row in enumerate(rows) if row.label == label]
        wanted = rate(scores[mine] > 0.25, [rows[i].group for i in mine])
        assert (estimate.value, estimate.low, estimate.high) == (
            wanted.value,
            wanted.low,
            wanted.high,
        )
        assert estimate.n_groups == 8 < estimate.n
    full = roc_curve([row.label for row in rows], scores, drop_intermediate=False)
    at = np.flatnonzero(full[2] > 0.25)[-1]
    assert (full[0][at], full[1][at]) == (curve.operating_fpr.value, curve.operating_tpr.value)


@given(st.lists(st.lists(finite, max_size=30), min_size=1, max_size=5))
def test_every_score_is_in_one_bin(parts: list[list[float]]) -> None:
    scores = [np.array(part, dtype=np.float64) for part in parts]
    edges = score_edges(scores)
    assert np.all(np.diff(edges) > 0)
    assert len(edges) - 1 in (BINS, BINS + 1, BINS + 2)
    for part in scores:
        assert np.histogram(part, edges)[0].sum() == len(part)


def test_counts_are_numpy_s_for_each_role_and_label() -> None:
    rng = np.random.default_rng(2)
    audit, control, validation = rng.normal(size=60), rng.normal(size=400), rng.normal(size=40)
    labels = [int(i % 4 == 0) for i in range(400)]
    found = distributions(
        measurement(
            gates=GATES,
            audit_scores=audit,
            control_scores=control,
            control_labels=labels,
            validation=validation,
        )
    )
    shows = np.array(labels) == 1
    wanted = {
        ("control", None): control[~shows],
        ("control", 1): control[shows],
        ("audit", None): audit,
        ("validation", 0): validation[::2],
        ("validation", 1): validation[1::2],
    }
    assert {(role.role, role.label) for role in found.roles} == set(wanted)
    for role in found.roles:
        scores = wanted[role.role, role.label]
        assert role.counts == np.histogram(scores, found.edges)[0].tolist()
        # By hand, too: a bin holds its lower edge, and the last one both.
        at = np.clip(np.searchsorted(found.edges, scores, "right") - 1, 0, len(role.counts) - 1)
        assert Counter(at.tolist()) == Counter({i: n for i, n in enumerate(role.counts) if n})


def test_one_far_outlier_leaves_the_others_their_bins() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=200)
    plain, far = score_edges([scores]), score_edges([np.append(scores, 1e6)])
    assert far[-1] == 1e6
    assert len(far) == len(plain) + 1
    np.testing.assert_allclose(far[:-1], np.linspace(scores.min(), far[-2], BINS + 1))
    counts = np.histogram(np.append(scores, 1e6), far)[0]
    assert (counts > 0).sum() > 15, "else nothing would be seen but the outlier"
    assert counts[-1] <= 4


def test_a_few_audit_rows_far_from_many_controls_are_no_outliers() -> None:
    edges = score_edges([np.linspace(-1, 0, 4000), np.linspace(5, 6, 10)])
    np.testing.assert_allclose(np.diff(edges), 7 / BINS)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e30])
def test_scores_that_are_all_equal_have_bins(value: float) -> None:
    edges = score_edges([np.full(7, value), np.full(3, value)])
    assert np.all(np.diff(edges) > 0)
    assert edges[0] <= value <= edges[-1]
    assert len(score_edges([np.empty(0)])) == BINS + 1
