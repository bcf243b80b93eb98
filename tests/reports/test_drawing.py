"""What is drawn lies where its number says, judged by the numbers themselves."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.curves import Distributions, Roc, RoleScores, TokenScores
from reports.drawing.check import gate_bar, layer_curve, roc, simpler, spread
from reports.drawing.lines import Line, Mark, Over, lines_over
from reports.html.tokens import shade, strip
from reports.record import Threshold
from reports.views.check import view_check
from tests.reports import factory

Element = ElementTree.Element


def elements(svg: str, of: str) -> list[Element]:
    """Every element with that class."""
    return [each for each in ElementTree.fromstring(svg).iter() if each.get("class") == of]


def dots(svg: str, of: str) -> list[tuple[float, float]]:
    return [(float(e.get("cx", "")), float(e.get("cy", ""))) for e in elements(svg, of)]


def boxes(svg: str, of: str) -> list[tuple[float, float, float]]:
    """Left edge, width and height of each."""
    return [
        (float(e.get("x", "")), float(e.get("width", "")), float(e.get("height", "")))
        for e in elements(svg, of)
    ]


def through(path: Element) -> list[tuple[float, float]]:
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", path.get("d", ""))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def gate(value: float, low: float, high: float, limit: float) -> str:
    made = factory.make_gate(estimate=factory.estimate(value, low, high), limit=limit)
    return gate_bar(view_check(factory.make_check(gates=[made])).gates[0])


@pytest.mark.parametrize(
    ("value", "low", "high", "limit"), [(0.31, 0.24, 0.39, 0.1), (0.02, 0.0, 0.05, 0.2)]
)
def test_a_gate_is_drawn_to_scale(value: float, low: float, high: float, limit: float) -> None:
    svg = gate(value, low, high, limit)
    [(found, _)] = dots(svg, "fdot")
    [(start, _), (end, _)] = through(elements(svg, "span")[0])
    [(mark, _), _] = through(elements(svg, "cut")[0])
    [(beyond, width, _)] = boxes(svg, "beyond")
    unit = (found - mark) / (value - limit)
    assert (start - mark) / unit == pytest.approx(low - limit, abs=0.002)
    assert (end - mark) / unit == pytest.approx(high - limit, abs=0.002)
    assert unit > 0
    assert beyond == pytest.approx(mark, abs=0.11), "the forbidden zone begins at the limit"
    assert beyond + width == pytest.approx(456, abs=0.2), "and goes on to the edge"


def test_bars_are_as_high_as_their_counts_and_cut_at_the_threshold() -> None:
    threshold = factory.make_threshold()
    threshold = threshold.model_copy(update={"value": 1.25, "lower": None})
    shown = Distributions(
        edges=[0.0, 1.0, 2.0, 3.0, 4.0], roles=[RoleScores(role="audit", counts=[8, 4, 2, 1])]
    )
    svg = spread(shown, threshold)
    quiet, fires = boxes(svg, "quiet"), boxes(svg, "fires")
    assert [round(tall, 1) for _, _, tall in quiet] == [33.1, 16.6]
    assert [round(tall, 1) for _, _, tall in fires] == [16.6, 8.3, 4.1]
    [(cut, _), _] = through(elements(svg, "cut")[0])
    assert quiet[-1][0] + quiet[-1][1] == pytest.approx(cut, abs=0.11)
    assert fires[0][0] == pytest.approx(cut, abs=0.11)
    assert fires[0][0] > quiet[0][0], "what fires lies to the right"


def test_one_outlier_leaves_the_rest_readable() -> None:
    edges = [-6 + 0.4 * i for i in range(30)] + [3000.0]
    counts = [*(10 for _ in range(29)), 1]
    shown = Distributions(edges=edges, roles=[RoleScores(role="audit", counts=counts)])
    lefts = [left for left, _, _ in boxes(spread(shown, _threshold(0.0)), "quiet")]
    assert lefts[-1] - lefts[0] > 150, "half of the bars below zero have room"
    texts = [e.text for e in ElementTree.fromstring(spread(shown, None)).iter() if e.text]
    assert "3000" in texts, "and the axis says how far the last one goes"


def test_between_the_two_thresholds_of_a_belief_gap_nothing_is_said() -> None:
    crossed = factory.make_threshold().model_copy(update={"value": 1.0, "lower": 3.0})
    shown = Distributions(
        edges=[0.0, 1.0, 2.0, 3.0, 4.0], roles=[RoleScores(role="audit", counts=[1, 2, 3, 4])]
    )
    svg = spread(shown, crossed)
    for of, tall in (("quiet", [8.3]), ("between", [16.6, 24.8]), ("fires", [33.1])):
        assert [round(height, 1) for _, _, height in boxes(svg, of)] == tall
    texts = [e.text for e in ElementTree.fromstring(svg).iter() if e.text]
    assert {"present above 3.00", "absent below 1.00"} <= set(texts)


def _threshold(value: float) -> Threshold:
    return factory.make_threshold().model_copy(update={"value": value, "lower": None})


def test_the_roc_runs_where_its_rates_say() -> None:
    curve = Roc(
        fpr=[0.0, 0.25, 1.0],
        tpr=[0.0, 0.75, 1.0],
        operating_fpr=factory.estimate(0.25, 0.2, 0.3),
        operating_tpr=factory.estimate(0.75, 0.7, 0.8),
    )
    svg = roc(curve, factory.estimate(0.8, 0.7, 0.9))
    assert through(elements(svg, "found")[0]) == [(40, 212), (90, 62), (240, 12)]
    assert dots(svg, "fires") == [(90, 62)]
    across, upwards = (through(each) for each in elements(svg, "cut"))
    assert across == [(80, 62), (100, 62)]
    assert upwards == [(90, 72), (90, 52)]


def test_the_monitor_stands_above_what_is_simpler_at_its_auroc() -> None:
    quality = factory.make_quality()
    svg = simpler(quality)
    [(monitor, top)] = dots(svg, "fdot")
    others = dots(svg, "odot")
    assert all(y > top for _, y in others)
    values = [baseline.auroc.value for baseline in quality.baselines]
    [(chance, _), _] = through(elements(svg, "chance")[0])
    unit = (monitor - chance) / (quality.auroc.value - 0.5)
    assert unit > 0
    for (x, _), value in zip(others, values, strict=True):
        assert (x - chance) / unit == pytest.approx(value - 0.5, abs=0.002)


def test_the_chosen_layer_is_ringed() -> None:
    layers = factory.make_quality().layers
    svg = layer_curve(layers)
    marks = dots(svg, "fdot")
    chosen = [mark for mark, layer in zip(marks, layers, strict=True) if layer.chosen]
    assert dots(svg, "ring") == chosen
    heights = [-y for _, y in marks]
    assert sorted(range(4), key=heights.__getitem__) == sorted(
        range(4), key=[layer.auroc.value for layer in layers].__getitem__
    )


def over(**changes: object) -> Over:
    fields: dict[str, object] = {
        "title": "t",
        "places": [0.0, 100.0, 200.0],
        "names": ["a", "b", "c"],
        "lines": [Line("found", [0.0, 0.5, None])],
        "limit": 0.25,
        "marks": [Mark(100.0, "alarm at 100")],
        "gone": [200.0],
    }
    return Over(**(fields | changes))  # type: ignore[arg-type]


def test_lines_marks_and_gaps_lie_at_their_steps() -> None:
    svg = lines_over(over())
    [(first, bottom), (second, top)] = dots(svg, "fdot")
    [(_, level), _] = through(elements(svg, "limit")[0])
    assert (bottom - level) / (bottom - top) == pytest.approx(0.5, abs=0.01)
    [(alarm, _), _] = through(elements(svg, "alarm")[0])
    assert alarm == second
    [gone] = elements(svg, "gone")
    middle = sum(x for x, _ in through(gone)) / 4
    assert middle - second == pytest.approx(second - first, abs=0.2)


def test_an_interval_is_a_band_and_one_alone_a_box() -> None:
    whole = Line("found", [0.2, 0.3], [0.1, 0.2], [0.3, 0.4])
    pair = over(lines=[whole], places=[0.0, 1.0], names=["a", "b"], gone=[], marks=[])
    assert elements(lines_over(pair), "band")[0].tag.endswith("path")
    alone = Line("found", [0.2, 0.3], [0.1, None], [0.3, None])
    single = over(lines=[alone], places=[0.0, 1.0], names=["a", "b"], gone=[], marks=[])
    assert elements(lines_over(single), "band")[0].tag.endswith("rect")


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30), st.floats(-5, 5))
def test_a_stronger_token_is_never_lighter_and_none_below_the_threshold_is_shaded(
    values: list[float], cut: float
) -> None:
    scores = TokenScores(tokens=["x"] * len(values), values=values, read=[0])
    steps = [int(token.style[1]) if token.style else 0 for token in strip(scores, cut)]
    for (a, s), (b, t) in itertools.combinations(zip(values, steps, strict=True), 2):
        assert (a - b) * (s - t) >= 0
    assert all((step > 0) == (value > cut) for value, step in zip(values, steps, strict=True))


def test_what_the_score_was_made_of_is_boxed_shaded_or_not() -> None:
    assert [shade(v, 0.0, 4.0, read=True) for v in (-1.0, 0.5, 4.0)] == ["r0", "r1", "r4"]
    assert [shade(v, 0.0, 4.0, read=False) for v in (-1.0, 0.5, 4.0)] == ["", "p1", "p4"]
    assert [shade(v, 0.0, 5e-324, read=False) for v in (0.0, 1.7e308)] == ["", "p4"]


def test_a_token_without_text_is_seen_and_a_hidden_one_is_shown() -> None:
    scores = TokenScores(tokens=["日", "", "\u202e", "::"], values=[0.0] * 4, read=[])
    assert [str(token.text) for token in strip(scores, 1.0)] == ["日", "·", "\\u202e", "::"]
