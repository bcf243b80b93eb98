"""Where features fire: the numbers of a plain forward pass, and contexts without repetition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from audit.errors import UsageError
from audit.features.contexts import FeatureTokens, feature_tokens
from audit.features.corpus import Corpus
from audit.features.examples import BINS, dataset_examples, top_contexts
from audit.features.pieces import Pieces, pieces
from probes.proportions import rate
from probes.sae import SAEError, TopK
from tests.audit.features.planted import FIRST, PLACE, random_sae, reading, token_sae
from tests.audit.features.rows import random_rows, words


@pytest.fixture(scope="module")
def corpus(tiny_llama: Any) -> Corpus:
    return random_rows(tiny_llama, words(tiny_llama, 12))


@pytest.mark.parametrize("activation", [None, TopK(5)])
def test_every_activation_is_that_of_a_plain_forward_pass(
    tiny_llama: Any, corpus: Corpus, activation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.features.contexts._CELLS_AT_ONCE", 500)  # several parts of a batch
    sae = random_sae() if activation is None else random_sae(activation=activation)
    some = corpus.take(np.arange(0, 80, 3))
    found = feature_tokens(tiny_llama, sae, [7, 0, 31], some, hook_name=PLACE)
    expected = [
        reading(tiny_llama, sae, ids, 2)[list(at)]
        for ids, at in zip(some.ids, some.positions, strict=True)
    ]
    for feature in (7, 0, 31):
        column = torch.cat(expected)[:, feature].numpy()
        np.testing.assert_allclose(found.dense(feature), column, atol=2e-6)
        np.testing.assert_allclose(
            found.row_maximum(feature), [rows[:, feature].max() for rows in expected], atol=2e-6
        )
        assert found.maximum(feature) == pytest.approx(column.max(), abs=2e-6)
    assert [
        int(some.ids[r][p]) for r, p in zip(found.row, found.position, strict=True)
    ] == found.ids.tolist()


def test_what_does_not_exist_is_refused(tiny_llama: Any, corpus: Corpus) -> None:
    with pytest.raises(SAEError, match="no feature 48"):
        feature_tokens(tiny_llama, random_sae(), [48], corpus, hook_name=PLACE)
    with pytest.raises(UsageError, match="no place named"):
        feature_tokens(tiny_llama, random_sae(), [1], corpus, hook_name="blocks.0.nowhere")


def test_the_contexts_of_a_planted_token_all_peak_on_it(tiny_llama: Any, corpus: Corpus) -> None:
    token = words(tiny_llama, 12)[0]
    tokens = feature_tokens(
        tiny_llama, token_sae(tiny_llama, [token]), [0], corpus, hook_name=FIRST
    )
    text = pieces(tiny_llama.tokenizer, [token])[0]
    examples = dataset_examples(tokens, 0, Pieces(tiny_llama.tokenizer), top=5)
    times = sum(row.count(token) for row in corpus.ids)
    assert len(examples.top) == 5
    for context in [*examples.top, *(c for band in examples.bands for c in band.contexts)]:
        assert context.tokens[context.peak].token == text
        assert context.value == context.tokens[context.peak].value == pytest.approx(1, abs=1e-5)
        assert sum(t.value > 0 for t in context.tokens) == sum(
            t.token == text for t in context.tokens
        )
    assert sum(examples.histogram.counts) == times
    assert len(examples.histogram.edges) == BINS + 1
    assert examples.density.value == pytest.approx(times / corpus.n_tokens)
    judge = rate(tokens.ids == token, tokens.groups)
    assert (examples.density.low, examples.density.high) == (judge.low, judge.high)


def test_bands_part_the_positive_activations_into_tenths(tiny_llama: Any, corpus: Corpus) -> None:
    tokens = feature_tokens(tiny_llama, random_sae(), [4], corpus, hook_name=PLACE)
    values = np.sort(tokens.of(4)[1])
    examples = dataset_examples(tokens, 4, Pieces(tiny_llama.tokenizer))
    assert len(examples.bands) == 10
    for band, tenth in zip(examples.bands, np.array_split(values, 10), strict=True):
        assert (band.low, band.high) == (tenth[0], tenth[-1])
        assert 1 <= len(band.contexts) <= 5
        assert all(band.low <= context.value <= band.high for context in band.contexts)
    falling = [context.value for context in examples.top]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == pytest.approx(values[-1])


def test_what_said_the_same_up_to_its_peak_is_shown_once_and_counted(
    tiny_llama: Any, corpus: Corpus
) -> None:
    """Each row twice, the second time with another end: half of the contexts are repetitions."""
    few = corpus.take(range(12))
    ends = replace(
        few,
        ids=few.ids + tuple((*ids[:-1], words(tiny_llama, 13)[12]) for ids in few.ids),
        positions=few.positions * 2,
        rows=few.rows + tuple(f"again-{row}" for row in few.rows),
        groups=np.tile(few.groups, 2),
        event=None,
    )
    one, both = (
        feature_tokens(tiny_llama, random_sae(), [4], some, hook_name=PLACE) for some in (few, ends)
    )
    heads = [
        {context.ids[: context.peak + 1] for context in top_contexts(tokens, 4, count=50, window=4)}
        for tokens in (one, both)
    ]
    assert len(heads[1]) == len(top_contexts(both, 4, count=50, window=4))
    shown = dataset_examples(both, 4, Pieces(tiny_llama.tokenizer), top=50, window=4)
    assert shown.duplicates >= len(heads[0]) // 2
    assert dataset_examples(one, 4, Pieces(tiny_llama.tokenizer), top=50).duplicates == 0


def test_a_silent_feature_has_no_contexts(tiny_llama: Any, corpus: Corpus) -> None:
    nothing = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
    tokens = FeatureTokens(corpus, (3,), (nothing[0],), (nothing[1],))
    examples = dataset_examples(tokens, 3, Pieces(tiny_llama.tokenizer))
    assert (examples.top, examples.bands, examples.maximum) == ([], [], 0.0)
    assert examples.density.value == 0
    assert top_contexts(tokens, 3) == []
    assert tokens.row_maximum(3).tolist() == [0.0] * len(corpus)


def test_a_context_ends_behind_its_peak_and_begins_with_the_row(
    tiny_llama: Any, corpus: Corpus
) -> None:
    tokens = feature_tokens(tiny_llama, random_sae(), [4], corpus, hook_name=PLACE)
    for context in top_contexts(tokens, 4, window=4):
        row = corpus.rows.index(context.row)
        assert context.ids == corpus.ids[row][: context.peak + 3]
        assert context.start == max(0, context.peak - 4)
        assert context.value == pytest.approx(
            float(reading(tiny_llama, random_sae(), corpus.ids[row], 2)[context.peak, 4]), abs=2e-6
        )


def test_parts_of_characters_and_unknown_ids_stay_apart(tiny_llama: Any) -> None:
    tokenizer = tiny_llama.tokenizer
    ids = tokenizer("the é €", add_special_tokens=False)["input_ids"]
    texts = pieces(tokenizer, [*ids, 10_000])
    assert texts[0] == "the"
    assert texts[-1] == "<10000>"
    assert not any("\ufffd" in text for text in texts)
    assert len(set(texts)) == len({*ids, 10_000})
    for text in texts:
        text.encode("utf-8")
