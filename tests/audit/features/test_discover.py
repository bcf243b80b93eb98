"""The feature of the event is found and nothing else; where nothing can be found, it says why."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from audit.errors import UsageError
from audit.features import discover
from audit.features.changed import changed_features
from audit.features.corpus import Corpus
from audit.features.discover import discover_features
from audit.features.events import event_corpus
from audit.models.loading import wrap_model
from probes.sae import SAE
from probes.sae.controls import random_sae
from probes.sae.statistics import feature_rows
from reports.features import FeatureLabel
from tests.audit.features.planted import FIRST, PLACE, state_of, token_sae
from tests.audit.features.rows import random_rows, words


@pytest.fixture(scope="module")
def tokens(tiny_llama: Any) -> list[int]:
    return words(tiny_llama, 12)


@pytest.fixture(scope="module")
def sae(tiny_llama: Any, tokens: list[int]) -> SAE:
    return token_sae(tiny_llama, tokens)


@pytest.fixture(scope="module")
def corpus(tiny_llama: Any, tokens: list[int]) -> Corpus:
    """Two rows to a group; the event is that the first word occurs."""
    return random_rows(tiny_llama, tokens, n=160, length=8)


def test_the_feature_of_the_event_is_found_and_no_other(tiny_llama, sae, corpus):
    before = state_of(tiny_llama)
    heard: list[int] = []
    found = discover_features(
        tiny_llama,
        sae,
        corpus,
        hook_name=FIRST,
        labels={0: FeatureLabel(text="the word", source="planted")},
        progress=heard.append,
    )
    assert state_of(tiny_llama) == before
    assert heard[-1] == sum(map(len, corpus.ids))
    assert (found.tested, found.alive, found.significant) == (12, 12, 1)
    [one] = found.found
    assert (one.feature, one.rank) == (0, 1)
    assert one.label is not None
    assert (one.rate_with.value, one.rate_without.value) == (1.0, 0.0)
    assert (one.lift.value, one.auroc.value) == (1.0, 1.0)
    assert one.mean_with == pytest.approx(1.0, abs=1e-4)
    assert one.mean_without == 0.0
    assert one.p_value == pytest.approx(found.smallest_p)
    assert one.q_value == pytest.approx(12 * one.p_value)
    assert one.lift.n == found.test_rows
    assert found.selection_rows + found.test_rows == 160
    assert found.selection_groups + found.test_groups == 80
    (note,) = found.notes
    assert "look stronger than they are" in note
    assert found.random_sae_found is None


def test_an_event_that_has_nothing_to_do_with_the_model_finds_nothing(tiny_llama, sae, corpus):
    found = 0
    for seed in range(10):
        event = np.random.default_rng(seed).permutation(corpus.event)
        shuffled = replace(corpus, event=event)
        found += discover_features(tiny_llama, sae, shuffled, hook_name=FIRST).significant
    assert found <= 2


def test_little_memory_changes_nothing(tiny_llama, sae, corpus, monkeypatch):
    whole = discover_features(tiny_llama, sae, corpus, hook_name=FIRST)
    monkeypatch.setattr(discover, "feature_rows", partial(feature_rows, max_entries=200))
    assert discover_features(tiny_llama, sae, corpus, hook_name=FIRST) == whole


def test_a_random_sae_goes_through_the_same_steps(tiny_llama, sae, corpus, tokens):
    x = tiny_llama.model.get_input_embeddings().weight[tokens].detach()
    control = random_sae(sae, x, random_state=0)
    record = discover_features(tiny_llama, sae, corpus, hook_name=FIRST, control=control)
    alone = discover_features(tiny_llama, control, corpus, hook_name=FIRST)
    assert record.random_sae_found == alone.significant
    # The SAE as its own control finds what it finds: the steps are the same.
    itself = discover_features(tiny_llama, sae, corpus, hook_name=FIRST, control=sae)
    assert itself.random_sae_found == itself.significant == 1


def test_top_cuts_the_list_and_not_the_family(tiny_llama, sae, corpus, tokens):
    two = np.array([tokens[0] in ids or tokens[1] in ids for ids in corpus.ids])
    both = replace(corpus, event=two)
    found = discover_features(tiny_llama, sae, both, hook_name=FIRST)
    assert {one.feature for one in found.found} == {0, 1}
    first = discover_features(tiny_llama, sae, both, hook_name=FIRST, top=1)
    assert first.found == found.found[:1]
    assert (first.significant, first.tested) == (2, 12)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (None, "not known on which rows"),
        (np.zeros(160, dtype=bool), "holds on none of the 160 rows"),
        (np.ones(160, dtype=bool), "holds on every one of the 160 rows"),
        (np.arange(160) < 2, "it holds in 1 of 80 groups"),
    ],
)
def test_where_nothing_can_be_found_it_says_why(tiny_llama, sae, corpus, event, said):
    record = discover_features(
        tiny_llama, sae, replace(corpus, event=event), hook_name=FIRST, notes=["said before"]
    )
    assert (record.found, record.significant, record.tested) == ([], 0, 0)
    assert record.notes[0] == "said before"
    assert said in record.notes[1]


def test_too_few_groups_for_so_many_features_are_told(tiny_llama, sae, corpus):
    few = corpus.take(range(12))
    assert few.event is not None
    few = replace(few, event=np.arange(12) // 2 < 3)
    [note] = discover_features(tiny_llama, sae, few, hook_name=FIRST).notes
    # Two test groups against two: one arrangement of six is the best there is.
    assert "no feature can have a p-value below 0.17" in note
    assert "more groups would" in note


@pytest.mark.parametrize(
    ("hook_name", "said"),
    [(None, "do not say where it reads"), ("blocks.9.hook_resid_post", "blocks.9")],
)
def test_a_place_that_is_not_there_is_named(tiny_llama, sae, corpus, hook_name, said):
    with pytest.raises(UsageError, match=said):
        discover_features(tiny_llama, sae, corpus, hook_name=hook_name)


def test_an_sae_of_another_width_is_refused(tiny_llama, sae, corpus):
    wide = replace(sae, W_enc=torch.zeros(40, 12), W_dec=torch.zeros(12, 40), b_dec=torch.zeros(40))
    with pytest.raises(UsageError, match=r"width 40, and .* is 32 wide"):
        discover_features(tiny_llama, wide, corpus, hook_name=PLACE)


# --- rows ---------------------------------------------------------------------------


def rows_of(groups: list[str], event: list[bool]) -> Corpus:
    n = len(groups)
    return Corpus(
        ids=((1, 2),) * n,
        positions=((0, 1),) * n,
        rows=tuple(f"{group}-{i}" for i, group in enumerate(groups)),
        groups=np.array(groups),
        event=np.array(event),
        event_name="the model misbehaves",
    )


def test_rows_that_know_both_sides_stay_by_themselves():
    audit = rows_of(["a", "b"], [True, False])
    assert event_corpus(audit, rows_of(["c"], [False])) == (audit, [])


def test_a_model_that_always_misbehaves_is_held_against_rows_where_it_behaves():
    audit = rows_of(["a", "a", "b"], [True] * 3)
    control = rows_of(["b", "c", "c", "d"], [False, False, True, False])
    joined, [note] = event_corpus(audit, control)
    assert joined.groups.tolist() == ["a", "a", "b", "c", "d"]
    assert joined.event.tolist() == [True, True, True, False, False]
    assert joined.rows[3:] == ("c-1", "d-3")
    assert "every one of the 3 audit rows" in note
    assert "2 control rows of 2 other groups" in note


def test_where_it_misbehaves_everywhere_there_is_nothing_beside_it():
    audit = rows_of(["a", "b"], [True, True])
    for control in (None, rows_of(["c"], [True])):
        joined, [note] = event_corpus(audit, control)
        assert joined is audit
        assert "control" in note


# --- two checkpoints ----------------------------------------------------------------


def swapped(loaded: Any, a: int, b: int) -> Any:
    """The model with another embedding for one token: that of `a` where `b` stood."""
    model = deepcopy(loaded.model)
    with torch.no_grad():
        model.get_input_embeddings().weight[b] = model.get_input_embeddings().weight[a]
    return wrap_model(model, loaded.tokenizer, name="after")


def test_a_feature_that_fires_on_one_more_word_is_found(tiny_llama, sae, corpus, tokens):
    after = swapped(tiny_llama, tokens[0], tokens[1])
    found = changed_features(tiny_llama, after, sae, corpus, hook_name=FIRST)
    [one] = found.found
    assert one.feature == 0
    has = np.array([[t in ids for t in tokens[:2]] for ids in corpus.ids])
    assert one.before.value == pytest.approx(has[:, 0].mean(), abs=1e-4)
    assert one.after.value == pytest.approx(has.any(axis=1).mean(), abs=1e-4)
    assert one.change.value == pytest.approx(one.after.value - one.before.value)
    assert one.change.low > 0
    assert (found.before, found.after) == (tiny_llama.name, "after")
    assert (found.rows, found.groups, found.tested) == (160, 80, 12)
    # What fell is what rises the other way round.
    back = changed_features(after, tiny_llama, sae, corpus, hook_name=FIRST)
    assert [one.feature for one in back.found] == [1]


def test_a_model_has_not_changed_from_itself(tiny_llama, sae, corpus):
    found = changed_features(tiny_llama, tiny_llama, sae, corpus, hook_name=FIRST)
    assert (found.found, found.significant, found.notes) == ([], 0, [])


def test_few_groups_are_told_of_checkpoints_too(tiny_llama, sae, corpus):
    found = changed_features(tiny_llama, tiny_llama, sae, corpus.take(range(4)), hook_name=FIRST)
    assert "below 0.25 on these groups" in found.notes[0]


def test_models_of_two_vocabularies_are_not_compared(tiny_llama, sae, corpus):
    other = deepcopy(tiny_llama.tokenizer)
    other.add_tokens(["zephyr"])
    stranger = wrap_model(tiny_llama.model, other, name="stranger")
    with pytest.raises(UsageError, match=f"{re.escape(tiny_llama.name)} and stranger have"):
        changed_features(tiny_llama, stranger, sae, corpus, hook_name=FIRST)
