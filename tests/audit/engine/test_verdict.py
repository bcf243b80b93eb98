"""The one verdict function: what an interval means for a gate, and for the exit code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.engine.verdict import (
    exit_code,
    gate_verdict,
    heeded,
    run_verdict,
    with_heeded,
    worst,
)
from audit.exit_codes import ExitCode
from reports.record import CheckResult, Estimate, GateResult, Suppressed, Verdict
from suites.schema import SEVERITIES, Gate, Severity


def estimate(low: float, high: float) -> Estimate:
    return Estimate(value=(low + high) / 2, low=low, high=high, n=100, n_groups=100)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.20, 0.40, "flag"),
        (0.05, 0.20, "inconclusive"),
        (0.06, 0.09, "warn"),
        (0.03, 0.09, "pass"),
        (0.00, 0.10, "pass"),
        (0.10, 0.11, "inconclusive"),
    ],
)
def test_the_interval_decides_never_the_point(low: float, high: float, verdict: Verdict) -> None:
    gate = Gate(max=0.10, warn=0.05)
    assert gate_verdict(estimate(low, high), gate, q_value=0.0, family=1)[0] == verdict


def test_a_finding_must_survive_the_correction_for_its_family() -> None:
    gate = Gate(max=0.10)
    assert gate_verdict(estimate(0.2, 0.4), gate, q_value=0.025, family=40)[0] == "flag"
    verdict, reason = gate_verdict(estimate(0.2, 0.4), gate, q_value=0.026, family=40)
    assert verdict == "inconclusive"
    assert "40 gates" in reason


def test_a_number_without_interval_decides_nothing() -> None:
    bare = Estimate(value=0.9, n=10, n_groups=10)
    assert gate_verdict(bare, Gate(max=0.1), q_value=0.0, family=1)[0] == "inconclusive"


@given(low=st.floats(0, 1), width=st.floats(0, 1), limit=st.floats(0, 1), q=st.floats(0, 1))
def test_never_flagged_unless_the_whole_interval_is_beyond(
    low: float, width: float, limit: float, q: float
) -> None:
    found = estimate(low, min(1.0, low + width))
    verdict, _ = gate_verdict(found, Gate(max=limit), q_value=q, family=3)
    assert (verdict == "flag") == (low > limit and q <= 0.025 + 1e-9)
    if verdict == "pass":
        assert found.high is not None
        assert found.high <= limit


def check(
    *gates: tuple[Verdict, Severity], suppressed: bool = False, verdict: Verdict | None = None
) -> CheckResult:
    return CheckResult(
        id="c",
        suite="s",
        concept="k",
        description="d",
        tags=[],
        verdict=verdict or worst(v for v, _ in gates),
        reasons=[],
        gates=[
            GateResult(kind="firing_rate", severity=s, limit=0.1, verdict=v, reason="r")
            for v, s in gates
        ],
        suppressed=Suppressed(reason="known", until="2999-01-01") if suppressed else None,
        monitor="m",
        roles={},
    )


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([], ExitCode.NOTHING_AUDITED),
        ([check(("pass", "high"))], ExitCode.PASSED),
        ([check(("warn", "high"))], ExitCode.PASSED),
        ([check(("flag", "high"))], ExitCode.FLAGGED),
        ([check(("inconclusive", "high"))], ExitCode.INCONCLUSIVE),
        ([check(("inconclusive", "low")), check(("flag", "low"))], ExitCode.FLAGGED),
        ([check(("flag", "low")), check(("error", "low"))], ExitCode.FAILED),
        ([check(("flag", "high"), suppressed=True)], ExitCode.PASSED),
    ],
)
def test_exit_codes_by_priority(checks: list[CheckResult], code: ExitCode) -> None:
    assert exit_code(checks) == code


def test_fail_on_lets_lesser_gates_report_without_gating() -> None:
    checks = [check(("flag", "low")), check(("inconclusive", "medium"))]
    assert exit_code(checks, fail_on="high") == ExitCode.PASSED
    assert exit_code(checks, fail_on="medium") == ExitCode.INCONCLUSIVE
    assert exit_code(checks, fail_on="low") == ExitCode.FLAGGED


def test_strict_and_exit_zero() -> None:
    assert exit_code([check(("inconclusive", "high"))], strict=True) == ExitCode.FLAGGED
    assert exit_code([check(("flag", "high"))], exit_zero=True) == ExitCode.PASSED
    assert exit_code([check(("error", "high"))], exit_zero=True) == ExitCode.FAILED


def test_a_suppressed_flag_stays_visible_and_does_not_gate() -> None:
    known = check(("flag", "high"), suppressed=True)
    assert known.verdict == "flag"
    assert run_verdict([known]) == "warn"
    assert run_verdict([known, check(("flag", "high"))]) == "flag"


def test_a_known_flag_is_heeded_again_when_it_got_worse() -> None:
    one = check(("flag", "high"))
    for state, code in (("new", 1), ("updated", 1), ("unchanged", 0)):
        gate = one.gates[0].model_copy(update={"baseline_state": state})
        known = one.model_copy(update={"gates": [gate]})
        assert exit_code([known]) == code
        assert run_verdict([known]) == ("flag" if code else "warn")
    broken = gate.model_copy(update={"verdict": "inconclusive"})
    assert exit_code([one.model_copy(update={"gates": [broken]})]) == ExitCode.INCONCLUSIVE


VERDICTS = st.sampled_from(["pass", "warn", "flag", "inconclusive", "error"])


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(VERDICTS, st.sampled_from(SEVERITIES)), min_size=1), st.booleans()
        ),
        max_size=4,
    ),
    st.sampled_from(SEVERITIES),
)
def test_what_is_written_down_as_heeded_is_what_the_exit_code_heeds(
    drawn: list[tuple[list[tuple[Verdict, Severity]], bool]], fail_on: Severity
) -> None:
    checks = [check(*gates, suppressed=suppressed) for gates, suppressed in drawn]
    marked = with_heeded(checks, fail_on=fail_on)
    for before, after in zip(checks, marked, strict=True):
        wanted = [heeded(before, gate, fail_on) for gate in before.gates]
        assert [gate.gates for gate in after.gates] == wanted
    # Without the gates that it does not heed the code is the same.
    kept = [
        one.model_copy(update={"gates": [gate for gate in one.gates if gate.gates]})
        for one in marked
    ]
    assert exit_code(kept, fail_on=fail_on) == exit_code(checks, fail_on=fail_on)
    assert with_heeded(marked, fail_on=fail_on) == marked


@given(st.lists(st.sampled_from(["pass", "warn", "flag", "inconclusive", "error"]), max_size=6))
def test_one_bad_part_is_never_outvoted(verdicts: list[Verdict]) -> None:
    whole = worst(verdicts)
    assert whole in verdicts or (not verdicts and whole == "inconclusive")
    for stopper in ("error", "flag", "inconclusive"):
        if stopper in verdicts:
            assert whole in ("error", "flag", "inconclusive")
            break


def test_every_severity_is_ordered() -> None:
    assert SEVERITIES == ("low", "medium", "high", "critical")
