"""A card is worth what it has above its controls: the same figures, by the same steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from audit.errors import UsageError
from audit.features.contexts import feature_tokens
from audit.features.controls import controls_for, lay_ground
from audit.features.corpus import Corpus
from audit.features.describing import Describer
from audit.features.other_seed import seed_matches
from audit.features.pieces import Pieces
from probes.sae import JumpReLU, TopK
from probes.sae.exchange import halves
from tests.audit.features.planted import FIRST, PLACE, random_sae, reading, token_sae
from tests.audit.features.rows import random_rows, words


@pytest.fixture(scope="module")
def corpus(tiny_llama: Any) -> Corpus:
    return random_rows(tiny_llama, words(tiny_llama, 12))


def test_a_planted_feature_stands_above_its_random_sae_and_beside_the_probe(
    tiny_llama: Any, corpus: Corpus
) -> None:
    sae = token_sae(tiny_llama, words(tiny_llama, 12))
    ground = lay_ground(tiny_llama, sae, [0], corpus, hook_name=FIRST)
    tokens = feature_tokens(tiny_llama, sae, [0], corpus, hook_name=FIRST)
    pieces = Pieces(tiny_llama.tokenizer)
    rule = Describer(tokens, pieces)(0)
    found = {f.name: f for f in controls_for(ground, tokens, 0, rule, pieces).figures}
    for name in ("AUROC", "rule, detection", "rule, fuzzing"):
        assert found[name].feature.value == 1.0
        assert found[name].random_sae is not None
    assert found["AUROC"].random_sae.value < 0.95
    assert found["AUROC"].probe is not None
    assert found["AUROC"].probe.value > 0.8
    assert corpus.event is not None
    assert found["AUROC"].feature.n == int(halves(corpus.event, corpus.groups, seed=0)[1].sum())


def test_auroc_and_probe_are_measured_on_groups_that_chose_nothing(
    tiny_llama: Any, corpus: Corpus
) -> None:
    """The same by hand: scikit-learn's area, on the other half, of a plain forward pass."""
    sae = random_sae()
    assert corpus.event is not None
    ground = lay_ground(tiny_llama, sae, [4], corpus, hook_name=PLACE, seed=3)
    tokens = feature_tokens(tiny_llama, sae, [4], corpus, hook_name=PLACE)
    figure = controls_for(ground, tokens, 4, None, Pieces(tiny_llama.tokenizer)).figures[0]
    _, test = halves(corpus.event, corpus.groups, seed=3)

    def pooled(which: Any) -> np.ndarray:
        return np.array(
            [
                float(reading(tiny_llama, which, ids, 2)[1:, feature].max())
                for ids, kept in zip(corpus.ids, test, strict=True)
                if kept
            ]
        )

    feature = 4
    assert figure.feature.value == pytest.approx(roc_auc_score(corpus.event[test], pooled(sae)))
    feature = ground.stands_for[4]
    assert figure.random_sae is not None
    assert figure.random_sae.value == pytest.approx(
        roc_auc_score(corpus.event[test], pooled(ground.random))
    )
    assert figure.probe is not None
    assert ground.probe is not None
    assert figure.probe.value == pytest.approx(roc_auc_score(corpus.event[test], ground.probe))


def test_the_random_feature_is_the_best_of_the_selection_half(
    tiny_llama: Any, corpus: Corpus
) -> None:
    assert corpus.event is not None
    ground = lay_ground(tiny_llama, random_sae(), [4, 5], corpus, hook_name=PLACE)
    everything = feature_tokens(tiny_llama, ground.random, range(48), corpus, hook_name=PLACE)
    chooses = ~ground.test
    scores = [
        roc_auc_score(corpus.event[chooses], everything.row_maximum(feature)[chooses])
        for feature in range(48)
    ]
    assert set(ground.stands_for.values()) == {int(np.argmax(scores))}


def test_without_an_event_the_random_feature_fires_as_often(
    tiny_llama: Any, corpus: Corpus
) -> None:
    unknown = replace(corpus, event=None)
    sae = random_sae(activation=JumpReLU(torch.full((48,), 0.4)))
    ground = lay_ground(tiny_llama, sae, [4, 9], unknown, hook_name=PLACE)
    tokens = feature_tokens(tiny_llama, sae, [4, 9], unknown, hook_name=PLACE)
    assert ground.stands_for == {4: 4, 9: 9}
    assert ground.probe is None
    assert "nothing is known" in ground.lacks
    (figure,) = controls_for(ground, tokens, 9, None, Pieces(tiny_llama.tokenizer)).figures
    assert figure.name == "density"
    assert figure.random_sae is not None
    assert figure.random_sae.value == pytest.approx(figure.feature.value, abs=0.002)


def test_too_little_of_an_event_is_said(tiny_llama: Any, corpus: Corpus) -> None:
    rare = replace(corpus, event=np.arange(len(corpus)) == 7)
    ground = lay_ground(tiny_llama, random_sae(), [4], rare, hook_name=PLACE)
    assert "fewer than two with rows on which the word occurs" in ground.lacks


@pytest.mark.parametrize("activation", [None, TopK(6)])
def test_a_feature_comes_back_in_a_dictionary_that_was_dealt_anew(
    tiny_llama: Any, corpus: Corpus, activation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.features.other_seed._CELLS_AT_ONCE", 5000)
    sae = random_sae() if activation is None else random_sae(activation=activation)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(0))
    dealt = replace(sae, W_enc=sae.W_enc[:, order], b_enc=sae.b_enc[order], W_dec=sae.W_dec[order])
    found = seed_matches(tiny_llama, sae, [4, 40], dealt, corpus, hook_name=PLACE)
    for feature, match in found.items():
        assert order[match.feature] == feature
        assert match.correlation == pytest.approx(1.0)
        assert match.cosine == pytest.approx(1.0)
        assert match.survives


def test_correlations_with_another_seed_are_numpys(tiny_llama: Any, corpus: Corpus) -> None:
    one = random_sae()
    generator = torch.Generator().manual_seed(11)
    rows = torch.randn(20, 32, generator=generator)
    other = replace(
        one,
        W_enc=rows.T.contiguous(),
        b_enc=torch.zeros(20),
        W_dec=rows / rows.norm(dim=1)[:, None],
    )
    found = seed_matches(tiny_llama, one, [4, 7], other, corpus, hook_name=PLACE)
    mine = feature_tokens(tiny_llama, one, range(48), corpus, hook_name=PLACE)
    theirs = feature_tokens(tiny_llama, other, range(20), corpus, hook_name=PLACE)
    b = np.stack([theirs.dense(feature) for feature in range(20)])
    for feature, match in found.items():
        expected = [np.corrcoef(mine.dense(feature), column)[0, 1] for column in b]
        assert match.feature == int(np.argmax(expected))
        assert match.correlation == pytest.approx(max(expected), abs=1e-6)
        back = [np.corrcoef(mine.dense(k), b[match.feature])[0, 1] for k in range(48)]
        mutual = int(np.argmax(back)) == feature
        assert match.survives == (mutual and max(expected) >= 0.7)


def test_an_sae_of_another_place_is_refused(tiny_llama: Any, corpus: Corpus) -> None:
    other = replace(random_sae(), origin=replace(random_sae().origin, hook_name=FIRST))
    with pytest.raises(UsageError, match=r"found one of blocks\.0\.hook_resid_pre"):
        seed_matches(tiny_llama, random_sae(), [4], other, corpus, hook_name=PLACE)
    with pytest.raises(UsageError, match="from 16 to 16"):
        seed_matches(tiny_llama, random_sae(), [4], random_sae(16), corpus, hook_name=PLACE)
