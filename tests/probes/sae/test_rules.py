"""A planted rule is found and holds on groups it never saw; noise holds nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from probes.base import ProbeError
from probes.sae.firings import Firings, firings
from probes.sae.rules import EXPLAINERS, best_rule, explainer, explainer_names
from probes.sae.token_rules import Candidate

WORDS = ["the", " cat", " Dog", " sat", " on", " mat", ".", " 42", " 7", " not", "ing", " running"]


def rows(n: int = 120, length: int = 16, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[WORDS[i] for i in rng.integers(len(WORDS), size=length)] for _ in range(n)]


def planted(rule: Callable[[list[str], int], bool], window: int = 8) -> Firings:
    texts = rows()
    acts = [[float(rule(text, i)) * 2 for i in range(len(text))] for text in texts]
    return firings(texts, acts, [f"g{i // 2}" for i in range(len(texts))], window=window)


def before(text: list[str], i: int) -> str:
    return text[i - 1] if i else ""


RULES: dict[str, Callable[[list[str], int], bool]] = {
    'the token " cat"': lambda text, i: text[i] == " cat",
    'the token " cat" or " on" or "."': lambda text, i: text[i] in (" cat", " on", "."),
    'a token that ends in "at"': lambda text, i: text[i] in (" cat", " sat", " mat"),
    'the token after " not"': lambda text, i: before(text, i) == " not",
    'two tokens after " not"': lambda text, i: i > 1 and text[i - 2] == " not",
    'the token before "."': lambda text, i: text[i + 1 : i + 2] == ["."],
    'the token " cat" after " not"': lambda text, i: (
        text[i] == " cat" and before(text, i) == " not"
    ),
    "a token of digits": lambda text, i: text[i].strip().isdigit(),
    "a capitalised token": lambda text, i: text[i] == " Dog",
    'a token that ends in "ing"': lambda text, i: text[i].endswith("ing"),
    "the first token of a row": lambda text, i: i == 0,
    "the last token of a row": lambda text, i: i == len(text) - 1,
}


@pytest.mark.parametrize("words", RULES)
def test_a_planted_rule_is_found_and_holds_on_groups_that_did_not_propose_it(words: str) -> None:
    found = best_rule(planted(RULES[words]))
    assert found.detection.value == found.fuzzing.value == 1.0
    assert found.hard is None or found.hard.value == 1.0
    assert found.detection.low is not None
    assert found.detection.low > 0.6
    if words == "a capitalised token":  # one token alone is capitalised: both say the same
        assert found.description in (words, 'the token " Dog"')
    elif " or " in words:  # in any order
        assert sorted(found.description.split('"')[1::2]) == [" cat", " on", "."]
    elif "digits" in words:
        assert found.description in (words, "a token with a digit")
    else:
        assert found.description == words


def test_a_rule_over_the_row_and_a_conjunction() -> None:
    """Fires on full stops, but only where the row has said " not" before."""
    found = best_rule(planted(lambda text, i: text[i] == "." and " not" in text[:i]))
    assert found.detection.value == found.fuzzing.value == 1.0
    assert found.hard is not None
    assert found.hard.value == 1.0
    assert found.description == 'the token ".", which is also a token later in a row than " not"'


def test_random_activations_have_no_rule() -> None:
    texts, values = rows(), []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        acts = [np.maximum(rng.normal(size=16) - 1.5, 0) for _ in texts]
        found = best_rule(firings(texts, acts, range(len(texts)), window=8), random_state=seed)
        values.append((found.detection.value, found.fuzzing.value))
        for estimate in (found.detection, found.fuzzing):
            assert estimate.low is not None
            assert estimate.low < 0.55
    assert np.mean(values, axis=0) == pytest.approx([0.5, 0.5], abs=0.03)


def test_scores_are_those_of_scikit_learn_on_the_groups_that_did_not_propose() -> None:
    """An explainer that always says the same, and everything else done again by hand."""
    given = planted(lambda text, i: text[i] in (" cat", ".") and i > 3, window=4)
    seen: list[Firings] = []

    def explain(some: Firings) -> Sequence[Candidate]:
        seen.append(some)
        return [Candidate("it is a cat", lambda f: f.codes == f.code_of[" cat"])]

    found = best_rule(given, explain=explain)
    assert found.description == "it is a cat"
    proposing = set(seen[0].groups)
    rest = given.rows(np.array([group not in proposing for group in given.groups]))
    truth, said, tokens_true, tokens_said = [], [], [], []
    for context in np.unique(rest.context):
        here = rest.context == context
        cat = rest.codes[here] == rest.code_of[" cat"]
        truth.append(rest.fires[here].any())
        said.append(cat.any())
        if truth[-1]:
            tokens_true += rest.fires[here].tolist()
            tokens_said += cat.tolist()
    assert len(truth) > 40
    assert found.detection.value == pytest.approx(balanced_accuracy_score(truth, said))
    assert found.fuzzing.value == pytest.approx(balanced_accuracy_score(tokens_true, tokens_said))
    assert found.detection.n == len(truth)
    assert found.fuzzing.n == len(tokens_true)
    assert found.detection.n_groups == len(set(rest.groups))


def test_hard_negatives_are_silent_contexts_with_the_same_tokens() -> None:
    """Where " cat" fires only after " not", the rule "a cat" fails on hard negatives alone."""
    given = planted(lambda text, i: text[i] == " cat" and before(text, i) == " not", window=4)
    cat = Candidate("it is a cat", lambda f: f.codes == f.code_of[" cat"])
    found = best_rule(given, explain=lambda some: [cat])
    assert found.hard is not None
    assert found.hard.value == 0.5  # all that fire are found, and no other is told apart
    assert found.detection.value > 0.8


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda text, i: False, "in no group"),
        (lambda text, i: text is FIRST and i == 0, "in one group only"),
        (lambda text, i: True, "every context"),
        (lambda text, i: text[0] == " cat", "every token"),
    ],
)
def test_what_cannot_be_tested_is_said(
    rule: Callable[[list[str], int], bool], message: str
) -> None:
    texts = [FIRST, *rows()]
    acts = [[float(rule(text, i)) for i in range(len(text))] for text in texts]
    with pytest.raises(ProbeError, match=message):
        best_rule(firings(texts, acts, range(len(texts)), window=8))


FIRST = ["the"] * 16


def test_contexts_are_pieces_of_one_row_of_nearly_one_length() -> None:
    given = firings([["a"] * 17, ["b"] * 3, ["c"] * 16], [[0] * 17, [1] * 3, [0] * 16], list("xyx"))
    assert np.bincount(given.context).tolist() == [9, 8, 3, 16]
    assert given.neighbour(-1)[[0, 1, 17]].tolist() == [-1, 0, -1]
    assert given.neighbour(1)[[16, 18, 19]].tolist() == [-1, 1, -1]
    alone = given.rows(np.array([False, True, True]))
    assert np.bincount(alone.context).tolist() == [3, 16]
    assert alone.groups.tolist() == [1, 0]
    with pytest.raises(ProbeError, match="row 1: one activation"):
        firings([["a"], ["b"]], [[0], []], list("xy"))


def test_a_long_corpus_is_sampled_and_still_judged_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.sae.rules.READ", 300)
    read: list[int] = []

    def explain(some: Firings) -> Sequence[Candidate]:
        read.append(len(some))
        return EXPLAINERS["tokens"](some)

    found = best_rule(planted(RULES['the token " cat"']), explain=explain)
    assert read[0] <= 300 + 32
    assert found.description == 'the token " cat"'
    assert found.detection.n > 100


def test_explainers_by_name() -> None:
    assert explainer_names()[0] == "tokens"
    assert explainer("tokens") is EXPLAINERS["tokens"]
    with pytest.raises(ProbeError, match="did you mean 'tokens'"):
        explainer("token")
