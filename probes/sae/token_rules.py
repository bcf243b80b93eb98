"""Rules over tokens: what a rule may say, and the search that proposes the likeliest.

A rule is looked for among tokens, sets of tokens, neighbours, pairs, words of the same row,
kinds of characters and places in the row, and conjunctions of two. A text that the feature
fires with in one group only is a name tag of that group and no rule. Nothing is scored here on
what it was not proposed from: that is `rules.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from probes.base import Bools, Floats, Indices
from probes.sae.firings import Firings

_BEST = 12  # tokens that are tried of every kind
_SETS = (2, 3, 4, 6, 8)
_PARTNERS = 8  # single rules that are joined with all others


@dataclass(frozen=True)
class Candidate:
    """A rule that may be the one.

    Attributes:
        description: in words, for people.
        predict: for each token of firings `[n]` whether the feature fires there.
        size: in how many parts it speaks; of two that are equally good the smaller is better.
    """

    description: str
    predict: Callable[[Firings], Bools]
    size: int = 1


def token_candidates(firings: Firings) -> list[Candidate]:
    """The explainer "tokens": the likeliest single rules, and conjunctions of two of them."""
    singles = list(_singles(firings))
    predicted = [rule.predict(firings) for rule in singles]
    worth = [_worth(firings, found) for found in predicted]
    best = np.argsort(-np.array(worth), kind="stable")[:_PARTNERS]
    joined = []
    for first in map(int, best):
        # The part that says most of what the first one leaves open; all would be too many.
        both = [_worth(firings, predicted[first] & other) for other in predicted]
        for second in map(int, np.argsort(-np.array(both), kind="stable")[:3]):
            if both[second] > max(worth[first], worth[second]):
                joined.append(_both(singles[first], singles[second]))
    return singles + joined


def _singles(firings: Firings) -> Iterator[Candidate]:
    n_codes = len(firings.vocabulary)
    for offset, words in _OFFSETS.items():
        codes = firings.neighbour(offset)
        there = codes >= 0
        ranked = _ranked(_share(firings, codes, there, n_codes))
        texts = [firings.vocabulary[code] for code in ranked[:_BEST]]
        yield from (_at(offset, words, (text,)) for text in texts)
        yield from (_at(offset, words, tuple(texts[:k])) for k in _SETS if k <= len(texts))
    yield from _pairs(firings)
    for name, after in (("row", False), ("earlier", True)):
        ranked = _ranked(_in_row(firings, after=after))
        for code in ranked[:_BEST]:
            yield _elsewhere(name, firings.vocabulary[code], after=after)
    yield from _of_spelling(firings)
    yield from _PLACES


_OFFSETS = {
    0: "the token {}",
    -1: "the token after {}",
    -2: "two tokens after {}",
    1: "the token before {}",
}


def _at(offset: int, words: str, texts: tuple[str, ...]) -> Candidate:
    """The token so many places on is one of these."""

    def predict(firings: Firings) -> Bools:
        codes = [firings.code_of[text] for text in texts if text in firings.code_of]
        return np.isin(firings.neighbour(offset), codes)

    return Candidate(words.format(" or ".join(map(_quoted, texts))), predict, len(texts))


def _pairs(firings: Firings) -> Iterator[Candidate]:
    """The token and the one before it, together."""
    n_codes, before = len(firings.vocabulary), firings.neighbour(-1)
    there = before >= 0
    keys, codes = np.unique(before * n_codes + firings.codes, return_inverse=True)
    ranked = _ranked(_share(firings, codes, there, len(keys)))
    for key in ranked[:_BEST]:
        first, second = divmod(int(keys[key]), n_codes)
        one = _at(0, _OFFSETS[0], (firings.vocabulary[second],))
        other = _at(-1, "after {}", (firings.vocabulary[first],))
        yield _both(one, other, "{} {}")


def _elsewhere(name: str, text: str, *, after: bool) -> Candidate:
    """Tokens of a row that holds the text; where `after`, only those that come after it."""

    def predict(firings: Firings) -> Bools:
        at = np.flatnonzero(firings.codes == firings.code_of.get(text, -1))
        first = np.full(len(firings.groups), len(firings))
        np.minimum.at(first, firings.row[at], at)
        if after:
            return np.asarray(np.arange(len(firings)) > first[firings.row])
        return np.asarray(first[firings.row] < len(firings))

    words = "a token later in a row than {}" if after else "a token of a row with {}"
    return Candidate(words.format(_quoted(text)), predict)


def _in_row(firings: Firings, *, after: bool) -> Floats:
    """`_share` of each text for the rule `_elsewhere`."""
    n_codes = len(firings.vocabulary)
    keys, first = np.unique(firings.row * n_codes + firings.codes, return_index=True)
    row, codes = np.divmod(keys, n_codes)
    begin = first + 1 if after else firings.row_starts[row]
    end = firings.row_starts[row + 1]
    running = np.concatenate([[0], np.cumsum(firings.fires)])
    hits = running[end] - running[begin]
    hits = hits * _in_two_groups(codes[hits > 0], firings.groups[row[hits > 0]], n_codes)[codes]
    return _youden(
        np.bincount(codes, hits, n_codes),
        np.bincount(codes, end - begin - hits, n_codes),
        int(firings.fires.sum()),
        len(firings),
    )


_KINDS: dict[str, Callable[[str], bool]] = {
    "a token of digits": lambda text: text.strip().isdigit(),
    "a token with a digit": lambda text: any(c.isdigit() for c in text),
    "a capitalised token": lambda text: text.strip()[:1].isupper(),
    "a token in capitals": lambda text: text.strip().isupper() and len(text.strip()) > 1,
    "a token of letters": lambda text: text.strip().isalpha(),
    "a punctuation mark": lambda text: (
        bool(text.strip()) and not any(c.isalnum() for c in text.strip())
    ),
    "a token that begins a word": lambda text: text[:1] == " ",
    "a token that goes on a word": lambda text: text[:1].isalnum(),
    "white space": lambda text: not text.strip(),
    "a token with a line break": lambda text: "\n" in text,
    "a token beyond ASCII": lambda text: not text.isascii(),
}


def _of_spelling(firings: Firings) -> Iterator[Candidate]:
    """Kinds of characters; beginnings, ends and other spellings of the tokens that fire."""
    yield from (_spelt(words, test) for words, test in _KINDS.items())
    bare = [text.strip().lower() for text in firings.vocabulary]
    fires, n_codes = firings.fires, len(firings.vocabulary)
    hits = np.bincount(firings.codes[fires], minlength=n_codes)
    misses = np.bincount(firings.codes[~fires], minlength=n_codes)
    likeliest = np.argsort(-hits, kind="stable")[:200]
    texts = dict.fromkeys(bare[code] for code in likeliest if hits[code] and bare[code])
    forms = dict.fromkeys(form for text in texts for form in _forms(text))
    members = np.array([[_has_form(text, form) for text in bare] for form in forms], dtype=bool)
    if not len(members):
        return
    worth = _youden(members @ hits, members @ misses, int(fires.sum()), len(firings))
    named = list(forms)
    yield from (_formed(named[index]) for index in _ranked(worth)[:_BEST])


_Form = tuple[str, str]
_FORMS: dict[str, Callable[[str, str], bool]] = {
    "{} in any case": str.__eq__,
    "a token that begins with {}": str.startswith,
    "a token that ends in {}": str.endswith,
}


def _forms(text: str) -> Iterator[_Form]:
    whole, head, tail = _FORMS
    yield whole, text
    for k in range(min(len(text), 5) - 1, 1, -1):  # of two that hold alike, the longer
        yield head, text[:k]
        yield tail, text[-k:]


def _has_form(bare: str, form: _Form) -> bool:
    return _FORMS[form[0]](bare, form[1])


def _formed(form: _Form) -> Candidate:
    return _spelt(
        form[0].format(_quoted(form[1])), lambda text: _has_form(text.strip().lower(), form)
    )


def _spelt(description: str, test: Callable[[str], bool]) -> Candidate:
    def predict(firings: Firings) -> Bools:
        of_text = np.array([test(text) for text in firings.vocabulary], dtype=bool)
        return np.asarray(of_text[firings.codes])

    return Candidate(description, predict)


def _number_in_row(firings: Firings) -> Indices:
    return np.arange(len(firings)) - firings.row_starts[firings.row]


_PLACES = (
    Candidate("the first token of a row", lambda f: np.asarray(_number_in_row(f) == 0)),
    Candidate("one of the first four tokens", lambda f: np.asarray(_number_in_row(f) < 4)),
    Candidate("the last token of a row", lambda f: np.asarray(f.neighbour(1) < 0)),
    Candidate("any token", lambda f: np.ones(len(f), dtype=bool)),
)


def _both(one: Candidate, other: Candidate, words: str = "{}, which is also {}") -> Candidate:
    return Candidate(
        words.format(one.description, other.description),
        lambda firings: one.predict(firings) & other.predict(firings),
        one.size + other.size,
    )


def _worth(firings: Firings, predicted: Bools) -> float:
    """Youden's index of a rule, the mean of tokens' and contexts'."""
    tokens = _index(predicted, firings.fires)
    contexts = _index(firings.any_in_context(predicted), firings.any_in_context(firings.fires))
    return (tokens + contexts) / 2


def _index(predicted: Bools, true: Bools) -> float:
    positive = int(true.sum())
    hits = int((predicted & true).sum())
    found = _youden(np.array([hits]), np.array([int(predicted.sum()) - hits]), positive, len(true))
    return float(found[0])


def _share(firings: Firings, codes: Indices, there: Bools, n_codes: int) -> Floats:
    """Youden's index of the rule "fires on this code", for each code; `there` has one."""
    codes, fires = codes[there], firings.fires[there]
    hits = np.bincount(codes[fires], minlength=n_codes)
    misses = np.bincount(codes[~fires], minlength=n_codes)
    hits = hits * _in_two_groups(codes[fires], firings.token_groups[there][fires], n_codes)
    return _youden(hits, misses, int(fires.sum()), len(fires))


def _in_two_groups(codes: Indices, groups: Indices, n_codes: int) -> Bools:
    """For each code whether it comes in two groups or more."""
    pairs = np.unique(groups * n_codes + codes) % n_codes
    return np.bincount(pairs, minlength=n_codes) > 1


def _youden(hits: Indices | Floats, misses: Indices | Floats, positive: int, n: int) -> Floats:
    """Sensitivity and specificity less 1, which for disjoint rules is the sum of theirs."""
    return np.asarray(hits / max(positive, 1) - misses / max(n - positive, 1), dtype=np.float64)


def _ranked(worth: Floats) -> Indices:
    """Indices by falling worth; what says nothing is left out."""
    order = np.argsort(-worth, kind="stable")
    return order[worth[order] > 0]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
