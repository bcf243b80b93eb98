"""The rows over which features are read: tokens, groups, and on which rows something happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.errors import UsageError
from audit.models.loading import LoadedModel
from audit.models.tokenizing import special_tokens
from audit.models.tokens import Encoded, Tokens, select_tokens
from suites.rows import Row


@dataclass(frozen=True, eq=False)
class Contrast:
    """The next token that would be misbehaviour on a row, and the one that would not."""

    unwanted: int
    wanted: int


@dataclass(frozen=True, eq=False)
class Corpus:
    """Token sequences with what is known of each.

    Attributes:
        ids: token ids of each row.
        positions: of each row the tokens that count; special ones never do.
        rows: id of each row, for people.
        groups: group of each row, `[n]`. No statistic treats rows of one group as independent.
        event: `[n]` bool, on which rows the event happened that features are held against:
            the model misbehaves, or the label is 1; None where nothing is known.
        event_name: what the event is, in words.
        contrasts: for each row what misbehaviour would be as a next token after its last
            one; None where that is not one token, or nothing is known.
    """

    ids: tuple[tuple[int, ...], ...]
    positions: tuple[tuple[int, ...], ...]
    rows: tuple[str, ...]
    groups: NDArray[np.str_]
    event: NDArray[np.bool_] | None = None
    event_name: str = ""
    contrasts: tuple[Contrast | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_tokens(self) -> int:
        """Tokens that count."""
        return sum(map(len, self.positions))

    def narrowed(self, tokens: Literal["all", "last"]) -> Corpus:
        """The same rows with the last of their tokens alone, or as they are."""
        if tokens == "all":
            return self
        return replace(self, positions=tuple(positions[-1:] for positions in self.positions))

    def take(self, indices: Sequence[int] | NDArray[np.intp]) -> Corpus:
        """Some of the rows, in the given order."""
        chosen = [int(index) for index in indices]
        return Corpus(
            ids=tuple(self.ids[i] for i in chosen),
            positions=tuple(self.positions[i] for i in chosen),
            rows=tuple(self.rows[i] for i in chosen),
            groups=self.groups[chosen],
            event=None if self.event is None else self.event[chosen],
            event_name=self.event_name,
            contrasts=None if self.contrasts is None else tuple(self.contrasts[i] for i in chosen),
        )


def corpus_of_rows(
    rows: Sequence[Row],
    encoded: Sequence[Encoded],
    *,
    tokens: Tokens = "all",
    event: NDArray[np.bool_] | None = None,
    event_name: str = "",
    contrasts: Sequence[Contrast | None] | None = None,
) -> Corpus:
    """A corpus of a suite's rows.

    Raises:
        UsageError: a row that the token selection finds nothing in.
    """
    return Corpus(
        ids=tuple(item.ids for item in encoded),
        positions=tuple(
            select_tokens(item, tokens, row.span) for row, item in zip(rows, encoded, strict=True)
        ),
        rows=tuple(row.id for row in rows),
        groups=np.array([row.group for row in rows], dtype=np.str_),
        event=event,
        event_name=event_name,
        contrasts=None if contrasts is None else tuple(contrasts),
    )


def corpus_of_texts(
    texts: Iterable[str], model: LoadedModel, *, source: str, context_size: int | None = None
) -> Corpus:
    """A corpus of plain texts, each a group of its own, cut to the context.

    Args:
        texts: any texts; empty ones are passed over.
        model: whose tokenizer reads them.
        source: where they come from, for messages and row ids.
        context_size: most tokens of a text; the model's own limit where None.

    Raises:
        UsageError: there is no text with a token in it.
    """
    limits = [limit for limit in (context_size, model.context_length) if limit is not None]
    special = special_tokens(model.tokenizer)
    ids: list[tuple[int, ...]] = []
    names: list[str] = []
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        found = _ids(model.tokenizer, text)[: min(limits, default=None)]
        if any(token not in special for token in found):
            ids.append(found)
            names.append(f"{source}:{number}")
    if not ids:
        raise UsageError(f"{source}: expected texts, found none with a token in it")
    return Corpus(
        ids=tuple(ids),
        positions=tuple(
            tuple(at for at, token in enumerate(one) if token not in special) for one in ids
        ),
        rows=tuple(names),
        groups=np.array(names, dtype=np.str_),
    )


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(int(token) for token in tokenizer(text)["input_ids"])
