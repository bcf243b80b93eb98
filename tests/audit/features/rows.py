"""Rows of random tokens, in which it is known where a token stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from audit.features.corpus import Corpus
from audit.models.tokenizing import special_tokens


def words(loaded: Any, count: int) -> list[int]:
    """Ids of tokens that are words with a space in front of them."""
    tokenizer = loaded.tokenizer
    named = sorted((i, t) for t, i in tokenizer.get_vocab().items() if t[:1] == "Ġ" and len(t) > 3)
    return [i for i, _ in named][:count]


def random_rows(loaded: Any, tokens: list[int], n: int = 80, length: int = 10) -> Corpus:
    """Rows of `<s>` and random tokens, two to a group; the event is that the first one occurs."""
    rng = np.random.default_rng(5)
    ids = [(0, *(tokens[i] for i in rng.integers(len(tokens), size=length))) for _ in range(n)]
    assert 0 in special_tokens(loaded.tokenizer)
    return Corpus(
        ids=tuple(ids),
        positions=tuple(tuple(range(1, length + 1)) for _ in ids),
        rows=tuple(f"row-{i}" for i in range(n)),
        groups=np.array([f"g{i // 2}" for i in range(n)]),
        event=np.array([tokens[0] in row for row in ids]),
        event_name="the word occurs",
    )
