"""Features on a terminal: safe, within the width, readable without colour."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import given, settings
from rich.cells import cell_len
from rich.console import Console

from reports.features import (
    Controls,
    Discovery,
    FeatureCard,
    FeatureChanges,
    Fidelity,
    Part,
    SAEInfo,
)
from reports.read import ReportError
from reports.terminal.audit import print_report
from reports.terminal.features import print_card, print_changes, print_discovery, print_fidelity
from reports.text import is_hidden
from tests.reports import factory
from tests.reports import features_factory as features
from tests.reports.feature_strategies import cards, changes, discoveries, fidelities, saes
from tests.reports.hostile import HOSTILE
from tests.reports.test_markdown_card import poisoned

Say = Callable[[Console], None]


def printed(say: Say, *, width: int = 80) -> str:
    file = StringIO()
    say(Console(file=file, width=width, color_system=None, highlight=False))
    return file.getvalue()


def sayings(
    card: FeatureCard,
    discovery: Discovery,
    changed: FeatureChanges,
    fidelity: Fidelity,
    sae: SAEInfo,
) -> list[Say]:
    return [
        lambda console: print_card(card, console),
        lambda console: print_discovery(discovery, console),
        lambda console: print_changes(changed, console),
        lambda console: print_fidelity(fidelity, console),
        lambda console: print_fidelity(fidelity, console, sae),
    ]


def ours() -> list[Say]:
    return sayings(
        features.make_card(),
        features.make_discovery(),
        features.make_changes(),
        features.make_fidelity(faults=["explained variance is 0.2"]),
        features.make_sae(),
    )


def assert_fine(text: str, width: int = 80) -> None:
    assert not [c for c in text if c != "\n" and is_hidden(c)]
    assert all(cell_len(line) <= width for line in text.splitlines())


@settings(max_examples=40, deadline=None)
@given(cards, discoveries, changes, fidelities, saes)
def test_any_of_them_is_safe_and_fits(
    card: FeatureCard,
    discovery: Discovery,
    changed: FeatureChanges,
    fidelity: Fidelity,
    sae: SAEInfo,
) -> None:
    for say in sayings(card, discovery, changed, fidelity, sae):
        assert_fine(printed(say))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_data_is_never_markup_and_never_moves_the_cursor(hostile: str) -> None:
    def bad(part: Part) -> Part:
        return type(part).model_validate(poisoned(part.model_dump(), hostile))

    for say in sayings(
        bad(features.make_card()),
        bad(features.make_discovery()),
        bad(features.make_changes()),
        features.make_fidelity(faults=[hostile]),
        bad(features.make_sae()),
    ):
        assert_fine(printed(say))


@pytest.mark.parametrize("width", [20, 40, 120, 200])
def test_other_widths_work_and_our_own_words_are_ascii(width: int) -> None:
    for say in ours():
        text = printed(say, width=width)
        assert_fine(text, width)
        text.encode("ascii")


def test_the_controls_stand_before_the_arguments() -> None:
    text = printed(lambda console: print_card(features.make_card(), console))
    assert text.index("0.63 [0.53, 0.72]") < text.index("1. Where in the data it fires")
    assert "the feature survives; its best match is feature 405" in " ".join(text.split())


def test_a_digit_stands_under_each_token_that_it_fires_on() -> None:
    text = printed(lambda console: print_card(features.make_card(), console))
    lines = text.splitlines()
    above = lines.index("  | claim|:|Lisbon|is|in|Spain|?|public|answer")
    assert lines[above + 1] == "  |                   11 99999 4        222222"


def test_a_card_says_what_it_lacks() -> None:
    text = printed(lambda console: print_card(features.make_small_card(), console))
    assert "7. A rule that says when it fires: left out" in text
    assert "use: the check has no prompts to steer on" in text
    assert "there is none: no other SAE was given" in text


def test_a_card_without_controls_is_not_printed() -> None:
    bare = features.make_card().model_copy(
        update={"controls": Controls.model_construct(figures=[])}
    )
    with pytest.raises(ReportError, match="no controls"):
        printed(lambda console: print_card(bare, console))


def test_a_report_has_a_line_for_each_thing_to_say_of_features() -> None:
    report = features.make_feature_report()
    text = " ".join(printed(lambda console: print_report(report, console)).split())
    for said in (
        'feature 12 "says false in public" is active on 31 % (24 to 39 %) of audit rows',
        "of 512 features tested against `the model misbehaves`, 2 are significant at",
        "A random SAE of the same shape yields 0 by the same steps",
        'the report holds evidence on feature 12 "says false in public"',
    ):
        assert said in text
    plain = printed(lambda console: print_report(factory.make_report(), console))
    assert "Features" not in plain


def test_many_watched_features_are_counted() -> None:
    check = features.make_feature_check(watched=features.make_watched() * 3)
    report = factory.make_report(checks=[check])
    text = " ".join(printed(lambda console: print_report(report, console)).split())
    assert "and 3 more watched features" in text
