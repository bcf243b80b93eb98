"""The picture of a series is one closed document, drawn to scale, that runs and asks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.drawing.series import WIDTH, drawable, series_svg
from reports.drawing.svg import Axis, apart, ticks
from reports.series import SeriesReport
from tests.reports import series_factory as factory
from tests.reports.hostile import HOSTILE
from tests.reports.series_strategies import series
from tests.reports.test_series_markdown import everywhere

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "style", "rect", "path", "text", "circle"}
ATTRIBUTES = {
    *("viewBox", "font-family", "font-size", "role", "class", "d", "x", "y", "width", "height"),
    *("cx", "cy", "r", "text-anchor"),
}


def drawn(svg: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in DRAWN
        assert set(element.attrib) <= ATTRIBUTES
    return root


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.get("class") == name]


def places(element: ElementTree.Element) -> Iterator[tuple[float, float]]:
    for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", element.attrib["d"]):
        yield float(x), float(y)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(series)
def test_any_series_is_drawn_within_its_frame(report: SeriesReport) -> None:
    svg = series_svg(report)
    assert svg == series_svg(SeriesReport.model_validate_json(report.to_json()))
    root = drawn(svg)
    height = float(root.attrib["viewBox"].split()[3])
    for element in root.iter(f"{SVG}path"):
        for x, y in places(element):
            assert -1 <= x <= WIDTH + 1
            assert -1 <= y <= height + 1


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_becomes_an_element(hostile: str) -> None:
    for text in (hostile, f"a{hostile}b\ufffe"):
        drawn(series_svg(everywhere(text)))


def test_it_asks_nobody_for_anything() -> None:
    svg = series_svg(factory.make_series())
    outside = svg.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|<script|\bon\w+=|href", outside)


def test_lines_are_where_the_rates_are() -> None:
    """Pixels of the line rise as the rates do, in the same proportion."""
    root = drawn(series_svg(factory.make_series()))
    runs = of_class(root, "found")[1:]  # the first is the key
    ys = [y for run in runs[:2] for _, y in places(run)]
    rates = [rate for rate in factory.GROWTH if rate is not None]
    scale = (ys[0] - ys[-1]) / (rates[-1] - rates[0])
    assert all(
        abs((ys[0] - y) - scale * (rate - rates[0])) < 0.2
        for y, rate in zip(ys, rates, strict=True)
    )


def test_a_checkpoint_without_a_rate_leaves_a_gap_and_a_cross() -> None:
    root = drawn(series_svg(factory.make_series()))
    assert len(of_class(root, "found")) == 1 + 2 * 2
    assert len(of_class(root, "gone")) == 1 + 2


def test_the_alarm_stands_at_its_step_and_only_where_there_is_one() -> None:
    root = drawn(series_svg(factory.make_series()))
    [alarm] = of_class(root, "alarm")
    (x, _), _ = places(alarm)
    found = [at for run in of_class(root, "found")[1:3] for at, _ in places(run)]
    assert found[8] == x
    assert not of_class(drawn(series_svg(factory.make_quiet())), "alarm")


def test_steps_that_would_fall_on_each_other_stand_evenly() -> None:
    """A run saved at 1, 2, 4, ... 512 and then each thousand up to 143,000."""
    steps = [*(2**power for power in range(10)), *range(1000, 144_000, 1000)]
    quiet = factory.make_quiet(len(steps))
    rows = [
        row.model_copy(update={"step": step})
        for row, step in zip(quiet.checkpoints, steps, strict=True)
    ]
    svg = series_svg(quiet.model_copy(update={"checkpoints": rows}))
    assert "training step, evenly spaced" in svg
    xs = [x for x, _ in places(of_class(drawn(svg), "found")[1])]
    gaps = [b - a for a, b in pairwise(xs)]
    assert max(gaps) - min(gaps) < 0.25
    assert "evenly spaced" not in series_svg(quiet)


def test_checkpoints_without_steps_stand_in_their_order() -> None:
    rows = [row.model_copy(update={"step": None}) for row in factory.make_quiet(5).checkpoints]
    svg = series_svg(factory.make_series(checkpoints=rows))
    assert ">checkpoint<" in svg
    assert ">checkpoint…<" not in svg


def test_one_checkpoint_is_no_line() -> None:
    assert not drawable(factory.make_reference_only())
    assert drawable(factory.make_series())
    drawn(series_svg(factory.make_reference_only()))
    drawn(series_svg(factory.make_series(checkpoints=[])))


@given(st.floats(-1, 1), st.floats(1e-3, 1e6), st.integers(2, 9))
def test_ticks_are_round_few_and_within(low: float, span: float, most: int) -> None:
    marks = ticks(low, low + span, most)
    assert len(marks) <= most + 1
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in marks)
    assert all(b > a for a, b in pairwise(marks))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_labels_do_not_touch(wanted: list[float]) -> None:
    placed = sorted(apart(wanted, 10, 100))
    assert all(b - a > 9.99 for a, b in pairwise(placed))
    assert placed[-1] <= 100


def test_labels_with_room_stay_where_they_belong() -> None:
    assert apart([40.0, 10.0], 10, 100) == [40.0, 10.0]


def test_an_axis_is_exact_at_its_knots_and_stays_at_its_ends() -> None:
    axis = Axis(((0, 10), (1, 20), (100, 30)))
    assert [axis(value) for value in (-5, 0, 0.5, 1, 100, 1e300)] == [10, 10, 15, 20, 30, 30]
