"""The bench's report in two formats: the same figures, inert whatever a record holds."""

from __future__ import annotations

import html as html_of_python
import re

import pytest

from reports.drawing.ground_truth import aurocs_drawn, leads_drawn
from reports.ground_truth import GroundTruth
from reports.html.ground_truth import render_html
from reports.markdown.ground_truth import goals_table, render_markdown
from reports.markdown.pieces import Limit
from reports.text import is_hidden
from reports.views.ground_truth import HOW_TO_READ, view_ground_truth
from tests.reports.ground_truth_factory import make_record
from tests.reports.hostile import HOSTILE
from tests.reports.page import read_page
from tests.reports.test_html import inert

RECORD = make_record()
FULL = make_record("full")


def text_of(html: str) -> str:
    return " ".join("".join(read_page(html).text).split())


def plain(markdown: str) -> str:
    """Markdown without the marks of code and emphasis."""
    return html_of_python.unescape(re.sub(r"[`*\\]", "", markdown))


def hostile(text: str) -> GroundTruth:
    """Every string that could have come from outside is this one."""
    member = RECORD.members[0]
    facts = {**member.facts, "what": text, "method": text}
    said = [
        one.model_copy(update={"check": text, "gate": text, "reason": text, "verdict": verdict})
        for one, verdict in zip(member.monitors[0].gates, ["flag", "inconclusive"] * 8, strict=True)
    ]
    monitors = [member.monitors[0].model_copy(update={"monitor": text, "gates": said})]
    changed = {"name": text, "facts": facts, "check": text, "monitors": monitors}
    missed = [one.model_copy(update={"verdict": "inconclusive"}) for one in said]
    other = [monitors[0].model_copy(update={"gates": missed})]
    return RECORD.model_copy(
        update={
            "preset": text,
            "goals": [
                one.model_copy(update={"name": text, "goal": text, "note": text})
                for one in RECORD.goals
            ],
            "monitors": [one.model_copy(update={"monitor": text}) for one in RECORD.monitors],
            "cells": [one.model_copy(update={"fact": text, "value": text}) for one in RECORD.cells],
            "members": [
                member.model_copy(update=changed),
                member.model_copy(update={**changed, "monitors": other, "behaviour": 1.0}),
            ],
        }
    )


@pytest.mark.parametrize("record", [RECORD, FULL], ids=["standard", "full"])
def test_every_figure_is_the_same_in_both_formats(record: GroundTruth) -> None:
    view = view_ground_truth(record)
    page, markdown = text_of(render_html(record)), plain(render_markdown(record))
    told = [view.headline, view.population, view.leads.sentence, *HOW_TO_READ]
    told += [text.replace("`", "") for text in (view.summary, *(c.sentence for c in view.broken))]
    for goal in view.goals:
        told += [goal.name, goal.found, goal.goal, goal.met, goal.rests]
    for one in view.monitors:
        told += [one.name, one.auroc, one.missed, one.not_flagged, one.false_flags]
        told += [one.inconclusive, one.meaning]
    for model in view.models:
        told += [model.name, model.behaviour, model.truth, model.verdict, *model.marks]
        told += [model.by.replace("`", ""), model.alarm, model.passed, model.seconds]
    for said in told:
        assert said in page, said
        assert said in markdown, said


def test_every_cell_and_every_model_stands_in_a_row_of_both_formats() -> None:
    view = view_ground_truth(RECORD)
    page, markdown = text_of(render_html(RECORD)), plain(render_markdown(RECORD)).splitlines()
    for one in view.cells:
        cell = one.cell
        counts = f"{cell.models} | {cell.misbehaving} | {cell.flagged} | {cell.inconclusive} | "
        assert [line for line in markdown if f"| {one.value}" in line and f"| {counts}" in line], (
            one
        )
        assert f"{one.value}{one.meaning}{cell.models}{cell.misbehaving}{cell.flagged}" in page
    for model in view.models:
        assert sum(f"| {model.name} " in line for line in markdown) == 1
        assert page.count(model.name) == 1
    names = [re.escape(model.name) for model in view.models]
    in_order = re.findall("|".join(sorted(names, key=len, reverse=True)), page)
    assert in_order == [model.name for model in view.models]


def test_parts_come_in_the_order_in_which_they_are_asked_for() -> None:
    headings = ["The goals", "The monitors beside one another", "Before or after the behaviour",
                "Where it broke", "One left out", "Every model",
                "How to read it"]  # fmt: skip
    assert re.findall("^## (.*)$", render_markdown(RECORD), re.MULTILINE) == headings
    found = re.findall(r"<h2[^>]*>(.*?)</h2>", render_html(RECORD))
    assert found == [*headings, "What the words mean"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    record = GroundTruth.model_validate(hostile(text).model_dump())
    html, markdown = render_html(record), render_markdown(record)
    inert(read_page(html))
    for shown in (html, markdown):
        assert not [c for c in shown if c != "\n" and is_hidden(c)]
    assert "##[" not in markdown
    assert "##vso[" not in markdown
    assert sum(line.startswith("| ") for line in goals_table(record).splitlines()) == 2 + len(
        record.goals
    )
    table = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert len(table) == len(
        [line for line in render_markdown(hostile("plain")).splitlines() if line.startswith("| ")]
    )


@pytest.mark.parametrize("text", ["@octocat", "<script>alert(1)</script>", "#123"])
def test_markdown_sets_what_means_something_in_code(text: str) -> None:
    outside_of_code = render_markdown(hostile(text)).split("`")[::2]
    assert not any(text in part for part in outside_of_code)


def test_hostile_text_is_shown() -> None:
    assert "<script>alert(1)</script>" in text_of(render_html(hostile("<script>alert(1)</script>")))


EMPTY = {
    "no adversary": {
        "members": [one for one in RECORD.members if not one.facts["adversarial"]],
        "cells": [one for one in RECORD.cells if one.fact != "evasion"],
    },
    "no lead": {"leads": [], "members": [one for one in RECORD.members if not one.alarms]},
    "nobody passes": {
        "leads": [],
        "members": [one for one in RECORD.members if not one.facts["misbehaves"]],
    },
    "one model": {"members": RECORD.members[:1], "cells": [], "leads": [0.0], "models": 1},
    "nothing": {
        "members": [], "cells": [], "leads": [], "models": 0, "goals": [], "monitors": [],
    },
    "all agree": {"members": RECORD.members[:1], "cells": RECORD.cells[:2], "leads": [20.0]},
}  # fmt: skip


@pytest.mark.parametrize("part", EMPTY)
def test_an_empty_part_is_rendered(part: str) -> None:
    record = RECORD.model_copy(update=EMPTY[part])
    html, markdown = render_html(record), render_markdown(record)
    inert(read_page(html))
    assert view_ground_truth(record).leads.sentence in text_of(html)
    assert view_ground_truth(record).leads.sentence in markdown
    assert not re.search(r"\b(nan|inf)\b", html)
    assert ">None<" not in html


def test_what_is_met_is_said_in_words_and_by_a_sign() -> None:
    view, html = view_ground_truth(RECORD), render_html(RECORD)
    assert '<header class="top flag">' in html
    first = html[html.index('id="goals-title"') : html.index("</table>")]
    said = re.findall(r'<span class="badge (\w+)"><svg[^>]*><use href="#v-(\w+)"/></svg>([^<]+)<',
                      first)  # fmt: skip
    assert said == [(one.tone, one.tone, one.met) for one in view.goals if one.tone]
    assert "| **NOT met** |" in goals_table(RECORD)


def test_the_table_of_goals_is_part_of_the_text_and_short() -> None:
    table = goals_table(RECORD)
    assert table in render_markdown(RECORD)
    assert len(table.splitlines()) == 2 + len(RECORD.goals)


def test_three_hundred_models_weigh_less_than_two_megabytes() -> None:
    missed = [one for one in RECORD.members if one.facts["misbehaves"]]
    many = [
        missed[i % len(missed)].model_copy(update={"name": f"model-{i}", "alarms": []})
        for i in range(300)
    ]
    record = RECORD.model_copy(update={"members": many, "models": 300})
    assert len(render_html(record).encode()) < 2_000_000
    assert len(render_html(FULL).encode()) < 2_000_000


def test_where_room_is_short_the_models_go_first_and_it_is_said() -> None:
    markdown = render_markdown(RECORD, limit=Limit(16_000))
    assert len(markdown) <= 16_000
    assert "Cut to fit" in markdown
    assert goals_table(RECORD) in markdown
    assert view_ground_truth(RECORD).models[-1].name not in markdown


def test_equal_records_give_equal_bytes() -> None:
    again = GroundTruth.model_validate_json(RECORD.model_dump_json())
    assert render_html(again) == render_html(RECORD)
    assert render_markdown(again) == render_markdown(RECORD)


def test_leads_are_drawn_on_their_side_of_the_behaviour() -> None:
    drawn = leads_drawn([-20.0, 0.0, 0.0, 40.0], 3, "a sentence")
    assert drawn is not None
    assert drawn.count('class="fires"') == 1
    assert drawn.count('class="fdot"') == 2
    assert drawn.count('class="invalid"') == 1
    assert leads_drawn([], 0, "a sentence") is None
    counts = re.findall(r'class="strong"[^>]*>(\d+)<', drawn)
    assert sorted(counts) == ["1", "1", "2", "3"]


@pytest.mark.parametrize(
    "leads", [[0.0], [-1e12, 1e12], [1e-9], [5.0, 5.5], [float(n * n) for n in range(99)], []]
)
def test_any_leads_can_be_drawn(leads: list[float]) -> None:
    drawn = leads_drawn(leads, 1, "a sentence")
    assert drawn is not None
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert drawn.count("<rect") <= 64


def test_no_auroc_no_picture() -> None:
    assert aurocs_drawn([]) is None
    bare = RECORD.model_copy(
        update={"monitors": [m.model_copy(update={"auroc": None}) for m in RECORD.monitors]}
    )
    inert(read_page(render_html(bare)))
