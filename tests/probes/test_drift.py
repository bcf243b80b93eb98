"""The state in words: a table of intervals, and planted checkpoints read end to end."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ortho_group

from probes import ProbeError, auroc_estimate, gain_estimate, paired_difference, threshold_at_fpr
from probes.drift import DriftLimits, DriftState, Reading, drift_state
from probes.estimate import Estimate
from probes.linear import LinearProbe
from probes.mean_based import fit_difference_of_means
from probes.realignment import fit_realignment, realigned, score_r2
from probes.representation_drift import compare_representations
from tests.probes.planted import plant

STABLE, DRIFTED = "stable", "representation drifted, probe refreshed"
GREW, LOST, INVALID = "concept grew", "concept lost", "monitor no longer valid"


def between(low: float | None, high: float | None) -> Estimate:
    middle = 0.5 if low is None or high is None else (low + high) / 2
    return Estimate(middle, low, high, 100, 100)


GOOD, POOR, VAGUE = between(0.9, 0.96), between(0.4, 0.6), between(0.55, 0.95)
UP, DOWN, FLAT, WIDE = (
    between(*ends) for ends in [(0.2, 0.4), (-0.4, -0.2), (-0.02, 0.02), (-0.2, 0.3)]
)
STALE = between(0.3, 0.5)  # of control rows that fire anew


def read(auroc: Estimate, firing: Estimate, *, r2: float | None = None, **rest) -> Reading:
    return Reading(auroc, firing, score_r2=r2, **rest)


def mapped(auroc: Estimate, firing: Estimate, r2: float = 0.9) -> Reading:
    return read(auroc, firing, r2=r2)


@pytest.mark.parametrize(
    ("frozen", "realigned_", "refit", "state", "reader"),
    [
        # the frozen probe reads: its firing decides
        (read(GOOD, FLAT), None, None, STABLE, "frozen"),
        (read(GOOD, WIDE), None, None, STABLE, "frozen"),
        (read(GOOD, UP), None, None, GREW, "frozen"),
        (read(GOOD, DOWN), None, None, LOST, "frozen"),
        (read(GOOD, UP), mapped(GOOD, UP), read(GOOD, UP), GREW, "frozen"),
        (read(GOOD, FLAT), mapped(POOR, UP), read(POOR, UP), STABLE, "frozen"),
        # it does not: the realigned one decides, whatever the frozen one's firing
        (read(POOR, UP), mapped(GOOD, FLAT), read(GOOD, FLAT), DRIFTED, "realigned"),
        (read(POOR, FLAT), mapped(GOOD, UP), read(GOOD, UP), GREW, "realigned"),
        (read(POOR, FLAT), mapped(GOOD, DOWN), None, LOST, "realigned"),
        (read(VAGUE, UP), mapped(GOOD, FLAT), None, DRIFTED, "realigned"),
        (read(between(None, None), UP), mapped(GOOD, FLAT), None, DRIFTED, "realigned"),
        # a threshold that control rows cross is stale, however well the scores rank
        (read(GOOD, UP, controls=STALE), mapped(GOOD, FLAT), None, DRIFTED, "realigned"),
        (read(GOOD, UP, controls=FLAT), mapped(GOOD, FLAT), None, GREW, "frozen"),
        # a map that recovers little is not read through
        (read(POOR, UP), mapped(GOOD, UP, r2=0.1), read(GOOD, FLAT), DRIFTED, "refit"),
        (read(POOR, UP), read(GOOD, UP), read(GOOD, FLAT), DRIFTED, "refit"),
        (read(POOR, UP), mapped(POOR, UP), read(GOOD, UP), GREW, "refit"),
        # the refit probe reads far better than the others
        (read(between(0.71, 0.8), UP), None, read(GOOD, FLAT), DRIFTED, "refit"),
        (read(between(0.71, 0.89), UP), None, read(GOOD, FLAT), GREW, "frozen"),
        (read(POOR, UP), mapped(between(0.71, 0.8), UP), read(GOOD, FLAT), DRIFTED, "refit"),
        # nothing reads
        (read(POOR, UP), None, None, INVALID, None),
        (read(POOR, FLAT), mapped(POOR, FLAT), read(POOR, FLAT), INVALID, None),
        (read(POOR, FLAT), mapped(VAGUE, FLAT), read(VAGUE, FLAT), INVALID, None),
        (read(GOOD, FLAT, controls=STALE), None, None, INVALID, None),
        (read(between(float("nan"), float("nan")), FLAT), None, None, INVALID, None),
    ],
)
def test_the_table(frozen, realigned_, refit, state: str, reader: str | None):
    found = drift_state(frozen, realigned=realigned_, refit=refit)
    assert (found.state, found.reader) == (state, reader)
    assert found.refreshed == (reader in ("realigned", "refit"))


def test_what_is_not_excluded_is_not_conclusive():
    assert drift_state(read(GOOD, FLAT)).conclusive
    wide = drift_state(read(GOOD, WIDE))
    assert not wide.conclusive
    assert "not excluded" in wide.reason
    assert drift_state(read(GOOD, UP)).conclusive
    assert not drift_state(read(POOR, UP)).conclusive


def test_other_probes_second_or_contradict():
    found = drift_state(read(GOOD, UP), realigned=mapped(GOOD, UP), refit=read(GOOD, FLAT))
    assert (found.seconded_by, found.contradicted_by) == (("realigned",), ("refit",))
    found = drift_state(read(GOOD, UP), realigned=mapped(GOOD, DOWN), refit=read(GOOD, WIDE))
    assert (found.seconded_by, found.contradicted_by) == ((), ("realigned",))
    found = drift_state(read(GOOD, UP), realigned=mapped(POOR, DOWN), refit=read(GOOD, UP))
    assert (found.seconded_by, found.contradicted_by) == (("refit",), ())


def test_a_paired_gap_is_asked_before_two_intervals_apart():
    frozen, refit = read(between(0.8, 0.92), UP), read(GOOD, FLAT)
    assert drift_state(frozen, refit=refit).state == GREW
    assert drift_state(frozen, refit=refit, gap=between(0.04, 0.1)).state == DRIFTED
    assert drift_state(frozen, refit=refit, gap=between(0.01, 0.1)).state == GREW


@pytest.mark.parametrize("auroc", [GOOD, POOR])
@pytest.mark.parametrize("firing", [UP, DOWN, FLAT, WIDE])
def test_growth_and_loss_are_mirror_images(auroc: Estimate, firing: Estimate):
    assert firing.low is not None
    assert firing.high is not None
    mirrored = replace(firing, value=-firing.value, low=-firing.high, high=-firing.low)
    swap = {GREW: LOST, LOST: GREW}
    ahead = drift_state(read(auroc, firing), realigned=mapped(GOOD, firing))
    behind = drift_state(read(auroc, mirrored), realigned=mapped(GOOD, mirrored))
    assert behind.state == swap.get(ahead.state, ahead.state)
    assert (behind.reader, behind.conclusive) == (ahead.reader, ahead.conclusive)


def test_growth_that_control_rows_share_is_not_passed_over_in_silence():
    risen = drift_state(read(GOOD, UP, controls=STALE), realigned=mapped(GOOD, FLAT))
    assert risen.state == DRIFTED
    assert risen.controls_rose
    assert "only behaviour can tell" in risen.reason
    assert not drift_state(read(GOOD, UP, controls=FLAT)).controls_rose
    fallen = between(-0.5, -0.3)
    assert not drift_state(read(GOOD, UP, controls=fallen)).controls_rose


def test_limits_are_where_they_say():
    at = drift_state(read(between(0.7, 0.9), between(0.05, 0.2)))
    assert at.state == STABLE  # the AUROC may be at its limit; growth must pass its own
    strict = DriftLimits(auroc=0.71)
    assert drift_state(read(between(0.7, 0.9), UP), limits=strict).state == INVALID
    wary = DriftLimits(firing=0.0)
    assert drift_state(read(GOOD, between(0.001, 0.2)), limits=wary).state == GREW


def test_firing_without_an_interval_is_no_state():
    with pytest.raises(ProbeError, match="frozen probe has no interval"):
        drift_state(read(GOOD, between(None, None)))


# Planted checkpoints: one reference, changed in one way at a time.

WIDTH = 24
TRAIN, HELD = plant(150, WIDTH, 3.0, seed=1), plant(150, WIDTH, 3.0, seed=2)
RNG = np.random.default_rng(3)
CONTROL, AUDITED = RNG.standard_normal((400, WIDTH)), RNG.standard_normal((300, WIDTH))
AUDITED[:90] += 5 * TRAIN.direction  # where the reference already has the concept
ROTATION = ortho_group.rvs(WIDTH, random_state=4)


def fires(probe: LinearProbe, control: np.ndarray, x: np.ndarray, at: float | None = None):
    if at is None:
        groups = np.arange(len(control))
        at = threshold_at_fpr(probe.decision_function(control), 0.05, groups).value
    return probe.decision_function(x) > at, at


def audited(change, *, concept: float = 0.0, erased: bool = False) -> DriftState:
    """Read a checkpoint whose activations are `change` of the reference's.

    `concept` is what half of the audited rows gain along the planted direction, or, where it is
    negative, what those that have it lose; `erased` removes the direction everywhere.
    """
    new_audited = AUDITED.copy()
    rows = slice(0, 90) if concept < 0 else slice(150, 300)
    new_audited[rows] += concept * TRAIN.direction
    here = [TRAIN.x, HELD.x, CONTROL, new_audited]
    if erased:
        here = [x - np.outer(x @ TRAIN.direction, TRAIN.direction) for x in here]
    train, held, control, target = (change(x) for x in here)

    frozen = fit_difference_of_means(TRAIN.x, TRAIN.y, TRAIN.groups)
    refit = fit_difference_of_means(train, TRAIN.y, TRAIN.groups)
    each = np.arange(400)
    found = fit_realignment(CONTROL, control, each)
    before, at = fires(frozen, CONTROL, AUDITED)
    before_control, _ = fires(frozen, CONTROL, CONTROL, at)

    def reading(probe: LinearProbe, threshold: float | None, r2: float | None = None) -> Reading:
        scores = probe.decision_function(held)
        after, used = fires(probe, control, target, threshold)
        after_control, _ = fires(probe, control, control, used)
        return Reading(
            auroc_estimate(scores, HELD.y, HELD.groups, n_resamples=200),
            paired_difference(after, before, np.arange(300)),
            paired_difference(after_control, before_control, each),
            r2,
        )

    return drift_state(
        reading(frozen, at),
        realigned=reading(realigned(frozen, found), at, score_r2(frozen, found, CONTROL)),
        refit=reading(refit, None),
        gap=gain_estimate(
            refit.decision_function(held),
            frozen.decision_function(held),
            HELD.y,
            HELD.groups,
            floor=0.0,
            n_resamples=200,
        ),
        representation=compare_representations(CONTROL, control),
    )


def same(x):
    return x


def rotated(x):
    return 1.5 * x @ ROTATION + 2.0


def shifted(x):
    return x + 2 * TRAIN.direction


@pytest.mark.parametrize(
    ("change", "plan", "state", "reader"),
    [
        (same, {}, STABLE, "frozen"),
        (same, {"concept": 5.0}, GREW, "frozen"),
        (same, {"concept": -5.0}, LOST, "frozen"),
        (rotated, {}, DRIFTED, "realigned"),
        (rotated, {"concept": 5.0}, GREW, "realigned"),
        (rotated, {"concept": -5.0}, LOST, "realigned"),
        (shifted, {}, DRIFTED, "realigned"),  # every row moved, controls too: no growth
        (shifted, {"concept": 5.0}, GREW, "realigned"),
        (same, {"erased": True}, INVALID, None),
    ],
)
def test_planted_checkpoints_are_named(change, plan: dict, state: str, reader: str | None):
    found = audited(change, **plan)
    assert (found.state, found.reader) == (state, reader), found.reason
    if state != INVALID:
        assert "refit" in found.seconded_by
        assert not found.contradicted_by
    assert "CKA" in found.reason


def test_growth_leaves_the_coordinates_of_controls_alone():
    assert "CKA 1.000" in audited(same, concept=5.0).reason


def test_without_control_rows_a_shift_passes_for_growth():
    # What the control rows are for: the same shift, unseen by them, is read as growth.
    frozen = fit_difference_of_means(TRAIN.x, TRAIN.y, TRAIN.groups)
    before, at = fires(frozen, CONTROL, AUDITED)
    after, _ = fires(frozen, CONTROL, shifted(AUDITED), at)
    auroc = auroc_estimate(frozen.decision_function(shifted(HELD.x)), HELD.y, HELD.groups)
    naive = Reading(auroc, paired_difference(after, before, np.arange(300)))
    assert drift_state(naive).state == GREW
    assert drift_state(replace(naive, controls=STALE)).state == INVALID
