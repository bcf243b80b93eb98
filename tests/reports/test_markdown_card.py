"""A card is whole, opens with its controls, and nothing in it comes alive."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from reports.features import Controls, FeatureCard, PathStep, Writer
from reports.markdown.audit import render_markdown
from reports.markdown.card import card_markdown
from reports.markdown.pieces import Limit
from reports.read import ReportError, read_report
from reports.record import Estimate
from reports.views.features import ARGUMENTS, rate_words
from reports.views.wording import estimate_words, percent
from tests.reports import factory
from tests.reports import features_factory as features
from tests.reports.feature_strategies import cards
from tests.reports.hostile import HOSTILE
from tests.reports.test_markdown import MARKDOWN, assert_inert, assert_safe_to_print, table_cells

CHOICES = {"kind"}  # fields whose words are ours
CHOSEN = {"ablate", "steer", "random_direction", "random_feature"}


def poisoned(value: Any, text: str) -> Any:
    """The same part with another text in every place that takes any."""
    if isinstance(value, str):
        return text
    if isinstance(value, list):
        return [poisoned(item, text) for item in value]
    if isinstance(value, dict):
        return {
            (text if key.isdigit() else key): item if key in CHOICES else poisoned(item, text)
            for key, item in value.items()
        }
    return value


def parts(value: Any) -> Iterator[Any]:
    """Every part and every plain value within one."""
    yield value
    if isinstance(value, list | tuple):
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        yield from parts([*value, *value.values()])
    elif hasattr(type(value), "model_fields") and not isinstance(value, Estimate):
        for name in type(value).model_fields:
            yield from parts(getattr(value, name))


def titles(markdown: str) -> list[tuple[str, str]]:
    parsed = MARKDOWN.parse(markdown)
    return [
        (token.tag, parsed[i + 1].content)
        for i, token in enumerate(parsed)
        if token.type == "heading_open"
    ]


@settings(max_examples=100, deadline=None)
@given(cards)
def test_any_card_is_inert_and_is_the_same_twice(card: FeatureCard) -> None:
    markdown = card_markdown(card)
    assert_inert(markdown)
    assert_safe_to_print(markdown)
    assert markdown == card_markdown(FeatureCard.model_validate_json(card.model_dump_json()))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_hostile_text_is_inert_wherever_it_stands_in_a_card(hostile: str) -> None:
    for text in (hostile, f"a{hostile}b"):
        card = FeatureCard.model_validate(poisoned(features.make_card().model_dump(), text))
        markdown = card_markdown(card)
        assert_inert(markdown)
        assert_safe_to_print(markdown)


def test_the_controls_come_first_and_the_arguments_in_their_order() -> None:
    found = titles(card_markdown(features.make_card()))
    assert found[0] == ("h2", 'Feature 12 "says false in public"')
    assert found[1:] == [("h3", t) for t in ("Beside its controls", *ARGUMENTS.values())]
    assert titles(card_markdown(features.make_card(), level=6))[-1][0] == "h6"


def test_everything_in_a_card_is_told() -> None:
    """Every name, and every number with its interval, stands in the Markdown."""
    card = features.make_card()
    markdown = card_markdown(card).replace("│", " ").replace("`", "")
    elsewhere = {*card.dataset.histogram.edges[1:-1], card.sae.promised_l0}
    for part in parts(card):
        if isinstance(part, Estimate):
            told = {estimate_words(part), estimate_words(part, signed=True), rate_words(part)}
            assert any(words in markdown for words in told), part
        elif isinstance(part, str):
            assert part.replace("`", "") in markdown or part in CHOSEN, part
        elif isinstance(part, float) and part not in elsewhere:
            told = {f"{abs(part):.2f}", f"{abs(part):.1f}", percent(part)}
            assert any(words in markdown for words in told), part


def test_what_a_card_lacks_is_named_with_its_reasons() -> None:
    markdown = card_markdown(features.make_small_card())
    missing = markdown[markdown.index("### Not measured") :]
    for name, title in ARGUMENTS.items():
        assert (title in missing) == (name != "dataset")
        assert (f"### {title}" in markdown) == (name == "dataset")
    assert "- use: the check has no prompts to steer on" in missing
    assert "there is none: no other SAE was given" in markdown
    assert "nobody has labelled it" in markdown
    silent = card_markdown(features.make_small_card(not_measured=[]))
    assert "no reason was recorded" in silent
    assert "Not measured" not in card_markdown(features.make_card())


def test_each_effect_stands_in_the_row_of_its_strength_and_the_column_of_its_kind() -> None:
    markdown = card_markdown(features.make_card())
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    start = next(i for i, line in enumerate(lines) if "Divergence" in line)
    header = [cell.strip() for cell in table_cells(lines[start])]
    rows = {}
    for line in lines[start + 2 : start + 7]:
        cells = [cell.strip() for cell in table_cells(line)]
        rows[cells[0]] = dict(zip(header, cells, strict=True))
    whose = {"ablate": "this feature", "steer": "this feature"}
    for effect in features.make_use().effects:
        row = rows["taken away" if effect.kind == "ablate" else f"{effect.strength:+.2f}"]
        who = whose.get(effect.kind, effect.kind.replace("_", " "))
        assert row[f"Divergence: {who}"] == estimate_words(effect.kl)
        assert row[f"Behaviour: {who}"] == estimate_words(effect.behaviour, signed=True)
    assert list(rows) == ["taken away", "-0.80", "-0.40", "+0.40", "+0.80"]
    assert rows["+0.40"]["Divergence: random direction"] == "-"


def test_the_edits_that_hurt_most_come_first_and_the_rest_is_folded() -> None:
    markdown = card_markdown(features.make_card())
    edits = re.findall(r"^\| (?:drop|swap) \| .* \| ([\d.]+) \| [\d.]+ % \|$", markdown, re.M)
    assert [float(edit) for edit in edits] == sorted(float(edit) for edit in edits)
    assert len(edits) == len(features.make_synthetic().edits) == 10
    assert "<summary>2 edits that leave more</summary>" in markdown


def test_a_card_without_controls_cannot_be_built_or_read(tmp_path: Path) -> None:
    whole = features.make_card().model_dump()
    with pytest.raises(ValidationError, match="controls"):
        FeatureCard.model_validate({k: v for k, v in whole.items() if k != "controls"})
    with pytest.raises(ValidationError, match="at least 1 item"):
        Controls(figures=[])
    stored = json.loads(features.make_feature_report().to_json())
    for check in stored["checks"]:
        for card in check["cards"]:
            card["controls"]["figures"] = []
    path = tmp_path / "report.json"
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(ReportError, match=r"cards\.0\.controls\.figures: .*at least 1 item"):
        read_report(path)


def test_a_card_without_controls_is_not_rendered() -> None:
    """Also where somebody went around the type."""
    bare = features.make_card().model_copy(
        update={"controls": Controls.model_construct(figures=[])}
    )
    with pytest.raises(ReportError, match="the card of feature 12 has no controls"):
        card_markdown(bare)
    check = features.make_feature_check().model_copy(update={"cards": [bare]})
    report = factory.make_report().model_copy(update={"checks": [check]})
    with pytest.raises(ReportError, match="the card of feature 12 has no controls"):
        render_markdown(report)


def test_hidden_characters_of_a_token_are_seen() -> None:
    context = features.make_context(place="\u202eniapS")
    dataset = features.make_dataset().model_copy(update={"top": [context]})
    markdown = card_markdown(features.make_card(dataset=dataset))
    assert "│\\u202eniapS│" in markdown
    assert '4.81 at "\\u202eniapS"' in markdown


def test_a_card_is_folded_into_its_check_and_goes_before_anything_else_when_room_is_short() -> None:
    report = features.make_feature_report()
    whole = render_markdown(report, limit=Limit(10**6))
    assert_inert(whole)
    section = whole.index("lying/lying_feature</code>: 0.31")
    card = whole.index("<summary>Evidence on feature 12 <code>says false in public</code>")
    assert section < whole.index("#### Other rows", section) < card
    cut = render_markdown(report, limit=Limit(len(whole) - 1))
    assert "Cut to fit" in cut
    assert "Evidence on feature 12" not in cut
    rows = re.compile(r"^ +\d+\. score", re.MULTILINE)
    assert len(rows.findall(cut)) == len(rows.findall(whole))
    assert_inert(cut)


def test_spaces_at_the_ends_of_a_token_are_drawn() -> None:
    use = features.make_use().model_copy(
        update={"promotes": [Writer(name=name, weight=0.5) for name in (" pl", "a b", "  ", " x ")]}
    )
    markdown = card_markdown(features.make_card(use=use))
    assert "- Promotes: `␣pl` +0.50, `a b` +0.50, `␣␣` +0.50, `␣x␣` +0.50\n" in markdown


def test_the_path_tells_who_is_active_where_this_feature_first() -> None:
    path = [
        PathStep(tokens=["a", " b"], activations={"9": 0.0, "12": 2.0, "8": 0.0}),
        PathStep(tokens=["a"], activations={"9": 0.0, "12": 0.0, "8": 0.0}),
        PathStep(tokens=["c"], activations={"9": 0.0, "12": 1.0, "8": 4.0}),
    ]
    joint = features.make_joint().model_copy(update={"path": path})
    markdown = card_markdown(features.make_card(joint=joint))
    block = markdown[markdown.index("feature 12     ") :].split("\n```")[0]
    assert block.splitlines() == [
        "feature 12     █·▄  2.00 to 1.00",
        "feature 8      ··█  0.00 to 4.00",
        "  1. feature 12 2.00",
        "     | a│ b",
        "  2. none is active",
        "     | a",
        "  3. feature 12 1.00, feature 8 4.00",
        "     | c",
    ]
