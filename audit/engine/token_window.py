"""A row's tokens with a value each, as a person sees them: as text, and no more than fit.

Knows tokens and numbers; what the numbers are is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.features.pieces import Pieces
from audit.models.tokens import Encoded
from reports.curves import TokenScores

Floats = NDArray[np.float64]

MOST_TOKENS = 96  # of a row
_LONGEST = 200  # characters of one token: where a word is one, a text without spaces is one, too


def token_window(
    encoded: Encoded, values: Floats, read: Sequence[int], pieces: Pieces
) -> TokenScores:
    """The tokens of a row around those that were read and the one of the largest value.

    Special tokens at either end are left out unless they are read: they stand for no text, and
    their activations are many times larger than all others.

    Args:
        encoded: the row.
        values: `[n_tokens]`, finite where they are shown.
        read: positions of the tokens that made the row's score.
        pieces: texts of the tokenizer's tokens, where the row does not say its own.
    """
    start, end = _window(encoded, values, read)
    texts = token_texts(encoded, pieces)
    return TokenScores(
        tokens=texts[start:end],
        # Six digits: what is behind them is the order in which a processor sums.
        values=[float(f"{value:.6g}") for value in values[start:end]],
        read=[at - start for at in read if start <= at < end],
        before=start,
        after=len(texts) - end,
    )


def _window(encoded: Encoded, values: Floats, read: Sequence[int]) -> tuple[int, int]:
    """`[start, end)`: most of the tokens read, then the strongest, then that one in the middle."""
    counted = sorted({*read, *(at for at, special in enumerate(encoded.special) if not special)})
    first, last = counted[0], counted[-1]
    if last - first < MOST_TOKENS:
        return first, last + 1
    strongest = max(counted, key=lambda at: values[at])
    is_read = np.zeros(len(encoded.ids) + 1, dtype=np.int64)
    is_read[np.asarray(read) + 1] = 1
    upto = np.cumsum(is_read)

    def worth(start: int) -> tuple[int, bool, float]:
        held = int(upto[start + MOST_TOKENS] - upto[start])
        inside = start <= strongest < start + MOST_TOKENS
        return held, inside, -abs(start + MOST_TOKENS / 2 - strongest)

    start = max(range(first, last + 2 - MOST_TOKENS), key=worth)
    return start, start + MOST_TOKENS


def token_texts(encoded: Encoded, pieces: Pieces) -> list[str]:
    """The text of each token; together they are the row's text, where nothing was cut from it.

    Of the tokens that share a character the first has it and the others have none. A token that
    stands for no text, and any token where the tokenizer does not say what it stands for, goes
    by what the vocabulary has for it.
    """
    names = pieces(encoded.ids)
    if not encoded.offsets:
        return [_short(name) for name in names]
    found, done = [], 0
    for name, special, (start, end) in zip(names, encoded.special, encoded.offsets, strict=True):
        gap = encoded.text[done:start]
        if encoded.truncated and not gap.isspace():
            gap = ""  # what was cut is no part of the next token
        shown = gap + encoded.text[max(start, done) : end]
        found.append(name if special and start == end else _short(shown))
        done = max(done, end)
    return found


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\N{HORIZONTAL ELLIPSIS}"
