"""What an exchange of two models brings about: thresholds set anew are no evidence of a change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from probes.base import ProbeError
from probes.exact import paired_excess_p
from probes.swapping import Side, swap_p
from probes.threshold import threshold_at_fpr

Floats = NDArray[np.float64]
FPR = 0.05


def threshold(control: Floats) -> float:
    return threshold_at_fpr(control, FPR, np.arange(len(control))).value


def p_of(now: tuple[Floats, Floats], then: tuple[Floats, Floats]) -> float:
    n, m = len(now[0]), len(now[1])
    return swap_p(
        Side(*now), Side(*then), shows=np.zeros(n, bool), control_groups=np.arange(n),
        audit_groups=np.arange(m), fpr=FPR, n_draws=400,
    )  # fmt: skip


def innocent(rng: np.random.Generator, at: float = 1.65) -> tuple[Floats, Floats]:
    """Controls, and audit rows of which every second lies above where the threshold should be."""
    return rng.normal(size=80), rng.normal(at, size=90)


def test_where_nothing_changed_p_is_small_as_seldom_as_it_says() -> None:
    """And a paired test that takes both thresholds for fixed is fooled: that is what it is for."""
    rng, swapped, paired = np.random.default_rng(0), [], []
    for _ in range(400):
        now, then = innocent(rng), innocent(rng)
        fires, before = now[1] > threshold(now[0]), then[1] > threshold(then[0])
        paired.append(
            paired_excess_p(int((fires & ~before).sum()), int((before & ~fires).sum()), 90, 0.05)
        )
        swapped.append(p_of(now, then))
    for level in (0.2, 0.05, 0.01):
        spread = 3 * np.sqrt(level * (1 - level) / 400)
        assert np.mean(np.array(swapped) <= level) <= level + spread
    assert np.mean(np.array(paired) <= 0.01) > 0.03


def test_a_change_is_found_far_below_what_the_draws_resolve() -> None:
    rng = np.random.default_rng(1)
    then = rng.normal(size=80), rng.normal(-3, size=90)
    now = then[0] + 0.1 * rng.normal(size=80), then[1].copy()
    now[1][:40] = 5
    assert p_of(now, then) < 1e-6


def test_a_scale_and_a_shift_of_all_scores_is_no_change() -> None:
    then = innocent(np.random.default_rng(2), at=0.0)
    now = 3 * then[0] + 7, 3 * then[1] + 7
    assert p_of(now, then) == 1.0


def test_contradictions_take_the_answers_with_them() -> None:
    rng = np.random.default_rng(3)
    shows = np.arange(160) % 2 == 1
    control = np.where(shows, 4.0, -4.0) + rng.normal(size=160)
    audit = np.where(np.arange(90) % 2 == 1, 4.0, -4.0) + rng.normal(size=90)
    honest = audit > 0
    lies = honest.copy()
    lies[:30] = ~lies[:30]

    def p(says: NDArray[np.bool_]) -> float:
        return swap_p(
            Side(control, audit, says), Side(control, audit, honest), shows=shows,
            control_groups=np.arange(160), audit_groups=np.arange(90), fpr=FPR,
        )  # fmt: skip

    assert p(honest) == 1.0
    assert p(lies) < 1e-5


def test_groups_are_exchanged_whole() -> None:
    rng = np.random.default_rng(4)
    control, audit = rng.normal(size=80), np.r_[np.full(10, 5.0), np.full(80, -3.0)]
    groups = np.repeat(np.arange(9), 10)
    now, then = Side(control, audit), Side(control, np.full(90, -3.0))
    common = {"shows": np.zeros(80, bool), "control_groups": np.arange(80), "fpr": FPR}
    assert swap_p(now, then, audit_groups=groups, **common) > 0.3, "one group is one thing"
    assert swap_p(now, then, audit_groups=np.arange(90), **common) < 0.02


def test_what_cannot_be_exchanged_is_refused() -> None:
    one = Side(np.zeros(3), np.zeros(2))
    with pytest.raises(ProbeError, match="benign controls"):
        swap_p(one, one, shows=np.ones(3, bool), control_groups=np.arange(3),
               audit_groups=np.arange(2), fpr=FPR)  # fmt: skip
