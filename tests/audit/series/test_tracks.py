"""The alarm over rows: the same however it was come by, and never taken back or put back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.series.tracks import Followed, follow, steps_of
from probes.sequential import AlarmRule
from reports.series import CheckpointRow, Phase
from suites.schema import Policy
from tests.audit.series.followed_rows import CERTAIN, QUIET, check, gate, row, rows

POLICY = {"s": Policy()}


def phases(followed: Followed) -> list[list[Phase]]:
    return [[g.phase for c in r.checks for g in c.gates] for r in followed.rows]


def of(followed: Followed) -> list[Phase]:
    """The phases of a series with one gate."""
    return [phase for line in phases(followed) for phase in line]


def test_an_alarm_takes_patience_and_stands() -> None:
    followed = follow(rows([QUIET, CERTAIN, QUIET, CERTAIN, CERTAIN, QUIET]), POLICY)
    assert of(followed) == [
        "quiet", "waiting for patience", "quiet", "waiting for patience", "alarm", "alarm",
    ]  # fmt: skip
    [track] = followed.tracks
    assert (track.alarm_step, track.phase) == (40, "alarm")


def test_without_a_second_signal_there_is_none() -> None:
    followed = follow(rows([CERTAIN] * 4, second=0.5), POLICY)
    assert of(followed)[1:] == ["waiting for a second signal"] * 3
    assert follow(rows([CERTAIN] * 4, second=None), POLICY).tracks[0].alarm_step is None


P = st.sampled_from([QUIET, 0.3, 1e-3, 4e-5, CERTAIN, None])
ROWS = st.lists(
    st.tuples(P, st.sampled_from([None, CERTAIN, 0.9]), st.booleans(), st.booleans()),
    min_size=1, max_size=12,
)  # fmt: skip


def drawn(facts: list[tuple[float | None, float | None, bool, bool]]) -> list[CheckpointRow]:
    return [
        row(None if stepless else 10 * i, *([] if broken else [check(gate(p, second))]))
        for i, (p, second, broken, stepless) in enumerate(facts)
    ]


@given(ROWS, st.integers(1, 3), st.integers(0, 60))
def test_no_later_row_changes_what_was_decided(
    facts: list[tuple[float | None, float | None, bool, bool]], patience: int, warmup: int
) -> None:
    policy = {"s": Policy(patience=patience, warmup=warmup, alpha=0.05)}
    series = drawn(facts)
    whole = follow(series, policy, look_back=False)
    for end in range(1, len(series)):
        part = follow(series[:end], policy, look_back=False)
        assert phases(part) == phases(whole)[:end]
        assert [r.checks for r in part.rows] == [r.checks for r in whole.rows[:end]]


def test_one_by_one_is_all_at_once_and_a_followed_row_may_be_followed_again() -> None:
    series = rows([QUIET, None, CERTAIN, CERTAIN, QUIET])
    held: list[CheckpointRow] = []
    for one in series:
        held = list(follow([*held, one], POLICY).rows)
    assert held == list(follow(series, POLICY).rows)


def test_warm_up_is_in_steps_and_spends_nothing() -> None:
    warm = follow(rows([CERTAIN] * 5), {"s": Policy(warmup=20)})
    assert of(warm)[:3] == ["warming up", "warming up", "waiting for patience"]
    levels = [g.level for r in warm.rows for c in r.checks for g in c.gates]
    rule = AlarmRule(alpha=0.01, patience=2, horizon=100)
    assert levels == [None, None, rule.level(1), rule.level(2), rule.level(3)]
    assert warm.tracks[0].alarm_step == 30


def test_a_checkpoint_without_a_step_does_not_put_warm_up_back() -> None:
    series = rows([QUIET, CERTAIN, CERTAIN])
    policy = {"s": Policy(warmup=10)}
    before = follow(series, policy)
    after = follow([*series, row(None, check(gate(QUIET)))], policy)
    assert of(before) == ["warming up", "waiting for patience", "alarm"]
    assert of(after) == [*of(before), "alarm"]


def test_rows_without_steps_are_counted_by_their_places() -> None:
    series = [row(None, check(gate(p))) for p in (QUIET, CERTAIN, CERTAIN)]
    followed = follow(series, POLICY)
    assert steps_of(series) == [0, 1, 2]
    assert followed.tracks[0].alarm_step == 2
    warm = follow(series, {"s": Policy(warmup=2)})
    assert of(warm) == ["warming up", "warming up", "waiting for patience"]


def test_a_broken_checkpoint_between_two_breaks_no_patience_and_spends_nothing() -> None:
    whole, [first, second] = rows([QUIET, CERTAIN, CERTAIN]), (row(5), row(15))
    followed = follow([whole[0], first, whole[1], second, whole[2]], POLICY)
    assert of(followed) == of(follow(whole, POLICY)) == ["quiet", "waiting for patience", "alarm"]
    levels = [g.level for r in followed.rows for c in r.checks for g in c.gates]
    rule = AlarmRule(alpha=0.01, patience=2, horizon=100)
    assert levels == [rule.level(audit) for audit in (1, 2, 3)]


def test_a_blind_checkpoint_is_named_and_neither_alarms_nor_calms() -> None:
    blind = row(15, check(gate(None), state="monitor no longer valid"))
    first, second, third = rows([QUIET, CERTAIN, CERTAIN])
    followed = follow([first, second, blind, third], POLICY)
    assert of(followed) == ["quiet", "waiting for patience", "not measured", "alarm"]
    [track] = followed.tracks
    assert (track.blind, track.steps) == ([15], [0, 10, 20])
    ending = follow([first, second, third, blind.model_copy(update={"step": 30})], POLICY)
    assert of(ending)[-1] == "not measured"
    assert ending.tracks[0].alarm_step == 20, "what could not be read takes no alarm back"


def test_an_acknowledged_alarm_starts_again_with_what_is_left() -> None:
    series = rows([CERTAIN] * 5)
    once = follow(series, POLICY, acknowledged=[10])
    assert of(once) == [
        "waiting for patience", "alarm", "waiting for patience", "alarm", "alarm",
    ]  # fmt: skip
    assert once.tracks[0].alarm_step == 30
    assert [g.level for r in once.rows for c in r.checks for g in c.gates] == [
        g.level for r in follow(series, POLICY).rows for c in r.checks for g in c.gates
    ]
    calm = follow(rows([CERTAIN, CERTAIN, QUIET, QUIET]), POLICY, acknowledged=[10])
    assert calm.tracks[0].alarm_step is None
    assert of(calm)[-1] == "quiet"
    assert follow(series, POLICY, acknowledged=[0]).tracks[0].alarm_step == 10, "there was none yet"


def test_gates_of_a_suite_share_its_alpha() -> None:
    two = check(gate(CERTAIN), gate(QUIET, kind="disparity", attribute="a"))
    other = check(gate(QUIET), suite="t")
    policy = {"s": Policy(alpha=0.04), "t": Policy(alpha=0.01)}
    followed = follow([row(0, two, other), row(1, two, other)], policy)
    assert [(t.suite, t.kind, t.alpha) for t in followed.tracks] == [
        ("s", "firing_rate", 0.02), ("s", "disparity", 0.02), ("t", "firing_rate", 0.01),
    ]  # fmt: skip
    assert followed.tracks[0].alarm_step == 1
    assert [t.alarm_step for t in followed.tracks[1:]] == [None, None]


def test_two_gates_of_a_kind_are_told_apart_by_their_limits() -> None:
    both = check(gate(QUIET, limit=0.5), gate(CERTAIN, limit=0.1))
    followed = follow([row(0, both), row(1, both)], POLICY)
    assert [(t.limit, t.alarm_step, t.alpha) for t in followed.tracks] == [
        (0.5, None, 0.005),
        (0.1, 1, 0.005),
    ]
    assert phases(followed)[-1] == ["quiet", "alarm"]


def test_a_check_that_failed_once_opens_no_track_of_its_own() -> None:
    """Else it would take its part of alpha, from the audits before it too."""
    from audit.engine.assembly import Options
    from audit.engine.results import Failed, results_of
    from audit.series.origin import open_checks
    from audit.series.recording import check_reading

    _, selected = open_checks(["organism_bias"], Options())
    for result in results_of([Failed(one, "it is gone") for one in selected]):
        line = check_reading(result, None)
        [given_gate] = next(one.check for one in selected if one.id == result.id).gates
        assert line.gates[0].attribute == given_gate.attribute
        assert line.gates[0].attribute is not None, "the suite has a disparity"


def test_runs_in_which_nothing_happens_alarm_as_seldom_as_stated() -> None:
    """Uniform p-values, fresh at each audit or the same throughout; the second always agrees."""
    draw, alarms, runs = random.Random(0), {True: 0, False: 0}, 150
    policy = {"s": Policy(alpha=0.1, patience=1, horizon=5)}
    for fresh in (True, False):
        for _ in range(runs):
            p = [draw.random() for _ in range(30)]
            series = rows(p if fresh else [p[0]] * 30)
            [track] = follow(series, policy, look_back=False).tracks
            alarms[fresh] += track.alarm_step is not None
    bound = 0.1 + 3 * (0.1 * 0.9 / runs) ** 0.5
    assert all(count / runs <= bound for count in alarms.values()), alarms
    assert alarms[True] > 0, "the test would see an alarm"


def test_a_gate_on_behaviour_goes_on_where_no_probe_can_be_believed() -> None:
    visible = {"kind": "misbehaviour_over_control"}
    blind = [
        row(10 * i, check(gate(CERTAIN, **visible), state="monitor no longer valid"))
        for i in range(3)
    ]
    [track] = follow(blind, POLICY).tracks
    assert (track.blind, track.steps, track.alarm_step) == ([], [0, 10, 20], 10)
    reads = [one.model_copy(deep=True) for one in blind]
    for one in reads:
        one.checks[0].gates[0] = gate(CERTAIN)
    assert follow(reads, POLICY).tracks[0].blind == [0, 10, 20]


def rising(kind: str = "firing_rate") -> list[CheckpointRow]:
    """What the gate counts rises at step 500, behaviour at 900."""
    series = []
    for i in range(14):
        fired, did = (0.6 if i >= 5 else 0.02), (0.6 if i >= 9 else 0.02)
        rate = gate(CERTAIN if i >= 5 else QUIET, kind=kind)
        assert rate.by_reader is not None
        read = rate.by_reader.model_copy(update={"value": fired})
        done = read.model_copy(update={"value": did})
        series.append(row(100 * i, check(rate.model_copy(update={"by_reader": read}),
                                         behaviour=done)))  # fmt: skip
    return series


def test_what_is_behaviour_itself_has_no_lead_over_it() -> None:
    [track] = follow(rising("misbehaviour"), POLICY).tracks
    assert track.onset is not None
    assert (track.onset.step, track.behaviour_onset, track.lead) == (500, None, None)


def test_looking_back_finds_the_onset_and_the_lead_and_decides_nothing() -> None:
    series = rising()
    back, now = follow(series, POLICY), follow(series, POLICY, look_back=False)
    assert back.rows == now.rows
    [track] = back.tracks
    assert track.onset is not None
    assert track.behaviour_onset is not None
    assert track.lead is not None
    assert (track.onset.step, track.behaviour_onset.step) == (500, 900)
    assert track.lead.low <= 400 <= track.lead.high
    assert track.lead.low > 0
    assert track.outlook is not None
    assert now.tracks[0].onset is None


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_short_series_has_no_onset(n: int) -> None:
    [track] = follow(rows([QUIET] * n), POLICY).tracks
    assert (track.onset, track.outlook) == (None, None)


def test_no_rows_have_no_tracks() -> None:
    assert follow([], POLICY) == Followed((), ())
    assert follow([row(1)], POLICY).tracks == ()
