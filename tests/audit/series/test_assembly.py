"""The one place where the verdict of a series is given."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from audit.engine.assembly import Options
from audit.exit_codes import ExitCode
from audit.series.assembly import Told, broken_row, series_report, stop_of
from audit.series.checkpoints import Checkpoint
from audit.series.tracks import follow
from reports.record import Suppressed
from reports.series import CheckpointRow, CheckReading, SeriesReport
from suites.builtin import resolve_suite
from suites.load import LoadedSuite, load_suite
from suites.schema import Policy
from tests.audit.series.followed_rows import CERTAIN, QUIET, check, gate, row, rows

KNOWN = Suppressed(reason="known", until="2999-01-01")


def loud(**fields: Any) -> CheckReading:
    """A gate that is flagged, and by the reader too."""
    return check(gate(CERTAIN, verdict="flag", **fields))


@cache
def _shipped() -> LoadedSuite:
    return load_suite(resolve_suite("organism_lying"))


def suite(name: str, policy: Policy) -> LoadedSuite:
    """A suite that is called so and has this policy."""
    shipped = _shipped()
    return replace(shipped, suite=shipped.suite.model_copy(update={"name": name, "policy": policy}))


def report(
    given: list[CheckpointRow], told: Told | None = None, policy: Policy | None = None, **opts: Any
) -> SeriesReport:
    suites = [suite("s", policy or Policy())]
    return series_report(given, suites, Options(**opts), told or Told("step0"))


def growing(**fields: Any) -> list[CheckpointRow]:
    return [row(0, check(gate(QUIET))), row(10, loud(**fields)), row(20, loud(**fields))]


def test_an_alarm_is_a_flag_and_says_where_when_and_how_sure() -> None:
    found = report(growing())
    assert (found.verdict, found.exit_code) == ("flag", ExitCode.FLAGGED)
    stop = found.stop
    assert stop is not None
    assert (stop.reason, stop.step, stop.checkpoint, stop.on_flag) == (
        "alarm",
        20,
        "step20",
        "stop",
    )
    assert stop.tracks == ["s/c/firing_rate"]
    assert "s/c/firing_rate exceeds its limit of 0.20" in stop.sentence
    assert "the monitor reads 0.50 [0.40, 0.60]" in stop.sentence
    assert "on 2 audits in a row up to step20" in stop.sentence
    assert "a chance of 0.01 at most" in stop.sentence


def test_a_calm_series_passes() -> None:
    found = report(rows([QUIET] * 4))
    assert (found.verdict, found.exit_code, found.stop) == ("pass", ExitCode.PASSED, None)


def test_an_alarm_by_the_reader_flags_a_series_whose_own_audits_all_pass() -> None:
    found = report(silent(rows([QUIET, CERTAIN, CERTAIN])))
    assert {r.verdict for r in found.checkpoints} == {"pass"}
    assert (found.verdict, found.exit_code) == ("flag", ExitCode.FLAGGED)


def test_what_only_warns_does_not_end_a_run() -> None:
    calm = silent(rows([CERTAIN] * 3))
    found = report(calm, policy=Policy(on_flag="warn"))
    assert found.stop is not None
    assert found.stop.on_flag == "warn"
    assert (found.verdict, found.exit_code) == ("pass", ExitCode.PASSED)
    paused = report(calm, policy=Policy(on_flag="pause"))
    assert paused.stop is not None
    assert (paused.stop.reason, paused.exit_code) == ("paused", ExitCode.FLAGGED)


def silent(given: list[CheckpointRow]) -> list[CheckpointRow]:
    """The same rows, where each checkpoint's own audit found nothing."""

    def calm(line: CheckReading) -> CheckReading:
        own = gate(QUIET)
        update = {"estimate": own.estimate, "p_value": 1.0, "q_value": 1.0}
        return line.model_copy(update={"gates": [g.model_copy(update=update) for g in line.gates]})

    return [r.model_copy(update={"checks": [calm(c) for c in r.checks]}) for r in given]


@pytest.mark.parametrize("how", ["suppressed", "fail_on"])
def test_what_does_not_gate_one_audit_does_not_end_a_run(how: str) -> None:
    """The alarm stays visible, and only warns."""
    given = growing(severity="medium")
    fail_on = "high" if how == "fail_on" else "low"
    if how == "suppressed":
        given = [
            r.model_copy(
                update={"checks": [c.model_copy(update={"suppressed": KNOWN}) for c in r.checks]}
            )
            for r in given
        ]
    found = report(given, fail_on=fail_on)
    assert [r.verdict for r in found.checkpoints] == ["pass", "warn", "warn"]
    assert (found.verdict, found.exit_code) == ("warn", ExitCode.PASSED)
    assert found.tracks[0].alarm_step == 20
    assert found.stop is not None
    assert found.stop.on_flag == "warn"
    binding = report(growing(severity="medium"), fail_on="medium")
    assert binding.exit_code == ExitCode.FLAGGED, "from its own severity on it does"


def test_of_two_alarms_the_one_that_binds_comes_first() -> None:
    early = check(gate(CERTAIN, severity="low"), check="early")
    late = check(gate(QUIET), check="late")
    loud_late = check(gate(CERTAIN), check="late")
    given = [row(0, early, late), row(1, early, loud_late), row(2, early, loud_late)]
    followed = follow(given, {"s": Policy()}, fail_on="high")
    stop = stop_of(followed.rows, followed.tracks)
    assert stop is not None
    assert (stop.tracks, stop.step, stop.on_flag) == (["s/late/firing_rate"], 2, "stop")


def test_without_steps_the_checkpoint_of_the_alarm_is_named_not_the_last() -> None:
    p = (QUIET, CERTAIN, CERTAIN, QUIET, QUIET)
    given = [row(None, check(gate(x)), name=n) for n, x in zip("abcde", p, strict=True)]
    stop = report(given).stop
    assert stop is not None
    assert (stop.checkpoint, stop.step) == ("c", None)
    assert "up to c" in stop.sentence
    mixed = [*rows(p), row(None, check(gate(QUIET)), name="final")]
    stop = report(mixed).stop
    assert stop is not None
    assert (stop.checkpoint, stop.step) == ("step20", 20)


def test_a_broken_checkpoint_ends_with_three_whatever_the_rest_says() -> None:
    broken = broken_row(Checkpoint("step5", "run/step5", 5, "model"), "it has no config")
    found = report([*growing(), broken])
    assert (found.verdict, found.exit_code) == ("error", ExitCode.FAILED)
    assert report([*growing(), broken], exit_zero=True).exit_code == ExitCode.FAILED
    assert report(growing(), exit_zero=True).exit_code == ExitCode.PASSED
    assert report([broken]).exit_code == ExitCode.FAILED
    cut = report([*growing(), broken], Told("step0", interrupted=True))
    assert (cut.exit_code, cut.partial) == (ExitCode.INTERRUPTED, True)


def test_what_cannot_be_told_is_inconclusive_and_strict_makes_it_a_flag() -> None:
    unsure = check(gate(None, verdict="inconclusive"), verdict="inconclusive")
    assert report([row(0, unsure)]).exit_code == ExitCode.INCONCLUSIVE
    assert report([row(0, unsure)], strict=True).exit_code == ExitCode.FLAGGED


def test_an_acknowledged_alarm_no_longer_stops_but_what_was_flagged_stays_so() -> None:
    found = report(growing(), Told("step0", acknowledged=(20,)))
    assert found.stop is None
    assert (found.verdict, found.exit_code) == ("flag", ExitCode.FLAGGED)


def test_alpha_of_the_run_is_that_of_its_suites_together() -> None:
    suites = [suite("s", Policy(alpha=0.02)), suite("t", Policy(alpha=0.03))]
    found = series_report(rows([QUIET]), suites, Options(), Told("r"))
    assert found.alpha == pytest.approx(0.05)
