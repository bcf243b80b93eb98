"""On which tokens of which texts a feature fires: what a rule is made from and held against.

All tokens lie in one row of arrays, so that a rule over a corpus is a few array operations.
Knows texts and activations; knows neither tokenizers nor models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probes.base import Array, Bools, Groups, Indices, ProbeError, group_codes


@dataclass(frozen=True, eq=False)
class Firings:
    """Tokens in the order of their rows, with a feature's activation on each.

    A context is a piece of a row, and what detection is about; neighbours of a token are looked
    for in its whole row.

    Attributes:
        vocabulary: distinct texts of tokens.
        codes: `[n]` index of each token's text in the vocabulary.
        activations: `[n]`, zero where the feature is silent.
        row: `[n]` row of each token, rising from 0.
        context: `[n]` context of each token, rising from 0.
        groups: `[n_rows]` group of each row, as a number.
    """

    vocabulary: tuple[str, ...]
    codes: Indices
    activations: Array
    row: Indices
    context: Indices
    groups: Indices

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def fires(self) -> Bools:
        """`[n]` whether the feature is active."""
        return np.asarray(self.activations > 0)

    @cached_property
    def code_of(self) -> dict[str, int]:
        """Index of each text in the vocabulary."""
        return {text: code for code, text in enumerate(self.vocabulary)}

    @cached_property
    def row_starts(self) -> Indices:
        """`[n_rows + 1]` number of each row's first token, and the number of tokens."""
        return np.searchsorted(self.row, np.arange(len(self.groups) + 1))

    @cached_property
    def context_starts(self) -> Indices:
        """`[n_contexts]` number of each context's first token."""
        return np.flatnonzero(np.diff(self.context, prepend=-1))

    @cached_property
    def token_groups(self) -> Indices:
        """`[n]` group of each token's row."""
        return self.groups[self.row]

    def any_in_context(self, of_tokens: Bools) -> Bools:
        """`[n_contexts]` whether it holds for any token of the context."""
        return np.logical_or.reduceat(of_tokens, self.context_starts)

    def neighbour(self, offset: int) -> Indices:
        """`[n]` code of the token so many places on in the same row, -1 where there is none."""
        there = np.arange(len(self)) + offset
        start, end = self.row_starts[self.row], self.row_starts[self.row + 1]
        inside = (there >= start) & (there < end)
        return np.where(inside, self.codes[np.clip(there, 0, len(self) - 1)], -1)

    def rows(self, chosen: Bools) -> Firings:
        """Some of the rows, `chosen [n_rows]`, with the vocabulary as it was."""
        keep = chosen[self.row]
        _, row = np.unique(self.row[keep], return_inverse=True)
        _, context = np.unique(self.context[keep], return_inverse=True)
        return Firings(
            self.vocabulary,
            self.codes[keep],
            self.activations[keep],
            row.astype(np.intp),
            context.astype(np.intp),
            self.groups[chosen],
        )


def firings(
    sequences: Sequence[Sequence[str]],
    activations: Sequence[Sequence[float] | Array],
    groups: Groups,
    *,
    window: int = 16,
) -> Firings:
    """Firings of token sequences as texts.

    Args:
        sequences: the texts of each row's tokens; empty rows are left out.
        activations: of the feature on each of them.
        groups: one for each row.
        window: most tokens of a context.

    Raises:
        ProbeError: lengths do not fit, or there is no token.
    """
    wrong = [
        i for i, (s, a) in enumerate(zip(sequences, activations, strict=False)) if len(s) != len(a)
    ]
    if len(sequences) != len(activations) or wrong:
        where = f"row {wrong[0]}" if wrong else f"{len(sequences)} rows"
        raise ProbeError(f"{where}: one activation is wanted for every token of every row")
    numbers, _ = group_codes(groups, len(sequences))
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.intp)
    texts = [text for sequence in sequences for text in sequence]
    code_of = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    return coded_firings(
        tuple(code_of),
        np.array([code_of[text] for text in texts], dtype=np.intp),
        np.concatenate([np.asarray(some, dtype=np.float32) for some in activations]),
        np.repeat(np.arange(len(lengths)), lengths),
        numbers,
        window=window,
    )


def coded_firings(
    vocabulary: tuple[str, ...],
    codes: Indices,
    activations: Array,
    row: Indices,
    groups: Indices,
    *,
    window: int = 16,
) -> Firings:
    """Firings of tokens that are numbers already; arguments as in `Firings` and `firings`.

    Raises:
        ProbeError: there is no token.
    """
    if len(codes) == 0:
        raise ProbeError("there is no token for a rule to speak of")
    there, numbered, lengths = np.unique(row, return_inverse=True, return_counts=True)
    numbered = numbered.astype(np.intp)
    starts = np.cumsum(lengths) - lengths
    pieces = -(-lengths // window)
    # Pieces of equal length: a context does not fire more often because it is a longer one.
    within = (np.arange(len(row)) - starts[numbered]) * pieces[numbered] // lengths[numbered]
    context = (np.cumsum(pieces) - pieces)[numbered] + within
    return Firings(vocabulary, codes, activations, numbered, context.astype(np.intp), groups[there])
