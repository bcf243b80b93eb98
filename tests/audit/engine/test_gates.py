"""Each gate counts what its name says, with an interval that scipy agrees with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from audit.engine.gates import GATES, NotMeasurableError
from audit.models.behaviours import Behaviour
from probes.intervals import p_value, paired_difference, rate_difference
from suites.schema import Check, Gate
from tests.audit.engine.factory import measurement, rows

FIRING = {"kind": "firing_rate", "max": 0.1}
GAP = {"kind": "belief_gap", "max": 0.1}
CHOICE = {"kind": "choice", "choices": [" true", " false"], "asserts": " true"}


def says(asserts: bool | None) -> Behaviour:
    return Behaviour(says=str(asserts), asserts=asserts, misbehaves=None)


def test_every_gate_of_the_schema_is_in_the_table() -> None:
    kinds = Gate.model_json_schema()["properties"]["kind"]["enum"]
    assert set(GATES) == set(kinds)


def test_firing_rate_is_the_exact_binomial() -> None:
    scores = [1.0] * 30 + [-2.0] * 70
    measured = measurement(gates=[FIRING], audit_scores=scores)
    interval = GATES["firing_rate"](measured, None, measured.work.check.gates[0])
    found = interval(0.95)
    judge = binomtest(30, 100).proportion_ci(0.95)
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((judge.low, judge.high), abs=1e-9)
    assert p_value(interval, 0.1) == pytest.approx(
        binomtest(30, 100, 0.1, alternative="greater").pvalue, rel=1e-3
    )


def test_excess_over_control_is_near_zero_where_audit_rows_are_controls() -> None:
    rng = np.random.default_rng(0)
    same = measurement(
        gates=[{"kind": "excess_over_control", "max": 0.1}],
        control_scores=rng.normal(size=1000),
        audit_scores=rng.normal(size=500),
        fpr=0.05,
    )
    found = GATES["excess_over_control"](same, None, same.work.check.gates[0])(0.95)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high < 0.1


def test_excess_over_control_sees_a_shift() -> None:
    rng = np.random.default_rng(0)
    shifted = measurement(
        gates=[{"kind": "excess_over_control", "max": 0.1}],
        control_scores=rng.normal(size=1000),
        audit_scores=rng.normal(3, size=500),
        fpr=0.05,
    )
    found = GATES["excess_over_control"](shifted, None, shifted.work.check.gates[0])(0.95)
    assert found.low is not None
    assert found.low > 0.5


def test_excess_over_reference_needs_one_and_pairs_the_rows() -> None:
    gate = {"kind": "excess_over_reference", "max": 0.1}
    now = measurement(gates=[gate], audit_scores=[1.0] * 40 + [-2.0] * 60)
    before = measurement(gates=[gate], audit_scores=[1.0] * 10 + [-2.0] * 90)
    spec = now.work.check.gates[0]
    with pytest.raises(NotMeasurableError, match="no reference model"):
        GATES["excess_over_reference"](now, None, spec)
    found = GATES["excess_over_reference"](now, before, spec)(0.95)
    assert found.value == pytest.approx(0.3)
    assert found.low is not None
    assert found.low > 0.15
    same = GATES["excess_over_reference"](now, now, spec)(0.95)
    assert same.value == 0


def test_a_belief_gap_over_the_reference_counts_what_is_new_and_pays_for_what_is_gone() -> None:
    gate = {"kind": "belief_gap_over_reference", "max": 0.05}
    both = {"gates": [gate], "behaviour": CHOICE, "threshold": 1.0, "lower": -1.0}
    denies = [says(False)] * 100
    now = measurement(audit_scores=[2.0] * 40 + [-2.0] * 60, behaviours=denies, **both)
    before = measurement(
        audit_scores=[-2.0] * 90 + [2.0] * 10, behaviours=[*denies[:99], says(None)], **both
    )
    spec = now.work.check.gates[0]
    found = GATES["belief_gap_over_reference"](now, before, spec)(0.95)
    assert (found.value, found.n) == (pytest.approx((40 - 9) / 99), 99)
    with pytest.raises(NotMeasurableError, match="no reference model"):
        GATES["belief_gap_over_reference"](now, None, spec)
    silent = measurement(audit_scores=[2.0], behaviours=[says(None)], **both)
    with pytest.raises(NotMeasurableError, match="no audit row"):
        GATES["belief_gap_over_reference"](silent, silent, spec)


def test_belief_gap_counts_both_kinds_of_contradiction_and_nothing_else() -> None:
    measured = measurement(
        gates=[GAP],
        behaviour=CHOICE,
        #             reads true       reads false       reads neither
        audit_scores=[2.0, 2.0, 2.0, -3.0, -3.0, -3.0, -0.5, -0.5, -0.5],
        behaviours=[says(v) for v in (True, False, None) * 3],
        threshold=1.0,
        lower=-1.0,
    )
    assert measured.contradicts.tolist() == [
        False, True, False, True, False, False, False, False, False,
    ]  # fmt: skip
    found = GATES["belief_gap"](measured, None, measured.work.check.gates[0])(0.95)
    assert (found.value, found.n) == (pytest.approx(2 / 6), 6)


@pytest.mark.parametrize(("threshold", "lower"), [(1.0, -1.0), (-1.0, 1.0), (0.0, 0.0)])
@pytest.mark.parametrize("score", [-2.0, -0.5, 0.0, 0.5, 2.0])
def test_no_reading_contradicts_both_answers(threshold: float, lower: float, score: float) -> None:
    """Far classes cross the thresholds: between them the monitor reads neither."""
    gap = {
        said: measurement(
            gates=[GAP],
            behaviour=CHOICE,
            audit_scores=[score],
            behaviours=[says(said)],
            threshold=threshold,
            lower=lower,
        ).contradicts[0]
        for said in (True, False)
    }
    assert not (gap[True] and gap[False])
    if abs(score) > 1:
        assert gap[score < 0], "a clear reading contradicts the opposite answer"


def test_a_limit_below_what_the_controls_leave_possible_cannot_be_judged() -> None:
    """At 1 % of 300 controls the true rate may be 2.9 %: a limit of 1 % flags the innocent."""
    tight = {"kind": "firing_rate", "max": 0.01}
    measured = measurement(
        gates=[tight], audit_scores=[1.0] * 60, control_scores=np.linspace(-1, 0, 300)
    )
    with pytest.raises(NotMeasurableError, match="more controls"):
        GATES["firing_rate"](measured, None, measured.work.check.gates[0])


def test_belief_gap_without_a_statement_is_not_measurable() -> None:
    measured = measurement(
        gates=[GAP], behaviour=CHOICE, audit_scores=[1.0], behaviours=[says(None)]
    )
    with pytest.raises(NotMeasurableError, match="says nothing"):
        GATES["belief_gap"](measured, None, measured.work.check.gates[0])


def does(bad: bool | None) -> Behaviour:
    return Behaviour(says="x", asserts=None, misbehaves=bad)


def behaved(control: list[bool | None], audit: list[bool | None], **fields: object):
    spec = {"kind": "misbehaviour_over_control", "max": 0.1}
    labels = {"control_labels": fields.pop("control_labels", None)}
    audit_rows = rows(len(audit), "a", **fields)
    found = measurement(
        gates=[spec],
        behaviour={"kind": "row"},
        audit_scores=[0.0] * len(audit),
        audit_rows=audit_rows,
        behaviours=list(map(does, audit)),
        control_scores=[0.0] * len(control),
        **labels,
    )
    return replace(found, control_behaviours=tuple(map(does, control)))


def held(kind: str, *measurements: object):
    found = measurements[0]
    reference = measurements[1] if len(measurements) > 1 else None
    return GATES[kind](found, reference, Gate(kind=kind, max=0.1))(0.95)


def test_misbehaviour_counts_the_rows_that_tell() -> None:
    """On one row in five nobody can tell; the rest is scipy's, and this project's, interval."""
    audit = [True] * 30 + [False] * 50 + [None] * 20
    control = [True] * 4 + [False] * 56 + [None] * 40
    found = behaved(control, audit)
    told, told_control = [b for b in audit if b is not None], [b for b in control if b is not None]
    judge = binomtest(30, 80).proportion_ci(0.95)
    plain = held("misbehaviour", found)
    assert (plain.n, plain.value) == (80, 30 / 80)
    assert (plain.low, plain.high) == pytest.approx((judge.low, judge.high), abs=1e-9)
    names = [str(i) for i in range(80)]
    assert held("misbehaviour_over_control", found) == rate_difference(
        np.array(told), np.array(names), np.array(told_control), np.array(names[:60])
    )
    before = behaved(control, [None] * 10 + [False] * 90)
    # Rows 10 to 79 tell of both models.
    assert held("misbehaviour_over_reference", found, before) == paired_difference(
        np.array(told[10:]), np.array([False] * 70), np.array(names[10:])
    )


def test_misbehaviour_that_nobody_can_tell_is_not_measurable() -> None:
    mute, speaks = behaved([None] * 9, [None] * 9), behaved([None] * 9, [True] * 9)
    for found in (mute, speaks):
        with pytest.raises(NotMeasurableError, match=r"of no (audit|control) row"):
            held("misbehaviour_over_control", found)
    with pytest.raises(NotMeasurableError, match="of no audit row"):
        held("misbehaviour", mute)
    with pytest.raises(NotMeasurableError, match="no reference model"):
        held("misbehaviour_over_reference", speaks)
    with pytest.raises(NotMeasurableError, match="of both models"):
        held("misbehaviour_over_reference", speaks, mute)


def test_one_answer_to_everything_is_no_excess_over_controls_of_the_same_label() -> None:
    """Wrong on all rows of label 1 and on none of label 0, whatever the setting."""
    labels = [0, 1] * 50
    wrong = [label == 1 for label in labels]
    alike = behaved(wrong, [True] * 60, control_labels=labels, label=[1] * 60)
    assert held("misbehaviour_over_control", alike).value == 0
    others = behaved(wrong, [True] * 60, control_labels=labels, label=[None] * 60)
    assert held("misbehaviour_over_control", others).value == pytest.approx(0.5), (
        "no label to go by"
    )
    mixed = behaved(wrong, wrong, control_labels=labels, label=labels)
    assert held("misbehaviour_over_control", mixed).value == 0


def bias(fires: dict[str, list[bool]]) -> tuple[list[float], list]:
    n = len(next(iter(fires.values())))
    scores = [1.0 if fired else -2.0 for of_value in fires.values() for fired in of_value]
    values = [value for value in fires for _ in range(n)]
    cases = [f"case{i}" for _ in fires for i in range(n)]
    attributes = [{"sex": v, "case": c} for v, c in zip(values, cases, strict=True)]
    return scores, rows(len(scores), "a", attributes=attributes, group=cases)


def disparity(fires: dict[str, list[bool]], **gate: object):
    scores, audit_rows = bias(fires)
    measured = measurement(
        gates=[{"kind": "disparity", "attribute": "sex", "max": 0.1} | gate],
        audit_scores=scores,
        audit_rows=audit_rows,
    )
    return GATES["disparity"](measured, None, measured.work.check.gates[0])


def test_disparity_is_the_paired_difference_whichever_way_it_points() -> None:
    half, none = [True] * 50 + [False] * 50, [False] * 100
    one = disparity({"f": half, "m": none})(0.95)
    other = disparity({"f": none, "m": half})(0.95)
    assert one.value == other.value == pytest.approx(0.5)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))
    assert one.low is not None
    assert one.low > 0.35


def test_no_disparity_where_both_fire_alike_however_often() -> None:
    half = [True, False] * 50
    found = disparity({"f": half, "m": half})(0.95)
    assert (found.value, found.low) == (0, 0)
    assert found.high is not None
    assert found.high < 0.1


def test_more_values_widen_the_interval() -> None:
    half, none = [True] * 50 + [False] * 50, [False] * 100
    two = disparity({"a": half, "b": none})(0.95)
    three = disparity({"a": half, "b": none, "c": none})(0.95)
    assert three.low is not None
    assert two.low is not None
    assert three.low < two.low


def test_disparity_says_what_it_lacks() -> None:
    with pytest.raises(NotMeasurableError, match="no case has"):
        disparity({"f": [True] * 10})
    scores, audit_rows = bias({"f": [True, True], "m": [False, False]})
    measured = measurement(
        gates=[{"kind": "disparity", "attribute": "sex", "pair": "sex", "max": 0.1}],
        audit_scores=scores,
        audit_rows=audit_rows,
    )
    with pytest.raises(NotMeasurableError, match="two audit rows"):
        GATES["disparity"](measured, None, measured.work.check.gates[0])


def test_a_belief_gap_gate_without_a_statement_is_refused_by_the_schema() -> None:
    roles = dict.fromkeys(("train", "validation", "control", "audit"), "d")
    with pytest.raises(ValueError, match="asserts"):
        Check.model_validate({"concept": "k", "roles": roles, "gates": [GAP]})
