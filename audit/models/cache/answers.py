"""Answers as they come in, from the cache or from the model, and what is still missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.models.cache.keys import answer_key, next_kind, pooled_kind, sequence_id
from audit.models.cache.segments import Table, table_of
from audit.models.row_index import RowIndex
from audit.models.sequences import (
    Captured,
    Read,
    Selection,
    TokenSequence,
    finite_rows,
)


@dataclass(frozen=True, slots=True)
class Missing:
    """The part of a sequence that is still to be computed.

    Attributes:
        sequence: the tokens, with what is missing of them alone.
        index: the sequence among all.
        selections: the number that each of its selections has there.
    """

    sequence: TokenSequence
    index: int
    selections: tuple[int, ...]


class Answers:
    """What is asked and what is known of it: a slot a read, and a last one of log-probabilities.

    Attributes:
        kinds: the kind of answer of each slot; None where it cannot be kept.
        keys: by slot, the key of each answer in it.
        digests: of each sequence.
    """

    def __init__(self, sequences: Sequence[TokenSequence], reads: Sequence[Read]) -> None:
        self.kinds: list[str | None] = [*map(pooled_kind, reads), next_kind()]
        self.keys: list[list[bytes]] = [[] for _ in self.kinds]
        self.digests = [sequence_id(sequence.ids) for sequence in sequences]
        self._sequences = sequences
        sizes = [len(sequence.selections) for sequence in sequences]
        self._rows = [RowIndex(sizes) for _ in reads]
        self._first_next: list[int] = []
        for slot, kind in enumerate(self.kinds):
            if kind in self.kinds[:slot]:  # equal readers: the later one is not worth the care
                self.kinds[slot] = None
        for index, sequence in enumerate(sequences):
            name = self.digests[index]
            for number, selection in enumerate(sequence.selections):
                key = answer_key(name, selection.positions)
                for read in selection.reads:
                    self._rows[read].enter((index, number))
                    self.keys[read].append(key)
            self._first_next.append(len(self.keys[-1]))
            self.keys[-1] += [answer_key(name, asked) for asked in sequence.next_tokens]
        self._values: list[NDArray[Any] | None] = [None] * len(reads)
        self._values.append(np.empty(len(self.keys[-1])))
        self._known = [np.zeros(len(keys), dtype=bool) for keys in self.keys]

    def take(self, slot: int, at: Sequence[int], values: NDArray[Any]) -> None:
        """Put the answers to the keys at `at` into a slot, `[len(at), width]` or `[len(at)]`."""
        held = self._values[slot]
        if held is None:
            held = np.empty((len(self.keys[slot]), values.shape[1]), np.float32)
            self._values[slot] = held
        held[at] = values
        self._known[slot][at] = True

    def missing(self) -> Iterator[Missing]:
        """What is not known yet, of those sequences that lack something."""
        if all(known.all() for known in self._known):
            return
        for index, sequence in enumerate(self._sequences):
            lacking = [
                (
                    number,
                    tuple(r for r in selection.reads if not self._has(r, index, number)),
                )
                for number, selection in enumerate(sequence.selections)
            ]
            lacking = [(number, reads) for number, reads in lacking if reads]
            first = self._first_next[index]
            asked = tuple(
                one
                for step, one in enumerate(sequence.next_tokens)
                if not self._known[-1][first + step]
            )
            if lacking or asked:
                selections = tuple(
                    Selection(sequence.selections[number].positions, reads)
                    for number, reads in lacking
                )
                yield Missing(
                    TokenSequence(sequence.ids, selections, asked),
                    index,
                    tuple(number for number, _ in lacking),
                )

    def _has(self, read: int, index: int, number: int) -> bool:
        return bool(self._known[read][self._rows[read][index, number]])

    def learn(self, asked: Sequence[Missing], found: Captured) -> dict[str, Table]:
        """Put in what the model answered; what of it can be kept, by kind."""
        tables = {}
        for read, rows in enumerate(found.rows):
            if not rows:
                continue
            # A capture numbers its rows as it enters them, so they come in their order.
            at = [
                self._rows[read][asked[index].index, asked[index].selections[number]]
                for index, number in rows
            ]
            self.take(read, at, found.vectors[read])
            kind = self.kinds[read]
            if kind is not None:
                tables[kind] = table_of([self.keys[read][one] for one in at], found.vectors[read])
        steps = [step for one in asked for step in self._steps(one)]
        if steps:
            values = np.array([value for of in found.log_probs for value in of])
            self.take(len(self.kinds) - 1, steps, values)
            tables[next_kind()] = table_of([self.keys[-1][step] for step in steps], values)
        return tables

    def _steps(self, one: Missing) -> list[int]:
        """Where the log-probabilities that it asks for belong."""
        wanted, first = set(one.sequence.next_tokens), self._first_next[one.index]
        asked = self._sequences[one.index].next_tokens
        return [first + step for step, token in enumerate(asked) if token in wanted]

    def captured(self, d_model: int) -> Captured:
        """All of it, as `capture` would give it."""
        vectors = tuple(
            np.empty((0, d_model), np.float32) if values is None else values
            for values in self._values[:-1]
        )
        said = self._values[-1]
        flat = [] if said is None else said.tolist()
        ends = [*self._first_next[1:], len(flat)] if self._first_next else []
        return Captured(
            vectors=vectors,
            rows=tuple(self._rows),
            log_probs=tuple(
                tuple(flat[first:end]) for first, end in zip(self._first_next, ends, strict=True)
            ),
            non_finite=tuple(int((~finite_rows(matrix)).sum()) for matrix in vectors),
        )
