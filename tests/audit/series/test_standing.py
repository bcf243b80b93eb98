"""Which probe is believed, and how sure a change is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audit.engine.measure import Measurement
from audit.errors import MeasurementError
from audit.series.readers import ReadBy, Readers, change
from audit.series.standing import Standing, stand
from probes.drift import Reading
from probes.estimate import Estimate
from tests.audit.engine.factory import measurement, rows

N = 120
GATE = {"kind": "firing_rate", "max": 0.2}
READS = Estimate(0.99, 0.95, 1.0, 90, 90, 0.95, "m")
BLIND = Estimate(0.60, 0.50, 0.7, 90, 90, 0.95, "m")
CALM = Estimate(0.0, -0.01, 0.01, 90, 90, 0.95, "m")


def firing(*fires: bool, groups: int = N) -> Measurement:
    audit = rows(len(fires), "a", group=[f"g{i % groups}" for i in range(len(fires))])
    scores = [1.0 if one else -1.0 for one in fires]
    return measurement(gates=[GATE], audit_scores=scores, audit_rows=audit, threshold=0.0)


def first(share: float, groups: int = N) -> Measurement:
    return firing(*(i < share * N for i in range(N)), groups=groups)


def read_by(
    name: str, now: Measurement, before: Measurement, auroc: Estimate = READS, r2: float = 1.0
) -> ReadBy:
    moved = change(now.fires("audit"), before.fires("audit"), now, "audit")
    reading = Reading(auroc, moved, CALM, r2 if name == "realigned" else None)
    return ReadBy(name, now, reading)  # type: ignore[arg-type]


def standing(now: Measurement, before: Measurement, **others: ReadBy) -> Standing:
    frozen = others.pop("frozen", read_by("frozen", now, before))
    return stand(now.work.check, Readers(frozen, **others), before)  # type: ignore[arg-type]


def test_the_first_probe_that_reads_is_believed() -> None:
    now, before = first(0.6), first(0.1)
    blind = read_by("frozen", now, before, BLIND)
    moved, refit = read_by("realigned", now, before), read_by("refit", now, before)
    lost = read_by("realigned", now, before, r2=0.1)
    for others, reader in (
        ({"refit": refit, "realigned": moved}, "frozen"),
        ({"frozen": blind, "refit": refit, "realigned": moved}, "realigned"),
        ({"frozen": blind, "refit": refit, "realigned": lost}, "refit"),
    ):
        found = standing(now, before, **others)
        assert found.believed is not None
        assert found.believed.name == reader
        assert found.state is not None
        assert found.state.state == "concept grew"
    none = standing(now, before, frozen=blind, refit=read_by("refit", now, before, BLIND))
    assert (none.believed, none.p_change) == (None, None)
    assert not none.refit_reads
    assert standing(now, before, refit=refit).refit_reads


def test_the_reference_believes_its_own_probe() -> None:
    found = first(0.1)
    alone = Standing(found.work.check, Readers(read_by("frozen", found, found)))
    assert alone.believed is alone.readers.frozen
    assert not alone.refit_reads


def test_p_of_a_change_has_two_sides_and_agrees_with_the_interval() -> None:
    for now, before in ((0.1, 0.1), (0.12, 0.1), (0.2, 0.1), (0.1, 0.2), (0.6, 0.1), (0.1, 0.6)):
        here, there = first(now), first(before)
        found = standing(here, there)
        back = standing(there, here)
        assert found.p_change is not None
        assert found.p_change == pytest.approx(back.p_change)
        interval = change(here.fires("audit"), there.fires("audit"), here, "audit")
        assert interval.low is not None
        assert interval.high is not None
        apart = interval.low > 0 or interval.high < 0
        assert apart == (found.p_change <= 0.05)
    assert standing(first(0.1), first(0.1)).p_change == 1


def test_where_nothing_changes_p_is_small_as_seldom_as_it_says() -> None:
    """Rows flip at random, one way as often as the other, and rows of a group together."""
    draw, runs, found = np.random.default_rng(0), 80, []
    for _ in range(runs):
        before = np.tile(draw.uniform(size=N // 2) < 0.3, 2)
        flips = np.tile(draw.uniform(size=N // 2) < 0.3, 2)
        other = np.tile(draw.uniform(size=N // 2) < 0.3, 2)
        then = firing(*before, groups=N // 2)
        p = standing(firing(*np.where(flips, other, before), groups=N // 2), then).p_change
        assert p is not None
        found.append(p)
    for level in (0.05, 0.2):
        share = np.mean(np.array(found) <= level)
        assert share <= level + 3 * np.sqrt(level * (1 - level) / runs)


def test_rows_of_one_group_say_next_to_nothing() -> None:
    found = standing(first(0.6, groups=1), first(0.1, groups=1))
    assert found.state is not None
    assert (found.state.state, found.state.conclusive) == ("stable", False)
    assert found.p_change is not None
    assert found.p_change > 0.05


def test_a_change_without_an_interval_is_refused() -> None:
    now, bare = first(0.6), Estimate(0.5, None, None, 2, 1, 0.95, "m")
    frozen = ReadBy("frozen", now, Reading(READS, bare, CALM))
    with pytest.raises(MeasurementError, match="no interval"):
        standing(now, now, frozen=frozen)


def test_a_standing_keeps_the_check_it_is_of() -> None:
    now = first(0.1)
    found = standing(now, now)
    assert found.check is now.work.check
    assert replace(found, before=None).before is None
