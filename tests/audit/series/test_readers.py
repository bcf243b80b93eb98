"""Three probes on one checkpoint: each calibrated on controls, none on the rows it is judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audit.engine.candidates import finite_matrix, groups_of, labels_of
from audit.engine.measure import thresholds
from audit.engine.observing import Observed
from audit.errors import MeasurementError
from audit.models.sequences import Captured
from audit.series.readers import Readers, change, read_check, read_reference_itself
from audit.series.reference import Reference
from probes.linear import LinearProbe
from probes.realignment import fit_realignment
from suites.schema import Role
from tests.audit.series.planted import Seen

KEY = ("organism_lying", "deployed")


def read(reference: Reference, seen: Seen, captured: Captured | None = None) -> Readers:
    before = reference.measurement(KEY)
    assert before is not None
    [work] = seen.plan.checks
    now = seen.captured if captured is None else captured
    return read_check(
        before,
        reference.captured,
        work,
        now,
        Observed(before.behaviours),
        reference.words[KEY],
        seed=0,
    )


@pytest.fixture(scope="module")
def here(from_honest: Reference) -> Seen:
    """The reference's own activations, as those of a checkpoint."""
    return Seen(None, from_honest.plan, from_honest.captured)  # type: ignore[arg-type]


def changed(reference: Reference, role: Role, by: float) -> Captured:
    """The captured activations with the rows of one role moved along the frozen probe."""
    before = reference.measurement(KEY)
    assert before is not None
    assert isinstance(before.probe, LinearProbe)
    place = before.work.read_of(before.point)
    along = before.probe.direction / np.linalg.norm(before.probe.direction)
    vectors = [vector.copy() for vector in reference.captured.vectors]
    rows = reference.captured.rows[place]
    for key in set(before.work.roles[role].at):
        vectors[place][rows[key]] += np.float32(by) * along.astype(np.float32)
    return replace(reference.captured, vectors=tuple(vectors))


def test_a_reference_reads_itself_with_its_own_probe(from_honest: Reference) -> None:
    before = from_honest.measurement(KEY)
    assert before is not None
    readers = read_reference_itself(before, seed=0)
    assert [one.name for one in readers.all] == ["frozen"]
    assert readers.frozen.measurement.scores is before.scores
    assert readers.frozen.measurement.quality.auroc == before.quality.auroc


def test_the_frozen_probe_keeps_its_direction_and_takes_its_thresholds_from_controls(
    from_honest: Reference, lies: Seen
) -> None:
    before = from_honest.measurement(KEY)
    assert before is not None
    frozen = read(from_honest, lies).frozen.measurement
    assert frozen.probe is before.probe
    assert frozen.point == before.point
    assert (frozen.threshold, frozen.lower) == thresholds(before.work, frozen.scores["control"])
    assert (frozen.threshold, frozen.lower) != (before.threshold, before.lower)


def test_controls_that_move_are_taken_up_and_told(from_honest: Reference, here: Seen) -> None:
    """The promise is kept, and what the old threshold would have done stands in the reading."""
    before = from_honest.measurement(KEY)
    assert before is not None
    rate = before.fires("control")[before.benign].mean()
    for by, now in ((50.0, 1.0), (0.0, rate), (-50.0, 0.0)):
        frozen = read(from_honest, here, changed(from_honest, "control", by)).frozen
        assert frozen.measurement.threshold.observed.value == pytest.approx(rate)
        assert frozen.reading.controls is not None
        assert frozen.reading.controls.value == pytest.approx(now - rate)
        assert np.sign(frozen.measurement.threshold.value - before.threshold.value) == np.sign(by)


def test_each_role_is_used_for_its_own_purpose(from_honest: Reference, here: Seen) -> None:
    """Moving the rows of one role moves nothing that another role decides."""
    still = read(from_honest, here)
    assert still.refit is not None
    assert still.realigned is not None

    def facts(readers: Readers) -> dict[str, object]:
        assert readers.refit is not None
        assert readers.realigned is not None
        refit, realigned = readers.refit.measurement, readers.realigned.measurement
        assert isinstance(refit.probe, LinearProbe)
        assert isinstance(realigned.probe, LinearProbe)
        return {
            "refit probe": refit.probe.coef_.tobytes(),
            "map": realigned.probe.direction.tobytes(),
            "thresholds": (refit.threshold, realigned.threshold),
            "validation": (readers.frozen.reading.auroc, readers.refit.reading.auroc),
            "audit": (readers.frozen.reading.firing, readers.refit.reading.firing),
        }

    moved_by: dict[Role, set[str]] = {
        "train": {"refit probe"},
        "validation": {"validation"},
        "audit": {"audit"},
    }
    before = facts(still)
    for role, own in moved_by.items():
        by = 50.0 if role == "audit" else 1.0
        after = facts(read(from_honest, here, changed(from_honest, role, by)))
        differs = {name for name in before if before[name] != after[name]}
        if role == "train":  # a probe fitted otherwise reads all else otherwise
            assert "map" not in differs
            assert after["validation"][0] == before["validation"][0]  # type: ignore[index]
        else:
            assert differs <= own, role
        if role == "audit":
            assert differs == own


def test_no_group_is_in_two_roles(from_honest: Reference) -> None:
    [work] = from_honest.plan.checks
    groups = [set(groups_of(role)) for role in work.roles.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_the_realigned_thresholds_come_from_rows_held_out(
    from_honest: Reference, lies: Seen
) -> None:
    readers = read(from_honest, lies)
    assert readers.realigned is not None
    found, before = readers.realigned.measurement, from_honest.measurement(KEY)
    assert before is not None
    place, roles = found.work.read_of(found.point), found.work.roles
    then = finite_matrix(
        from_honest.captured, before.work.read_of(before.point), roles["control"], ""
    )
    now = finite_matrix(lies.captured, place, roles["control"], "")
    fitted = fit_realignment(then, now, groups_of(roles["control"]))
    np.testing.assert_array_equal(
        found.scores["control"], before.probe.decision_function(fitted.held_out)
    )
    x = finite_matrix(lies.captured, place, roles["audit"], "")
    np.testing.assert_allclose(
        found.scores["audit"],
        before.probe.decision_function(fitted.transform(x)),
        rtol=1e-3,
        atol=1e-3,
    )


def test_a_paired_change_is_that_of_the_flags(from_honest: Reference) -> None:
    before = from_honest.measurement(KEY)
    assert before is not None
    n = len(before.scores["audit"])
    now, then = np.arange(n) < 50, np.arange(n) < 20
    found = change(now, then, before, "audit")
    assert found.value == pytest.approx(30 / n)
    assert change(then, now, before, "audit").value == pytest.approx(-30 / n)
    controls = before.fires("control")
    assert change(controls, ~controls, before, "control").n == before.benign.sum()


def test_activations_that_are_no_numbers_are_refused(from_honest: Reference, here: Seen) -> None:
    for role in ("train", "validation", "control", "audit"):
        with pytest.raises(MeasurementError, match=f"NaN or infinite on .* {role} rows"):
            read(from_honest, here, changed(from_honest, role, float("nan")))  # type: ignore[arg-type]


def test_train_rows_that_say_nothing_give_a_note_or_a_blind_probe(
    from_honest: Reference, here: Seen
) -> None:
    before = from_honest.measurement(KEY)
    assert before is not None
    place = before.work.read_of(before.point)
    vectors = [vector.copy() for vector in from_honest.captured.vectors]
    for key in set(before.work.roles["train"].at):
        vectors[place][from_honest.captured.rows[place][key]] = 0
    readers = read(from_honest, here, replace(from_honest.captured, vectors=tuple(vectors)))
    assert readers.frozen.reading.auroc.value > 0.99
    if readers.refit is None:
        assert any("no probe can be fitted" in note for note in readers.notes)
    else:
        assert readers.refit.reading.auroc.value == 0.5
        assert readers.refit.cosine is None


def test_controls_that_are_all_alike_leave_no_map_and_say_so(
    from_honest: Reference, here: Seen
) -> None:
    before = from_honest.measurement(KEY)
    assert before is not None
    place = before.work.read_of(before.point)
    vectors = [vector.copy() for vector in from_honest.captured.vectors]
    for key in set(before.work.roles["control"].at):
        vectors[place][from_honest.captured.rows[place][key]] = 1
    readers = read(from_honest, here, replace(from_honest.captured, vectors=tuple(vectors)))
    assert (readers.realigned, readers.representation) == (None, None)
    assert any("no realignment" in note for note in readers.notes)
    assert any("cannot be compared" in note for note in readers.notes)
    assert labels_of(before.work.roles["control"]).any(), "it has both sides"
