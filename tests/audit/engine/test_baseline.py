"""Known findings: shown, marked, and no reason to stop; nothing else is excused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from audit import load_model, run_audit
from audit.engine.baseline import against_baseline, must_fit, read_baseline
from audit.engine.gates import GATES, NEEDS_REFERENCE
from audit.engine.verdict import exit_code, heeded, run_verdict, worst
from audit.errors import UsageError
from audit.exit_codes import ExitCode
from reports.record import (
    AuditReport,
    CheckResult,
    Estimate,
    GateResult,
    Suppressed,
    Verdict,
)
from suites.gate_spec import reads_monitor
from tests.reports import factory
from tests.reports.features_factory import make_sae
from tests.reports.strategies import reports


def gate(verdict: Verdict = "flag", low: float = 0.24, high: float = 0.39, **more: Any) -> Any:
    fields = {"verdict": verdict, "estimate": factory.estimate((low + high) / 2, low, high)}
    return factory.make_gate(**(fields | more))


def record(*gates: GateResult, check: dict[str, Any] | None = None, **changes: Any) -> AuditReport:
    """A record of one check with these gates, its verdict and code as a run gives them."""
    one = factory.make_check(
        gates=list(gates), verdict=worst(g.verdict for g in gates), **(check or {})
    )
    fields: dict[str, Any] = {
        "checks": [one],
        "verdict": run_verdict([one]),
        "exit_code": int(exit_code([one])),
        "partial": False,
        "not_measured": [],
    }
    return factory.make_report(**(fields | changes))


def states(report: AuditReport) -> list[str | None]:
    return [gate.baseline_state for check in report.checks for gate in check.gates]


def test_a_known_flag_stays_and_does_not_gate() -> None:
    report = record(gate())
    assert (report.verdict, report.exit_code) == ("flag", 1)
    found = against_baseline(report, report)
    assert (found.verdict, found.exit_code) == ("warn", 0)
    [check] = found.checks
    assert check.verdict == "flag"
    assert states(found) == ["unchanged"]
    assert [g.gates for g in check.gates] == [False]
    assert found.baseline is not None
    assert found.baseline.record_digest == report.digest()
    assert found.baseline.absent == []
    assert check.notes == report.checks[0].notes
    assert found.baseline.notes == []


def test_only_an_interval_wholly_above_that_of_then_got_worse() -> None:
    then = record(gate(low=0.24, high=0.39))
    for low, state, code in (
        (0.389, "unchanged", 0),
        (0.39, "unchanged", 0),
        (0.391, "updated", 1),
    ):
        found = against_baseline(record(gate(low=low, high=0.6)), then)
        assert (states(found), found.exit_code) == ([state], code)
    assert found.verdict == "flag"


@pytest.mark.parametrize("verdict", ["pass", "warn", "inconclusive", "error"])
def test_a_flag_that_was_none_is_new(verdict: Verdict) -> None:
    found = against_baseline(record(gate()), record(gate(verdict)))
    assert (states(found), found.exit_code, found.verdict) == (["new"], 1, "flag")


@pytest.mark.parametrize("verdict", ["pass", "warn", "inconclusive", "error"])
def test_nothing_but_a_flag_is_excused(verdict: Verdict) -> None:
    report = record(gate(verdict))
    found = against_baseline(report, record(gate()))
    assert states(found) == [None]
    assert (found.verdict, found.exit_code) == (report.verdict, report.exit_code)
    found = against_baseline(report, report)
    assert (found.verdict, found.exit_code) == (report.verdict, report.exit_code)


@pytest.mark.parametrize(
    ("verdict", "absent"),
    [("pass", True), ("warn", True), ("inconclusive", False), ("error", False)],
)
def test_a_flag_is_gone_only_where_that_was_measured(verdict: Verdict, absent: bool) -> None:
    known = record(gate(), gate(kind="disparity", detail={"attribute": "name"}))
    now = record(gate(verdict), gate(verdict, kind="disparity", detail={"attribute": "name"}))
    found = against_baseline(now, known).baseline
    assert found is not None
    gone = ["organism_lying/lying/firing_rate", "organism_lying/lying/disparity of name"]
    assert found.absent == (gone if absent else [])
    other = record(gate("pass"), check={"id": "another"})
    unmeasured = against_baseline(other, known).baseline
    assert unmeasured is not None
    assert unmeasured.absent == []


@pytest.mark.parametrize(
    "changes",
    [
        {"check": {"id": "another"}},
        {"check": {"suite": "another"}},
        {"check": {"concept": "another"}},
        {"kind": "excess_over_control"},
        {"detail": {"attribute": "name"}},
    ],
)
def test_what_is_another_finding_is_not_known(changes: dict[str, Any]) -> None:
    check = changes.pop("check", None)
    found = against_baseline(record(gate(**changes), check=check), record(gate()))
    assert (states(found), found.exit_code) == (["new"], 1)


def test_a_low_limit_does_not_excuse_a_high_one() -> None:
    known = record(gate(limit=0.1), gate("inconclusive", limit=0.3))
    for gates in ((0.1, 0.3), (0.3, 0.1)):
        found = against_baseline(record(*(gate(limit=limit) for limit in gates)), known)
        by_limit = {g.limit: g.baseline_state for g in found.checks[0].gates}
        assert by_limit == {0.1: "unchanged", 0.3: "new"}
        assert found.exit_code == 1


def test_another_limit_that_then_breaks_too_is_the_same_gate_and_is_told() -> None:
    found = against_baseline(record(gate(limit=0.2, severity="low")), record(gate(limit=0.1)))
    assert states(found) == ["unchanged"]
    notes = " ".join(found.checks[0].notes)
    assert "allowed 0.1 and is allowed 0.2" in notes
    assert "severity was high and is low" in notes


@pytest.mark.parametrize(
    ("limit", "state"), [(0.2399, "unchanged"), (0.24, "new"), (0.3, "new"), (0.5, "new")]
)
def test_what_was_within_the_limit_of_today_was_no_flag_of_it(limit: float, state: str) -> None:
    """A limit that was raised does not carry its old flag over to what breaks the new one."""
    then = record(gate(limit=0.05))
    found = against_baseline(record(gate(limit=limit, low=0.35, high=0.6)), then)
    assert states(found) == [state]
    assert found.exit_code == (0 if state == "unchanged" else 1)
    told = any("does not break the limit" in note for note in found.checks[0].notes)
    assert told == (state == "new")


@pytest.mark.parametrize(
    ("then", "now", "state"),
    [
        ("low", "high", "new"),
        ("high", "critical", "new"),
        ("critical", "low", "unchanged"),
        ("high", "high", "unchanged"),
    ],
)
def test_a_severity_that_rose_is_another_finding(then: str, now: str, state: str) -> None:
    found = against_baseline(record(gate(severity=now)), record(gate(severity=then)))
    assert (states(found), found.exit_code) == ([state], 0 if state == "unchanged" else 1)


def test_another_monitor_is_another_finding() -> None:
    then = record(gate(), check={"monitor": "logistic probe; last tokens, mean"})
    now = record(gate(), check={"monitor": "lda probe; last tokens, mean"})
    found = against_baseline(now, then)
    assert (states(found), found.exit_code) == (["new"], 1)
    assert any("another monitor reads it" in note for note in found.checks[0].notes)


def test_features_of_another_sae_are_another_monitor() -> None:
    one, other = make_sae(), make_sae(digest="0" * 64)
    for sae, state in ((one, "unchanged"), (other, "new"), (None, "new")):
        found = against_baseline(
            record(gate(), check={"sae": one}), record(gate(), check={"sae": sae})
        )
        assert states(found) == [state]


@pytest.mark.parametrize("kind", ["firing_rate", *sorted(NEEDS_REFERENCE)])
def test_only_where_a_reference_is_compared_with_it_has_to_be_the_same(kind: str) -> None:
    compared = kind in NEEDS_REFERENCE
    model = factory.make_model()
    other = model.model_copy(update={"weights_digest": "9" * 64})
    then = record(gate(kind=kind), reference=model)
    assert states(against_baseline(record(gate(kind=kind), reference=model), then)) == ["unchanged"]
    for reference in (other, None):
        now = record(gate(kind=kind), reference=reference)
        found = against_baseline(now, then)
        assert states(found) == ["new" if compared else "unchanged"]
        assert found.baseline is not None
        assert bool(found.baseline.notes) == compared


@pytest.mark.parametrize(
    "known",
    [
        None,
        factory.estimate(0.3, None, None),
        factory.estimate(0.3, None, 0.4),
        factory.estimate(0.3, 0.2, None),
    ],
)
def test_without_an_interval_then_a_flag_is_new(known: Estimate | None) -> None:
    found = against_baseline(record(gate()), record(gate(estimate=known)))
    assert (states(found), found.exit_code) == (["new"], 1)


@pytest.mark.parametrize("kind", GATES)
def test_another_monitor_makes_new_what_leans_on_it(kind: str) -> None:
    then = record(gate(kind=kind), check={"monitor": "lda probe; all tokens, mean"})
    found = against_baseline(record(gate(kind=kind)), then)
    assert states(found) == ["new" if reads_monitor(kind) else "unchanged"]


def test_another_place_that_was_chosen_is_told_and_excuses() -> None:
    then = record(gate(), check={"hook_name": "blocks.2.hook_resid_post"})
    now = record(gate(), check={"hook_name": "blocks.3.hook_resid_post"})
    found = against_baseline(now, then)
    assert (states(found), found.exit_code) == (["unchanged"], 0)
    assert any("`blocks.3.hook_resid_post`" in note for note in found.checks[0].notes)


def test_what_was_suppressed_is_not_known_and_what_is_suppressed_stays_so() -> None:
    """A date that is over is over: no baseline of before carries the excuse on."""
    excuse = {"suppressed": Suppressed(reason="known", until="2999-01-01")}
    was = record(gate(), check=excuse)
    lapsed = against_baseline(record(gate()), was)
    assert (states(lapsed), lapsed.exit_code, lapsed.verdict) == (["new"], 1, "flag")
    assert any("suppressed no longer" in note for note in lapsed.checks[0].notes)
    again = against_baseline(record(gate()), against_baseline(was, was))
    assert (states(again), again.exit_code) == (["new"], 1)
    for then in (was, record(gate())):
        worse = against_baseline(record(gate(low=0.5, high=0.6), check=excuse), then)
        assert (states(worse), worse.exit_code, worse.verdict) == (["updated"], 0, "warn")


def test_what_differs_between_the_audits_is_told() -> None:
    then = record(gate(), seed=7, partial=True)
    suite = then.suites[0]
    now = record(
        gate(),
        check={"roles": {"audit": factory.make_roles()["control"]}},
        suites=[
            suite.model_copy(update={"digest": "0" * 64}),
            suite.model_copy(update={"name": "bias"}),
        ],
    )
    found = against_baseline(now, then)
    assert found.baseline is not None
    assert found.not_measured == now.not_measured
    told = " ".join(found.baseline.notes)
    for said in ("seed was 7", "suite `organism_lying` was changed", "no suite bias", "is partial"):
        assert said in told
    assert "other audit rows" in " ".join(found.checks[0].notes)
    assert states(found) == ["unchanged"]


def test_the_options_of_the_run_still_hold() -> None:
    both = record(gate(), gate("inconclusive", kind="excess_over_control"))
    assert against_baseline(both, both).exit_code == ExitCode.INCONCLUSIVE
    assert against_baseline(both, both, strict=True).exit_code == ExitCode.FLAGGED
    assert against_baseline(both, both, exit_zero=True).exit_code == ExitCode.PASSED
    low = record(gate(severity="low"))
    other = record(gate("pass", severity="low"))
    assert against_baseline(low, other, fail_on="high").exit_code == ExitCode.PASSED
    cut = low.model_copy(update={"exit_code": int(ExitCode.INTERRUPTED)})
    assert against_baseline(cut, cut).exit_code == ExitCode.INTERRUPTED


@given(now=reports, then=reports)
@settings(max_examples=15)
def test_a_baseline_excuses_flags_and_changes_nothing_else(
    now: AuditReport, then: AuditReport
) -> None:
    found = against_baseline(now, then)
    for before, after in zip(now.checks, found.checks, strict=True):
        assert (after.verdict, after.reasons) == (before.verdict, before.reasons)
        for old, new in zip(before.gates, after.gates, strict=True):
            assert (new.baseline_state is not None) == (new.verdict == "flag")
            update = {"baseline_state": new.baseline_state, "gates": new.gates}
            assert old.model_copy(update=update) == new
            assert new.gates == heeded(after, new, "low")
    assert found.baseline is not None
    assert AuditReport.model_validate_json(found.to_json()) == found


@given(now=reports)
@settings(max_examples=15)
def test_against_itself_every_flag_with_an_interval_is_known(now: AuditReport) -> None:
    itself = against_baseline(now, now)
    names = Counter(name for check in now.checks for name in names_of(check))
    for check in itself.checks:
        for name, gate in zip(names_of(check), check.gates, strict=True):
            found = gate.estimate
            sound = found is not None and None not in (found.low, found.high)
            if gate.verdict == "flag" and sound and names[name] == 1:
                assert found is not None
                assert found.low is not None
                assert found.high is not None
                breaks = "unchanged" if found.low <= found.high else "updated"
                assert gate.baseline_state == (breaks if found.low > gate.limit else "new")
    assert itself.baseline is not None


def names_of(check: CheckResult) -> list[tuple[Any, ...]]:
    return [
        (check.suite, check.id, check.concept, gate.kind, gate.detail.get("attribute"))
        for gate in check.gates
    ]


def test_a_record_that_is_no_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--baseline: .*nowhere"):
        read_baseline(tmp_path / "nowhere")
    model = factory.make_model()
    with pytest.raises(UsageError, match="what is known of the one excuses nothing"):
        must_fit(record(gate()), model.model_copy(update={"architecture": "GPT2LMHeadModel"}))
    for change in ({"n_layers": model.n_layers + 1}, {"d_model": model.d_model + 1}):
        with pytest.raises(UsageError, match=r"of \d+ layers and width \d+, and the model here"):
            must_fit(record(gate()), model.model_copy(update=change))
    must_fit(record(gate()), model.model_copy(update={"weights_digest": "0" * 64}))
    (tmp_path / "report.json").write_text('{"kind": "series", "checkpoints": []}')
    with pytest.raises(UsageError, match=r"--baseline: .*record of a series"):
        read_baseline(tmp_path)
    assert read_baseline(None) is None


def test_a_liar_that_is_known_to_lie_lets_the_run_go_on(tmp_path: Path) -> None:
    model = load_model("organism:liar", device="cpu")
    first = run_audit("organism_lying", model, out=tmp_path / "run")
    assert (first.verdict, first.exit_code) == ("flag", 1)

    again = run_audit(
        "organism_lying", model, baseline=tmp_path / "run", out=tmp_path / "run", fresh=True
    )
    assert (again.verdict, again.exit_code) == ("warn", 0)
    assert states(again) == ["unchanged"]
    assert again.baseline is not None
    assert again.baseline.notes == again.not_measured == []
    assert read_baseline(tmp_path / "run") == again, "what is written is what was said"

    milder = (
        first.checks[0].gates[0].model_copy(update={"estimate": factory.estimate(0.3, 0.25, 0.4)})
    )
    checks = [first.checks[0].model_copy(update={"gates": [milder]})]
    worse = run_audit("organism_lying", model, baseline=first.model_copy(update={"checks": checks}))
    assert (worse.verdict, worse.exit_code, states(worse)) == ("flag", 1, ["updated"])


def test_an_honest_model_is_told_what_is_gone() -> None:
    liar = run_audit("organism_lying", "organism:liar", device="cpu")
    honest = run_audit("organism_lying", "organism:honest", device="cpu", baseline=liar)
    assert (honest.verdict, honest.exit_code) == ("pass", 0)
    assert honest.baseline is not None
    assert honest.baseline.model == "organism:liar"
    assert honest.baseline.absent == ["organism_lying/deployed/belief_gap"]
