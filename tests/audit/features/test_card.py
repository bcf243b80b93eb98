"""A feature that was put there: every part of its card points at it, and its control does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from audit.errors import UsageError
from audit.features.card import explain_features
from audit.features.corpus import Contrast, Corpus
from audit.features.pieces import pieces
from probes.sae import Origin
from reports.features import FeatureCard, FeatureLabel
from reports.markdown.card import card_markdown
from tests.audit.features.planted import FIRST, PLACE, random_sae, state_of, token_sae
from tests.audit.features.rows import random_rows, words


@pytest.fixture(scope="module")
def corpus(tiny_llama: Any) -> Corpus:
    found = random_rows(tiny_llama, words(tiny_llama, 12))
    return replace(found, contrasts=(Contrast(300, 301),) * len(found))


@pytest.fixture(scope="module")
def card(tiny_llama: Any, corpus: Corpus) -> FeatureCard:
    """Feature 0 fires on the first word, where the first block reads."""
    sae = token_sae(tiny_llama, words(tiny_llama, 12))
    table = tiny_llama.model.get_input_embeddings().weight.detach()
    sae = replace(sae, W_dec=table[words(tiny_llama, 12)])  # each feature decodes to its word
    before = state_of(tiny_llama)
    (found,) = explain_features(
        tiny_llama,
        replace(sae, origin=Origin("memory", hook_name=FIRST)),
        [0],
        corpus,
        why="planted",
        other_seed=sae,
        labels={0: FeatureLabel(text="the word", source="who planted it")},
    )
    assert state_of(tiny_llama) == before
    return found


def test_all_seven_arguments_are_measured(card: FeatureCard) -> None:
    assert card.not_measured == []
    for name in ("synthetic", "visualisation", "joint", "implementation", "use", "rule"):
        assert getattr(card, name) is not None, name
    assert (card.why, card.sae.hook_name) == ("planted", FIRST)
    assert card.label is not None
    assert FeatureCard.model_validate_json(card.model_dump_json()) == card


def test_every_argument_points_at_the_planted_word(tiny_llama: Any, card: FeatureCard) -> None:
    (word,) = pieces(tiny_llama.tokenizer, words(tiny_llama, 1))
    assert {c.tokens[c.peak].token for c in card.dataset.top} == {word}
    assert card.rule is not None
    assert card.rule.description == f'the token "{word}"'
    assert card.rule.detection.value == card.rule.fuzzing.value == 1.0
    assert card.synthetic is not None
    assert card.synthetic.needed == [word]
    assert card.visualisation is not None
    assert card.visualisation.tokens[0].tokens == [word]
    assert card.visualisation.tokens[0].relative == pytest.approx(1.0)
    assert card.implementation is not None
    assert card.implementation.tokens[0].name == word


def test_the_controls_are_beside_it_and_score_lower(card: FeatureCard) -> None:
    """A random direction of embeddings fires on some words too, but not on this one alone."""
    figures = {figure.name: figure for figure in card.controls.figures}
    assert figures["AUROC"].random_sae is not None
    assert figures["AUROC"].random_sae.value < figures["AUROC"].feature.value == 1.0
    assert figures["AUROC"].probe is not None
    for name in ("rule, detection", "rule, fuzzing"):
        assert figures[name].random_sae is not None
        assert figures[name].random_sae.value <= figures[name].feature.value == 1.0
    assert figures["rule, detection"].note != f"the random feature's rule: {card.rule.description}"
    assert card.controls.other_seed is not None
    assert card.controls.other_seed.survives
    assert card.controls.other_seed.feature == 0


def test_a_card_becomes_markdown(card: FeatureCard) -> None:
    text = card_markdown(card)
    assert "Random SAE" in text
    assert text.index("Random SAE") < text.index("Where in the data it fires")


def test_what_cannot_be_measured_is_named_with_its_reason(tiny_llama: Any, corpus: Corpus) -> None:
    """A feature that is silent on these rows, read where nothing is known of them."""
    silent = random_sae(b_enc=torch.full((48,), -1e6))
    (card,) = explain_features(
        tiny_llama,
        silent,
        [3],
        replace(corpus, event=None, contrasts=None),
        hook_name="blocks.1.hook_mlp_out",
        depth="quick",
    )
    said = "\n".join(card.not_measured)
    assert card.not_measured[0].startswith("the SAE does not describe this model")
    assert card.dataset.maximum == 0
    for name in ("2. synthetic", "4. joint", "5. implementation"):
        assert f"{name}" in said
    assert "7. rule: the feature fires in no group" in said
    assert "3. visualisation: left out by the quick card" in said
    assert "controls: nothing is known of these rows" in said
    assert card.controls.other_seed_lacks
    assert [figure.name for figure in card.controls.figures] == ["density"]
    card_markdown(card)


def test_a_bug_is_not_taken_for_what_cannot_be_measured(
    tiny_llama: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("audit.features.card.synthetic_examples", broken)
    with pytest.raises(ZeroDivisionError):
        explain_features(
            tiny_llama, random_sae(), [3], corpus, hook_name=PLACE, depth="quick", seed=1
        )


def test_the_same_inputs_make_the_same_bytes(tiny_llama: Any, corpus: Corpus) -> None:
    few = corpus.take(np.arange(40))
    one, two = (
        explain_features(tiny_llama, random_sae(), [3, 5, 3], few, hook_name=PLACE, depth="quick")
        for _ in range(2)
    )
    assert [card.feature for card in one] == [3, 5]
    assert [c.model_dump_json() for c in one] == [c.model_dump_json() for c in two]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"features": [48]}, "no feature 48"),
        ({"hook_name": None}, "do not say where it reads"),
        ({"hook_name": "blocks.9.hook_resid_post"}, "block 9"),
        ({"explain": "tokns"}, "did you mean 'tokens'"),
        ({"sae": random_sae(16)}, "width"),
    ],
)
def test_a_mistake_is_a_sentence(
    tiny_llama: Any, corpus: Corpus, wrong: dict[str, Any], message: str
) -> None:
    given = {"sae": random_sae(), "features": [1], "hook_name": PLACE} | wrong
    sae, features = given.pop("sae"), given.pop("features")
    with pytest.raises(UsageError, match=message):
        explain_features(tiny_llama, sae, features, corpus, **given)
