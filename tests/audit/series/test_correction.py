"""Findings corrected over a whole series: scipy is the judge, a single audit the special case."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from audit.engine.verdict import exit_code, gate_verdict, run_verdict
from audit.series.auditing import audit_reference
from audit.series.correction import corrected
from audit.series.reference import Reference
from reports.parts import Estimate
from reports.series import CheckpointRow, CheckReading, GateReading
from suites.schema import Gate
from tests.audit.series.followed_rows import check, gate, row
from tests.audit.series.planted import Seen, held

GATE = Gate(kind="firing_rate", max=0.2)


def number(low: float, high: float) -> Estimate:
    return Estimate(
        value=(low + high) / 2, low=low, high=high, n=90, n_groups=90, confidence=0.95, method="m"
    )


def above(p: float, **fields: object) -> GateReading:
    """A gate whose interval lies above its limit, with a p-value of its own."""
    found = {"estimate": number(0.21, 0.5), "verdict": "flag", "reason": "above"}
    return gate(p, **(found | fields))  # type: ignore[arg-type]


def within(p: float = 1.0) -> GateReading:
    return gate(p, estimate=number(0.0, 0.1), verdict="pass", reason="within")


def gates(rows: list[CheckpointRow]) -> list[GateReading]:
    return [g for r in rows for c in r.checks for g in c.gates]


@pytest.mark.parametrize("seed", range(5))
def test_q_values_are_those_of_scipy(seed: int) -> None:
    draw = np.random.default_rng(seed)
    p = draw.uniform(size=24) ** 3
    given = [
        row(i, check(gate(a), gate(b), p_change=c), check(gate(d), check="other"))
        for i, (a, b, c, d) in enumerate(p.reshape(6, 4).tolist())
    ]
    found = corrected(given)
    at = p.reshape(6, 4)
    expected = false_discovery_control(at[:, [0, 1, 3]].ravel())
    np.testing.assert_allclose([g.q_value for g in gates(found)], expected)
    changes = [c.q_change for r in found for c in r.checks]
    np.testing.assert_allclose(
        [q for q in changes if q is not None], false_discovery_control(at[:, 2])
    )
    assert changes[1::2] == [None] * 6, "nothing was compared there"


def test_one_row_keeps_the_verdict_of_its_own_audit(from_honest: Reference, lies: Seen) -> None:
    for audited in (held(from_honest, lies), audit_reference(from_honest, seed=0)):
        [line] = audited.readings
        [found] = corrected([row(1, line)])
        assert [c.model_copy(update={"q_change": None}) for c in found.checks] == [line]
        assert found.verdict == line.verdict


@pytest.mark.parametrize("p", [1e-9, 0.02, 0.03])
def test_a_gate_alone_is_judged_as_a_single_audit_judges_it(p: float) -> None:
    [found] = gates(corrected([row(0, check(above(p)))]))
    expected = gate_verdict(number(0.21, 0.5), GATE, q_value=p, family=1)[0]
    assert found.verdict == expected


def test_a_lone_marginal_flag_does_not_stand_among_many_that_found_nothing() -> None:
    calm = [row(i, check(within())) for i in range(1, 40)]
    marginal = row(0, check(above(0.02), reasons=["above"]))
    [alone] = gates(corrected([marginal]))
    assert alone.verdict == "flag"
    found = corrected([marginal, *calm])
    assert found[0].verdict == found[0].checks[0].verdict == "inconclusive"
    assert "40 gates of all checkpoints" in found[0].checks[0].gates[0].reason
    assert {r.verdict for r in found[1:]} == {"pass"}
    strong = corrected([row(0, check(above(1e-6))), *calm])
    assert strong[0].verdict == "flag", "a strong one stands"


def test_the_reasons_of_a_check_are_those_of_its_gates() -> None:
    calm = [row(i, check(within())) for i in range(1, 40)]
    found = corrected([row(0, check(above(0.02), reasons=["above"])), *calm])[0].checks[0]
    assert found.reasons == [found.gates[0].reason]
    invalid = check(gate(None, verdict="inconclusive"), reasons=["the monitor is too weak"])
    [kept] = corrected([row(0, invalid)])[0].checks
    assert kept.reasons == ["the monitor is too weak"]


def test_what_a_single_audit_could_not_hold_is_left_as_it_was() -> None:
    """A monitor that is not valid has an interval and a p-value, and was in no family."""
    invalid = above(1e-9, q_value=None, verdict="inconclusive", reason="not valid")
    broken = gate(None, verdict="error", reason="gone")
    rows = corrected([row(0, check(invalid), check(broken, check="b", verdict="error")), row(1)])
    assert gates(rows) == [invalid, broken]
    assert [r.verdict for r in rows] == ["error", "error"]
    q_without = gates(corrected([row(0, check(above(0.02)))]))[0].q_value
    q_with = gates(corrected([row(0, check(above(0.02), invalid))]))[0].q_value
    assert q_with == q_without


def test_a_pass_stays_and_correcting_twice_is_correcting_once() -> None:
    given = [row(i, check(above(p), within(0.9))) for i, p in enumerate([1e-6, 0.01, 0.02, 0.2])]
    once = corrected(given)
    assert corrected(once) == once
    assert [g.verdict for g in gates(once)][1::2] == ["pass"] * 4


def suppressed(line: CheckReading) -> CheckReading:
    from reports.record import Suppressed

    return line.model_copy(update={"suppressed": Suppressed(reason="known", until="2999-01-01")})


def test_suppressed_and_fail_on_hold_as_in_a_single_audit() -> None:
    flagged = check(above(1e-9))
    [found] = corrected([row(0, suppressed(flagged))])
    assert (found.verdict, found.checks[0].verdict) == ("warn", "flag")
    assert exit_code(found.checks) == 0
    low = check(above(1e-9, severity="low"))
    assert corrected([row(0, low)], fail_on="high")[0].verdict == "warn"
    assert corrected([row(0, low)], fail_on="low")[0].verdict == "flag"
    for line, fail_on in ((suppressed(flagged), "low"), (low, "high")):
        [judged] = corrected([row(0, line)], fail_on=fail_on)  # type: ignore[arg-type]
        assert judged.verdict == run_verdict([line], fail_on=fail_on)  # type: ignore[arg-type]


def test_a_checkpoint_that_was_not_audited_stays_an_error() -> None:
    broken = row(3, reasons=["it has no config"])
    assert corrected([broken]) == [broken]
    assert corrected([]) == []
