"""What is said of a series: the numbers of the record, in words that do not promise more."""

from __future__ import annotations

from typing import get_args

import pytest

from reports.parts import Estimate
from reports.series import Lead, Onset, Phase
from reports.views.exits import AUDIT, SERIES, exit_meaning
from reports.views.series import (
    Said,
    TrackView,
    check_said,
    compact,
    gate_said,
    number,
    stop_sentence,
    view_series,
)
from reports.views.standing import BELOW
from tests.reports import series_factory as factory
from tests.reports.factory import estimate, make_suppressed_check


def view(**changes: object) -> TrackView:
    report = factory.make_series(tracks=[factory.make_track(**changes)])
    return view_series(report).tracks[0]


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (50, 10, 90, "the monitor comes 50 steps before behaviour (10 to 90, 95 %)"),
        (-50, -90, -10, "the monitor comes 50 steps after behaviour (-90 to -10, 95 %)"),
        (50, -10, 90, "50 steps (-10 to 90, 95 %): neither is shown to come first"),
        (50, 0, 90, "50 steps (0 to 90, 95 %): neither is shown to come first"),
    ],
)
def test_a_lead_is_one_where_its_interval_says_so(
    value: float, low: float, high: float, said: str
) -> None:
    track = view(lead=Lead(value=value, low=low, high=high, confidence=0.95))
    assert f"lead: {said}" in track.sentences


@pytest.mark.parametrize("phase", get_args(Phase))
def test_each_phase_has_a_sentence_and_only_the_alarm_is_called_one(phase: Phase) -> None:
    track = view(phase=phase, alarm_step=800 if phase == "alarm" else None)
    assert track.alarm.startswith(phase)
    assert ("at step 800" in track.alarm) == (phase == "alarm")


def test_an_onset_that_was_not_found_names_no_step() -> None:
    track = view(onset=Onset(found=False, p=0.4, step=300))
    assert "onset: none; a rise of the rate cannot be told from chance (p = 0.4)" in track.sentences
    assert not any("300" in sentence for sentence in track.sentences)


def test_what_the_believed_probe_reads_is_what_is_shown() -> None:
    """The alarm goes by it; the number of the verdict stands in the table of gates."""
    gate = factory.make_gate_reading(estimate=factory.share(0.9), by_reader=factory.share(0.2))
    row = factory.make_row(checks=[factory.make_reading(gates=[gate])])
    point = view_series(factory.make_series(checkpoints=[row])).tracks[0].points[0]
    assert (point.rate, point.value) == (factory.share(0.2), 0.2)


def test_a_rate_without_its_interval_is_found_by_its_step() -> None:
    row = factory.make_row(step=700, checks=[])
    point = view_series(factory.make_series(checkpoints=[row])).tracks[0].points[0]
    assert (point.rate, point.value) == (None, 0.12)


def test_a_gate_of_another_attribute_is_another_line() -> None:
    gates = [
        factory.make_gate_reading(kind="disparity", attribute=of, estimate=factory.share(rate))
        for of, rate in (("age", 0.1), ("sex", 0.3))
    ]
    row = factory.make_row(checks=[factory.make_reading(gates=gates)])
    tracks = [factory.make_track(kind="disparity", attribute=of) for of in ("age", "sex", "x")]
    views = view_series(factory.make_series(checkpoints=[row], tracks=tracks)).tracks
    assert [one.points[0].rate for one in views] == [
        *(factory.share(0.1), factory.share(0.3), None)
    ]
    assert [one.title for one in views] == [f"disparity of {of}" for of in ("age", "sex", "x")]


def test_every_exit_code_has_a_meaning() -> None:
    assert set(AUDIT) == set(SERIES) == set(range(7))
    assert "only to report" in exit_meaning(0, "flag", AUDIT)
    assert "--strict" in exit_meaning(1, "inconclusive", AUDIT)
    assert exit_meaning(1, "flag", AUDIT) == "a gate flagged"


def test_a_stop_says_once_what_raised_it() -> None:
    assert "; by organism_lying/lying/firing_rate; the flagged weights" in stop_sentence(
        factory.make_stop()
    )
    said = stop_sentence(factory.make_stop(sentence="organism_lying/lying/firing_rate is high"))
    assert said.count("organism_lying/lying/firing_rate") == 1
    assert said.startswith("alarm at checkpoint-800 (on a flag: stop): ")


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (None, "-"),
        (estimate(0.31, 0.24, 0.39), "31 [24, 39]"),
        (estimate(-0.04, -0.1, 0.02), "-4 [-10, 2]"),
        (estimate(0.31, None, None), "31"),
        (estimate(0.31, 0.24, None), "31 [24, ?]"),
    ],
)
def test_an_estimate_in_a_narrow_column(of: Estimate | None, said: str) -> None:
    assert compact(of) == said


def test_a_step_has_no_more_digits_than_it_earns() -> None:
    assert [number(value) for value in (0.0, 3.25, 660.4, 143_000.0, 1e12)] == [
        *("0", "3.25", "660", "143000", "1e+12")
    ]


def test_a_check_of_a_series_is_called_what_counts_most_in_it() -> None:
    check = factory.make_series().checkpoints[-1].checks[0]
    flagged = check.gates[0].model_copy(update={"verdict": "flag", "gates": False})
    undecided = flagged.model_copy(update={"verdict": "inconclusive", "gates": True})
    suppressed = make_suppressed_check().suppressed
    both = check.model_copy(
        update={"verdict": "flag", "suppressed": suppressed, "gates": [flagged, undecided]}
    )
    assert check_said(both) == Said("inconclusive", None)
    alone = both.model_copy(update={"gates": [flagged]})
    assert check_said(alone).excuse is not None
    assert check_said(alone).excuse == gate_said(alone, flagged).excuse
    below = alone.model_copy(update={"suppressed": None})
    assert check_said(below) == Said("flag", BELOW)
