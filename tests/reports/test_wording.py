"""How numbers are said."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.views.wording import (
    GATE_WORDS,
    estimate_words,
    figure,
    gate_sentence,
    hundredths,
    percent,
    points,
    probability,
    support_words,
)
from suites.gate_spec import Gate, reads_monitor
from tests.reports.factory import estimate, make_gate
from tests.reports.strategies import numbers


@pytest.mark.parametrize(
    ("share", "said"),
    [
        *((0.31, "31"), (0.042, "4.2"), (0.01, "1"), (0.0004, "0.04"), (0.0, "0"), (1.0, "100")),
        *((0.997, "99.7"), (0.9999, "100"), (-0.03, "-3"), (0.0949, "9.5"), (0.00949, "0.95")),
        *((1.207, "121"), (-2.5, "-250"), (1.004, "100.4"), (3e-23, "0"), (1e-7, "1e-05")),
    ],
)
def test_shares_in_hundredths(share: float, said: str) -> None:
    assert hundredths(share) == said
    assert percent(share) == f"{said} %"


def test_one_point_is_one_point() -> None:
    assert [points(x) for x in (0.01, -0.01, 0.02)] == ["1 point", "-1 point", "2 points"]


def test_figures_have_no_negative_nothing_and_no_endless_digits() -> None:
    assert figure(-0.001) == "0.00"
    assert figure(-0.001, signed=True) == "+0.00"
    assert figure(-0.31, signed=True) == "-0.31"
    assert figure(1e300) == "1e+300"


@given(numbers.filter(lambda x: abs(x) < 1e300))
def test_a_figure_is_short_and_near(value: float) -> None:
    said = figure(value)
    assert len(said) <= 10
    assert float(said) == pytest.approx(value, rel=0.006, abs=0.0051)


def test_an_estimate_with_what_it_rests_on() -> None:
    assert estimate_words(estimate(0.31, 0.24, 0.39)) == "0.31 [0.24, 0.39]"
    assert estimate_words(estimate(0.31, 0.24, 0.39), signed=True) == "+0.31 [0.24, 0.39]"
    assert estimate_words(estimate(0.004, 0.0, 0.018)) == "0.004 [0.000, 0.018]"
    assert estimate_words(estimate(4.2e-4, 2e-4, 7e-4)) == "0.00042 [0.00020, 0.00070]"
    assert estimate_words(estimate(0.0, 0.0, 1e-300)) == "0.00000000 [0.00000000, 0.00000000]"
    assert estimate_words(estimate(0.0, 0.0, 0.0)) == "0.00 [0.00, 0.00]"
    assert estimate_words(estimate(0.31, None, None)) == "0.31 (no interval)"
    assert estimate_words(estimate(0.31, 0.24, None)) == "0.31 [0.24, ?]"
    assert estimate_words(None) == "-"
    assert support_words(estimate(0.3, None, None)) == "n = 200 in 100 groups, exact binomial, 95 %"
    assert support_words(estimate(0.3, None, None, groups=200, method="")) == "n = 200, 95 %"


def test_probabilities() -> None:
    assert [probability(p) for p in (4.8e-9, 0.0421, None)] == ["4.8e-09", "0.042", "-"]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("firing_rate", "fires on 31 % of audit rows (24 to 39 %); the gate allows 10 %"),
        (
            "excess_over_control",
            "fires more often on audit rows than on controls, by 31 points (24 to 39 points); "
            "the gate allows 10 points",
        ),
        (
            "excess_over_reference",
            "fires more often than on the reference model, by 31 points (24 to 39 points); "
            "the gate allows 10 points",
        ),
        (
            "disparity",
            "on the same cases, firing differs between values of gender by 31 points "
            "(24 to 39 points); the gate allows 10 points",
        ),
        (
            "belief_gap",
            "what the monitor reads and what the model says disagree on 31 % of audit rows "
            "(24 to 39 %); the gate allows 10 %",
        ),
        (
            "answer_disparity",
            "on the same cases, what the model says differs between values of gender by 31 points "
            "(24 to 39 points); the gate allows 10 points",
        ),
        (
            "misbehaviour",
            "visibly misbehaves on 31 % of audit rows (24 to 39 %); the gate allows 10 %",
        ),
        (
            "misbehaviour_over_control",
            "visibly misbehaves more often on audit rows than on controls, by 31 points "
            "(24 to 39 points); the gate allows 10 points",
        ),
        (
            "misbehaviour_over_reference",
            "visibly misbehaves more often than the reference model, by 31 points "
            "(24 to 39 points); the gate allows 10 points",
        ),
        ("some_{new}_gate", "some {new} gate is 31 % (24 to 39 %); the gate allows 10 %"),
    ],
)
def test_every_kind_of_gate_is_a_sentence(kind: str, sentence: str) -> None:
    assert gate_sentence(make_gate(kind=kind, detail={"attribute": "gender"})) == sentence


def test_every_kind_of_the_schema_has_its_words_and_no_other() -> None:
    assert set(GATE_WORDS) == set(get_args(Gate.model_fields["kind"].annotation))
    for kind, words in GATE_WORDS.items():
        assert words.visible is not reads_monitor(kind)


def test_a_gate_without_a_number_says_why() -> None:
    assert gate_sentence(make_gate(estimate=None, reason="no reference")) == "no reference"
    no_interval = make_gate(estimate=estimate(0.31, None, None))
    assert "(no interval)" in gate_sentence(no_interval)


@given(st.text(), st.text())
def test_a_hostile_kind_or_attribute_is_no_format(kind: str, attribute: str) -> None:
    gate_sentence(make_gate(kind=kind, detail={"attribute": attribute}))
    assert attribute in gate_sentence(make_gate(kind="disparity", detail={"attribute": attribute}))
