"""Evidence on a page: controls before arguments, every number with its interval, light, inert."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.features import Context, FeatureCard, TokenValue
from reports.html.audit import render_html
from reports.html.card import TOKENS, card_pages
from reports.html.features import LISTED, features_section
from reports.html.sentences import coded
from reports.parts import Estimate, Part
from reports.read import ReportError
from reports.record import CheckResult
from reports.text import is_hidden
from reports.views.features import ARGUMENTS
from reports.views.wording import estimate_words
from tests.reports import factory, features_factory
from tests.reports import feature_strategies as features
from tests.reports.hostile import HOSTILE
from tests.reports.page import read_page
from tests.reports.test_html import inert

checks = st.builds(
    features_factory.make_feature_check,
    sae=st.none() | features.saes,
    fidelity=st.none() | features.fidelities,
    watched=st.lists(features.watched, max_size=2),
    discovery=st.none() | features.discoveries,
    cards=st.lists(features.cards, max_size=2),
)


def page_of(check: CheckResult) -> str:
    return render_html(factory.make_report(checks=[check]))


def section(check: CheckResult) -> str:
    return str(features_section(check, "c-x"))


def said(html: str) -> str:
    """All that is read or seen on a part of a page."""
    page = read_page(html)
    return " ".join([*page.text, *(str(found.get("aria-label")) for _, found in page.elements)])


def estimates(part: object) -> list[Estimate]:
    """Every estimate in a part of a record, however deep."""
    if isinstance(part, Estimate):
        return [part]
    if isinstance(part, Part):
        return [
            found for name in type(part).model_fields for found in estimates(getattr(part, name))
        ]
    return [found for each in part for found in estimates(each)] if isinstance(part, list) else []


@settings(max_examples=50)
@given(checks)
def test_the_page_is_whole_and_inert(check: CheckResult) -> None:
    html = page_of(check)
    inert(read_page(html))
    assert not any(is_hidden(character) for character in html if character != "\n")


def test_hostile_text_is_shown_and_does_nothing() -> None:
    tokens = [TokenValue(token=text, value=1.0) for text in HOSTILE[:TOKENS]]
    worst = " ".join(HOSTILE)
    label = features_factory.make_label().model_copy(update={"text": worst, "source": worst})
    data = features_factory.make_dataset()
    context = Context(tokens=tokens, peak=3, value=1.0, row=worst)
    card = features_factory.make_card(
        label=label, why=worst, dataset=data.model_copy(update={"top": [context], "maximum": 1.0})
    )
    fidelity = features_factory.make_fidelity(faults=[worst])
    html = page_of(features_factory.make_feature_check(cards=[card], fidelity=fidelity))
    inert(read_page(html))
    assert "<script>alert(1)</script>" in said(html)
    assert not any(is_hidden(character) for character in html if character != "\n")


def test_what_is_wrong_with_the_sae_comes_before_everything_it_says() -> None:
    sound = section(features_factory.make_feature_check())
    faulty = section(
        features_factory.make_feature_check(
            fidelity=features_factory.make_fidelity(faults=["it explains <nothing>"])
        )
    )
    assert "Nothing may be concluded" not in sound
    assert faulty.index("it explains &lt;nothing&gt;") < faulty.index('<dl class="tiles">')
    assert faulty.index("it explains &lt;nothing&gt;") < faulty.index("<svg")


def test_controls_stand_before_the_arguments_and_all_seven_are_there() -> None:
    titles = re.findall(r"<h4>(.*?)</h4>", section(features_factory.make_feature_check()))
    assert titles == ["Beside its controls", *ARGUMENTS.values()]


def test_a_card_without_controls_is_not_shown() -> None:
    card = features_factory.make_card()
    bare = card.model_copy(update={"controls": card.controls.model_copy(update={"figures": []})})
    with pytest.raises(ReportError, match="no controls"):
        card_pages(features_factory.make_feature_check(cards=[bare]), "c-x")


def test_what_was_not_measured_is_said_with_its_reason() -> None:
    small = features_factory.make_small_card()
    html = section(features_factory.make_feature_check(cards=[small]))
    text = said(html)
    for name, title in ARGUMENTS.items():
        heading = f"<h4>{title}</h4>" in html
        assert heading == (getattr(small, name) is not None)
        assert title in text  # as an argument, or among those that were left out
    assert "the check has no prompts to steer on" in text
    assert "no other SAE was given" in text


def test_every_number_has_its_interval_and_n() -> None:
    check = features_factory.make_feature_check()
    text = said(section(check))
    found = [*estimates(check.watched), *estimates(check.discovery), *estimates(check.cards)]
    assert len(found) > 20
    density = check.cards[0].dataset.density  # in hundredths, since it may be tiny
    for each in found:
        # Changes are told with their sign.
        words = {estimate_words(each), estimate_words(each, signed=True)}
        assert each == density or any(word in text for word in words)
        assert f"n = {each.n}" in text


def test_a_check_without_features_says_nothing_of_them() -> None:
    assert section(factory.make_check()) == ""
    assert "watched" in section(features_factory.make_feature_check())


def test_tokens_are_shaded_by_the_maximum_in_the_data() -> None:
    html = section(features_factory.make_feature_check())
    assert '<i class="r4" title="4.81">Spain</i>' in html
    assert '<i class="p2" title="2.20">?</i>' in html
    assert "<i>claim</i>" in html


@given(st.integers(1, 200), st.data())
def test_the_peak_is_always_in_the_window(length: int, data: st.DataObject) -> None:
    peak = data.draw(st.integers(0, length - 1))
    tokens = [TokenValue(token=f"t{place}", value=float(place == peak)) for place in range(length)]
    card = features_factory.make_card()
    context = Context(tokens=tokens, peak=peak, value=1.0)
    made = card.dataset.model_copy(update={"top": [context], "maximum": 1.0, "bands": []})
    card = card.model_copy(update={"dataset": made, "synthetic": None})
    strip = card_pages(features_factory.make_feature_check(cards=[card]), "c-x")[0].top[0]
    assert [token.text for token in strip.tokens if token.style == "r4"] == [f"t{peak}"]
    assert strip.before + len(strip.tokens) + strip.after == length
    assert len(strip.tokens) <= TOKENS


def large_card() -> FeatureCard:
    """More of everything than a page has room for."""
    data = features_factory.make_dataset()
    long = features_factory.make_context()
    long = long.model_copy(update={"tokens": long.tokens * 30, "peak": 131})
    tried, joint = features_factory.make_synthetic(), features_factory.make_joint()
    use = features_factory.make_use()
    return features_factory.make_card(
        dataset=data.model_copy(update={"top": [long] * 40, "bands": data.bands * 20}),
        synthetic=tried.model_copy(update={"base": long, "edits": tried.edits * 50}),
        joint=joint.model_copy(update={"path": joint.path * 20}),
        use=use.model_copy(update={"promotes": use.promotes * 50, "effects": use.effects * 2}),
    )


def test_a_card_stays_light_whatever_it_holds() -> None:
    card = large_card()
    bare = len(section(features_factory.make_feature_check(cards=[])))
    weight = len(section(features_factory.make_feature_check(cards=[card])).encode()) - bare
    assert weight < 60_000
    assert len(card.model_dump_json()) > 200_000  # it was cut
    assert "the whole card lies in" in said(section(features_factory.make_feature_check()))


def test_more_features_than_a_table_holds_are_counted() -> None:
    many = [features_factory.make_watched()[0]] * (LISTED + 7)
    assert "7 more are in" in section(features_factory.make_feature_check(watched=many))


def test_two_cards_of_one_feature_have_two_anchors() -> None:
    card = features_factory.make_card()
    twice = features_factory.make_feature_check(cards=[card, card])
    ids = read_page(page_of(twice)).ids
    assert len(ids) == len(set(ids))
    assert sum(name.endswith((":1", ":2")) for name in ids) == 2


@pytest.mark.parametrize(
    ("sentence", "markup"),
    [
        ("reads `a<b>` here", "reads <code>a&lt;b&gt;</code> here"),
        ("one ` alone", "one ` alone"),
        ("`a` and ` more", "<code>a</code> and ` more"),
        ("", ""),
    ],
)
def test_backticks_become_code(sentence: str, markup: str) -> None:
    assert coded(sentence) == markup
