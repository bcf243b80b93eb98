"""The section of a model card is replaced in place; the hub's own reader reads the results."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from huggingface_hub import (
    ModelCard,
    eval_result_entries_to_yaml,
    parse_eval_result_entries,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.markdown.check import SIGNS
from reports.markdown.model_card import (
    BEGIN,
    END,
    HEADER,
    eval_results,
    model_card,
    replace_section,
)
from reports.markdown.pieces import COMMENT_LIMIT
from reports.read import ReportError
from reports.record import AuditReport
from reports.text import is_hidden
from reports.views.audit import view_report
from tests.reports import factory
from tests.reports.hostile import HOSTILE
from tests.reports.strategies import reports
from tests.reports.test_markdown import assert_inert, assert_safe_to_print, table_cells

CARD = "---\nlicense: mit\ntags:\n- tiny\n---\n\n# A model\n\nIt lies.\n"


def without_our_own(markdown: str) -> str:
    """The section with its two comments in the words that the check of inertness knows."""
    ours = f"^({re.escape(BEGIN)}|{re.escape(END)})$"
    return re.sub(ours, "<!-- alignment-audit -->", markdown, flags=re.MULTILINE)


def everywhere(text: str) -> AuditReport:
    """A report that holds the text in every place that takes some."""
    gate = factory.make_gate(reason=text, kind=text, detail={"attribute": text})
    named: dict[str, Any] = {"id": text, "suite": text, "concept": text, "hook_name": text}
    check = factory.make_check(**named, description=text, gates=[gate], monitor=text)
    suite = factory.make_report().suites[0].model_copy(update={"name": text, "digest": text})
    return factory.make_report(
        checks=[check, factory.make_error_check(**named, reasons=[text], gates=[])],
        not_measured=[text],
        suites=[suite],
        model=factory.make_model(name=text, architecture=text, weights_digest=text),
        provenance=factory.make_provenance(
            created=text, command=["audit", text], packages={text: text}
        ),
    )


@settings(max_examples=60, deadline=None)
@given(reports)
def test_any_section_is_inert_and_stands_between_its_comments(report: AuditReport) -> None:
    section = model_card(report)
    assert section.startswith(f"{BEGIN}\n## Alignment audit\n\n{SIGNS[report.verdict]} **")
    assert section.endswith(f"\n\n{END}\n")
    assert [section.splitlines().count(comment) for comment in (BEGIN, END)] == [1, 1]
    assert len(section) <= COMMENT_LIMIT.most
    assert_inert(without_our_own(section))
    assert_safe_to_print(section)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_hostile_text_is_inert_in_the_section_and_in_the_results(hostile: str) -> None:
    for text in (hostile, f"a{hostile}b", BEGIN + hostile, f"{hostile}\n{END}\n"):
        report = everywhere(text)
        section = model_card(report)
        assert_inert(without_our_own(section))
        assert replace_section(section, section) == section
        results = eval_results(report)
        assert results.isascii()
        assert not [c for c in results if c != "\n" and is_hidden(c)]
        assert len(parse_eval_result_entries(yaml.safe_load(results))) == 1


def test_a_section_tells_verdict_rate_interval_n_limit_and_what_the_monitor_is_worth() -> None:
    section = model_card(factory.make_report())
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    assert {len(table_cells(line)) for line in lines[: 2 + 7]} == {len(HEADER)}
    (flagged,) = [line for line in lines if "The model asserts" in line and "**flag**" in line]
    for said in ("0.31 [0.24, 0.39]", "0.10", "n = 200 in 100 groups", "+0.42 [0.37, 0.47]"):
        assert said in flagged
    for said in (
        "12 of 400 activations",
        "❌ **flag** (suppressed) | `organism_sycophancy/flattery`",
        "suite `organism_lying`, version 1",
        "5eed" * 16,
        "$ audit run organism_lying --model organism:liar",
        "The run is partial: not for gating.",
        "not that the model is free of the concept",
    ):
        assert said in section
    assert "Lisbon" not in section, "rows of the data are not for a page that search engines read"


def test_a_section_of_many_gates_is_cut_and_closed() -> None:
    checks = [factory.make_check(id=f"check-{i}") for i in range(600)]
    section = model_card(factory.make_report(checks=checks))
    assert len(section) <= COMMENT_LIMIT.most
    assert "Cut to fit" in section
    assert section.endswith(f"{END}\n")


def test_a_card_without_a_section_gets_one_at_its_end_and_then_keeps_its_place() -> None:
    section = model_card(factory.make_report())
    once = replace_section(CARD, section)
    assert once == f"{CARD}\n{section}"
    other = model_card(factory.make_report(seed=1))
    more = f"{once}\n## Licence\n\nMIT.\n"
    assert replace_section(more, other) == f"{CARD}\n{other}\n## Licence\n\nMIT.\n"
    assert replace_section(replace_section(more, other), section) == more
    assert replace_section("", section) == section


@given(st.text("ab-\n", max_size=40))
def test_replacing_twice_is_replacing_once_and_the_rest_is_untouched(card: str) -> None:
    section = f"{BEGIN}\nx\n{END}\n"
    once = replace_section(card, section)
    assert replace_section(once, section) == once
    assert once.startswith(card.rstrip("\n"))


def test_the_hub_still_reads_the_card() -> None:
    card = ModelCard(replace_section(CARD, model_card(factory.make_report())))
    assert card.data.to_dict() == {"license": "mit", "tags": ["tiny"]}
    assert "## Alignment audit" in card.text


def test_line_breaks_of_the_card_are_kept() -> None:
    card = replace_section(CARD.replace("\n", "\r\n"), model_card(factory.make_report()))
    assert not re.search(r"(?<!\r)\n", card)


@pytest.mark.parametrize(
    ("card", "lines"),
    [
        (f"a\n{BEGIN}\n", "2"),
        (f"{END}\n{BEGIN}", "1, 2"),
        (f"{BEGIN}\n{END}\n{BEGIN}\n", "1, 2, 3"),
    ],
)
def test_half_a_section_is_refused_with_its_line(card: str, lines: str) -> None:
    with pytest.raises(ReportError, match=f"holds them on line {lines}: mend or delete them"):
        replace_section(card, model_card(factory.make_report()))


@settings(max_examples=60, deadline=None)
@given(reports)
def test_any_results_are_read_by_the_hub_as_they_are_meant(report: AuditReport) -> None:
    stored = yaml.safe_load(eval_results(report))
    entries = parse_eval_result_entries(stored)
    assert eval_result_entries_to_yaml(entries) == stored
    measured = [
        view.check
        for view in view_report(report).checks
        if view.verdict in ("pass", "warn", "flag") and any(g.estimate for g in view.check.gates)
    ]
    assert len(entries) == len(measured)
    told = {gate.estimate.value for c in measured for gate in c.gates if gate.estimate}
    for entry in entries:
        assert entry.value in told
        assert re.fullmatch(r"alignment-audit/[A-Za-z0-9._-]+", entry.dataset_id)


def test_an_entry_says_what_its_number_rests_on() -> None:
    results = eval_results(factory.make_report(), {"organism_lying": "someone/lying"})
    entries = {entry.task_id: entry for entry in parse_eval_result_entries(yaml.safe_load(results))}
    assert set(entries) == {"lying", "trigger", "flattery"}
    lying = entries["lying"]
    assert (lying.dataset_id, lying.value) == ("someone/lying", 0.31)
    assert lying.date == "2026-01-31T12:00:00+00:00"
    assert lying.notes is not None
    assert lying.notes.startswith(
        "flag: firing rate 0.31 [0.24, 0.39], limit 0.10, n = 200 in 100 groups"
    )
    assert entries["flattery"].notes is not None
    assert entries["flattery"].notes.startswith("flag (suppressed): ")
    assert entries["trigger"].dataset_id == "alignment-audit/organism_trigger"


def test_a_broken_instrument_has_no_entry_and_that_is_said() -> None:
    results = eval_results(factory.make_report())
    assert "# no entry for truth/larger_than: inconclusive\n" in results
    assert "# no entry for organism_bias/favouring: error\n" in results
    nothing = eval_results(factory.make_report(checks=[], provenance=None))
    assert yaml.safe_load(nothing) == []


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (
            {"organism_liar": "a/b"},
            r"'organism_liar', which was not asked \(asked: .*_lying",
        ),
        ({"organism_lying": "lying"}, "is to be a `namespace/name`, and not 'lying'"),
    ],
)
def test_a_wrong_dataset_is_refused(ids: dict[str, str], says: str) -> None:
    with pytest.raises(ReportError, match=says):
        eval_results(factory.make_report(), ids)
