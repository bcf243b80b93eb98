"""Sentences about features say what is there and what is not."""

from __future__ import annotations

from reports.features import FeatureCard, FeatureLabel
from reports.views.features import (
    ARGUMENTS,
    changes_sentence,
    discovery_sentence,
    label_words,
    left_out,
    mentions,
    rate_words,
    seed_sentence,
)
from tests.reports import factory
from tests.reports import features_factory as features


def test_every_argument_of_a_card_has_its_number() -> None:
    optional = [name for name, field in FeatureCard.model_fields.items() if not field.is_required()]
    assert [name for name in ARGUMENTS if name != "dataset"] == [
        name for name in optional if name not in {"label", "not_measured"}
    ]
    assert [title[:2] for title in ARGUMENTS.values()] == [f"{i}." for i in range(1, 8)]
    assert left_out(features.make_card()) == ()
    assert len(left_out(features.make_small_card())) == 6


def test_a_check_without_features_has_nothing_to_say_of_them() -> None:
    assert not list(mentions(factory.make_check()))


def test_a_discovery_that_could_not_be_tested_is_not_one_that_found_nothing() -> None:
    untested = features.make_discovery(tested=0, found=[], significant=0, notes=["one group"])
    assert discovery_sentence(untested).endswith("These rows do not allow a test.")
    (said,) = mentions(factory.make_check(discovery=untested))
    assert said == "which features go with `the model misbehaves` could not be tested"
    nothing = features.make_discovery(found=[], significant=0)
    (said,) = mentions(factory.make_check(discovery=nothing))
    assert "0 are significant" in said


def test_more_that_is_significant_than_listed_is_said() -> None:
    many = features.make_discovery(significant=40)
    assert "40 are significant at a false-discovery rate of 5 %, the first 2" in discovery_sentence(
        many
    )
    (said,) = mentions(factory.make_check(discovery=many))
    assert 'feature 12 "says false in public", feature 301 and 38 more' in said
    assert "the first" not in changes_sentence(features.make_changes())


def test_a_long_name_takes_no_number_from_its_sentence() -> None:
    event = "x" * 5000
    assert discovery_sentence(features.make_discovery(event=event)).endswith("by the same steps.")


def test_a_label_without_a_source_says_so() -> None:
    assert label_words(FeatureLabel(text="lies", source="")) == '"lies" (source: not given)'
    assert label_words(None) == "nobody has labelled it"


def test_what_another_seed_says() -> None:
    match = features.make_controls().other_seed
    assert match is not None
    assert seed_sentence(match, "").startswith("the feature survives; its best match is")
    gone = match.model_copy(update={"survives": False})
    assert seed_sentence(gone, "").startswith("the feature does not survive;")
    assert seed_sentence(None, "") == "there is none: no reason was recorded"


def test_rates_that_are_tiny_keep_their_digits() -> None:
    assert rate_words(factory.estimate(4.2e-5, 1e-5, 9e-5)) == "0.0042 % (0.001 to 0.009 %)"
    assert rate_words(factory.estimate(0.31, None, None)) == "31 %"
