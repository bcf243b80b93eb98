"""The Markdown of a series tells every checkpoint, and nothing in it comes alive."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt

from reports.markdown.check import SIGNS
from reports.markdown.series import render_series_markdown
from reports.series import SeriesReport
from reports.views.series import check_said
from tests.reports import series_factory as factory
from tests.reports.factory import make_model
from tests.reports.hostile import HOSTILE
from tests.reports.series_strategies import series
from tests.reports.test_markdown import assert_inert, assert_safe_to_print, table_cells

OURS = re.compile(r"<summary>(?:[A-Z][A-Za-z ,']+)</summary>")
PICTURE = "![Rates over the checkpoints](series.svg)"


def without_our_own(markdown: str) -> str:
    """The one picture that is meant, and headings of folded parts, in words that are known."""
    assert markdown.count(PICTURE) <= 1
    plain = markdown.replace(PICTURE, "")
    return OURS.sub("<summary>What the words mean</summary>", plain)


def assert_tells_all(report: SeriesReport, markdown: str) -> None:
    assert f"# {SIGNS[report.verdict]} **{report.verdict}** " in markdown.splitlines()[1]
    assert f"Exit code {report.exit_code}: " in markdown
    head = markdown.partition("\n## The checkpoints\n")[2].split("\n## ")[0]
    lines = [line for line in head.splitlines() if line.startswith("| ")]
    told = [re.findall(r"\*\*(\w+)\*\*", table_cells(line)[0])[0] for line in lines[2:]]
    assert told == [row.verdict for row in report.checkpoints]
    assert len({len(table_cells(line)) for line in lines}) <= 1
    words = [check_said(check).verdict for row in report.checkpoints for check in row.checks]
    for verdict in words:
        assert f"{SIGNS[verdict]} **{verdict}**" in markdown


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(series)
def test_any_series_is_inert_and_tells_every_verdict(report: SeriesReport) -> None:
    markdown = render_series_markdown(report)
    assert_inert(without_our_own(markdown))
    assert_safe_to_print(markdown)
    assert_tells_all(report, markdown)
    assert markdown == render_series_markdown(SeriesReport.model_validate_json(report.to_json()))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_hostile_text_is_inert_wherever_it_stands(hostile: str) -> None:
    for text in (hostile, f"a{hostile}b", f"see {hostile}, or {hostile}."):
        markdown = render_series_markdown(everywhere(text))
        assert_inert(without_our_own(markdown))
        assert_safe_to_print(markdown)


def everywhere(text: str) -> SeriesReport:
    """A series that holds the text in every place that takes some."""
    gate = factory.make_gate_reading(kind=text, attribute=text, reason=text, second=[text])
    check: dict[str, Any] = {"suite": text, "check": text, "concept": text, "hook_name": text}
    fidelity = factory.make_fidelity(0.9).model_copy(update={"faults": [text]})
    reading = factory.make_reading(
        **check,
        reasons=[text],
        gates=[gate],
        state_reason=text,
        notes=[text],
        sae=factory.SAEDrift(reference=fidelity, here=fidelity, kept=0.9),
    )
    named: dict[str, Any] = {"name": text, "source": text, "base": text, "run": text}
    rows = [
        factory.make_row(**named, reasons=[text], checks=[reading], step=step, kind="adapter")
        for step in (1, 2)
    ]
    broken = factory.make_row(**named, verdict="error", reasons=[text], checks=[], step=None)
    outlook = factory.make_outlook(skill=text, warning=True)
    track = factory.make_track(
        suite=text, check=text, kind=text, attribute=text, outlook=outlook, blind=[1]
    )
    return factory.make_series(
        reference=text,
        reference_model=make_model(name=text, architecture=text, weights_digest=text),
        options={text: text},
        checkpoints=[*rows, broken],
        tracks=[track, track],
        stop=factory.make_stop(sentence=text, checkpoint=text, tracks=[text], kept=text),
        hidden=[text],
        notes=[text],
    )


def test_the_check_of_inertness_sees_what_is_alive() -> None:
    for alive in ("![x](http://e)", "<summary>@octocat</summary>", PICTURE.replace("s", "S", 1)):
        with pytest.raises(AssertionError):
            assert_inert(without_our_own(f"- a\n\n{alive}\n"))


def test_tables_are_tables() -> None:
    """Every table of the document parses, folded ones too: rows as wide as their head."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(render_series_markdown(factory.make_series()))
    assert sum(token.type == "table_open" for token in tokens) == 11
    assert not [t for t in tokens if t.type == "inline" and t.content.startswith("| ")]


def test_no_checkpoint_of_a_long_run_is_left_out() -> None:
    markdown = render_series_markdown(factory.make_quiet())
    assert all(f"`checkpoint-{50 * place}`" in markdown for place in range(200))


def test_the_three_probes_stand_beside_each_other_and_the_believed_one_stands_out() -> None:
    markdown = render_series_markdown(factory.make_series())
    section = markdown.partition("The three probes on every checkpoint")[2].split("</details>")[0]
    of_600 = section.partition("| 600 | ")[2].splitlines()[:3]
    assert [line.lstrip("| ").split(" | ")[0] for line in of_600] == [
        "frozen",
        "realigned",
        "**refit**",
    ]
    assert "88 %" in of_600[1]


def test_what_was_found_is_argued_for_and_against() -> None:
    markdown = render_series_markdown(factory.make_series())
    for said in (
        "neither is shown to come first",
        "no better than persistence",
        "WARNING",
        "intervals leave room for another state; contradicted by the realigned probe",
        "model.safetensors holds 12 values that are not finite",
        "(adapter over `run/checkpoint-0`)",
        "suites that the run never saw, with records of their own: `hidden/organism_bias`",
        "no proof",
        "no probe could be believed at steps 500, 600",
        "24 [18, 30] **alarm**",
    ):
        assert said in markdown, said


def test_the_first_audit_of_a_run_is_a_report_without_a_picture() -> None:
    markdown = render_series_markdown(factory.make_reference_only())
    assert PICTURE not in markdown
    assert "**warming up**: nothing is tested before step 200" in markdown
    assert "Everything that was asked for was measured." in markdown


def test_nothing_audited_is_said() -> None:
    markdown = render_series_markdown(factory.make_series(checkpoints=[], exit_code=5))
    assert "no checkpoint was audited. Exit code 5: nothing was audited." in markdown


def test_a_series_without_steps_speaks_of_places() -> None:
    rows = [row.model_copy(update={"step": None}) for row in factory.make_series().checkpoints]
    track = factory.make_track(alarm_step=8, first_exceeded=7, onset=None, behaviour_onset=None)
    markdown = render_series_markdown(factory.make_series(checkpoints=rows, tracks=[track]))
    assert "**alarm at place 8**: its limit of 10 % exceeded since place 7" in markdown
    assert markdown.count("**alarm**") == 1
    assert "24 [18, 30] **alarm**" in markdown
