"""A row becomes token ids, and a choice of tokens becomes positions.

Special tokens (beginning, end, turn markers) are part of what the model reads and never of
a selection: the first one carries an activation many times larger than all others and would
drown the rest. Only `last` may be one, where a chat template ends in it and the model would
go on from there. How rows are rendered is told in `rendering.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from audit.errors import UsageError
from audit.models.offsets import packed
from audit.models.rendering import Rendered, render, where
from audit.models.tokenizing import special_tokens, tokenize_with_offsets
from suites.rows import Row
from suites.schema import LastTokens

Truncation = Literal["error", "left", "right"]
Tokens = Literal["all", "prompt", "response", "last", "span"] | LastTokens


@dataclass(frozen=True, slots=True)
class Encoded:
    """The tokens of one row.

    Attributes:
        ids: what the model reads.
        text: the rendered text that they stand for.
        response_start: position of the answer's first token, None without an answer.
        response_end: position after the answer's last token.
        offsets: characters `[start, end)` of each token; empty where the tokenizer has none.
        special: for each token 1 if it is a special one, else 0.
        truncated: tokens were cut off.
        rendered: the text with its parts.
        place: where the row was written, for messages.
    """

    ids: tuple[int, ...]
    text: str
    response_start: int | None
    response_end: int | None
    offsets: Sequence[tuple[int, int]]
    special: Sequence[int]
    truncated: bool
    rendered: Rendered
    place: str


def encode_row(
    row: Row, tokenizer: Any, *, context_length: int | None, truncation: Truncation = "error"
) -> Encoded:
    """The tokens of one row. Arguments and errors as in `encode_rows`."""
    return encode_rows([row], tokenizer, context_length=context_length, truncation=truncation)[0]


def encode_rows(
    rows: Sequence[Row],
    tokenizer: Any,
    *,
    context_length: int | None,
    truncation: Truncation = "error",
) -> list[Encoded]:
    """The tokens of each row, the tokenizer called once for all of them.

    Args:
        rows: what to encode.
        tokenizer: the model's own.
        context_length: most tokens that the model takes, None for no limit.
        truncation: `left` or `right` cuts there what is too long and keeps the special
            tokens at both ends; `error` refuses it.

    Raises:
        UsageError: a row is empty, too long, not valid text, or not to be rendered; the
            message names the row.
    """
    rendered = [render(row, tokenizer) for row in rows]
    special_ids = special_tokens(tokenizer)
    one_each: dict[int, int] = {}  # a number of Python's own for each token would be most of a row
    encodings: list[tuple[list[int], list[tuple[int, int]]]] = [([], [])] * len(rows)
    for chat in (False, True):
        chosen = [index for index, item in enumerate(rendered) if item.chat is chat]
        texts = [rendered[index].text for index in chosen]
        for index, text in zip(chosen, texts, strict=True):
            _check_text(rows[index], text)
        for index, (ids, offsets) in zip(
            chosen, tokenize_with_offsets(texts, tokenizer, chat=chat), strict=True
        ):
            encodings[index] = [one_each.setdefault(token, token) for token in ids], offsets
    return [
        _encoded(row, item, ids, offsets, special_ids, context_length, truncation)
        for row, item, (ids, offsets) in zip(rows, rendered, encodings, strict=True)
    ]


def select_tokens(encoded: Encoded, tokens: Tokens, span: str | None = None) -> tuple[int, ...]:
    """The positions that a monitor reads.

    `all` is every token that is not special; `prompt` and `response` are those before and
    in the answer; `last` is the token from which the model would go on: the last of the
    answer, or of the prompt where there is no answer; `last: k` are the last k of the
    answer or the prompt; `span` is every token that shares a character with the span.

    Raises:
        UsageError: nothing is selected, or the tokenizer has no offsets to find it by; the
            message names the row.
    """
    if isinstance(tokens, LastTokens):
        chosen = _body(encoded)[-tokens.last :]
    elif tokens == "all":
        chosen = _text_tokens(encoded, 0, len(encoded.ids))
    elif tokens == "prompt":
        end = len(encoded.ids) if encoded.response_start is None else encoded.response_start
        chosen = _text_tokens(encoded, 0, end)
    elif tokens == "response":
        chosen = [] if encoded.response_start is None else _body(encoded)
    elif tokens == "last":
        chosen = _last(encoded)
    else:
        chosen = _span(encoded, span)
    if not chosen:
        cut = " after truncation" if encoded.truncated else ""
        raise UsageError(f"{encoded.place}: no token is selected by `tokens: {_say(tokens)}`{cut}")
    return tuple(chosen)


def _say(tokens: Tokens) -> str:
    return f"{{last: {tokens.last}}}" if isinstance(tokens, LastTokens) else tokens


def _text_tokens(encoded: Encoded, start: int, end: int) -> list[int]:
    return [position for position in range(start, end) if not encoded.special[position]]


def _body(encoded: Encoded) -> list[int]:
    """The answer's tokens, or the prompt's where there is no answer."""
    if encoded.response_start is None or encoded.response_end is None:
        return _text_tokens(encoded, 0, len(encoded.ids))
    return _text_tokens(encoded, encoded.response_start, encoded.response_end)


def _last(encoded: Encoded) -> list[int]:
    if encoded.response_start is None and encoded.rendered.chat:
        return [len(encoded.ids) - 1]
    return _body(encoded)[-1:]


def _span(encoded: Encoded, span: str | None) -> list[int]:
    if not span:
        raise UsageError(f"{encoded.place}: `tokens: span`, but the row has no span")
    if not encoded.offsets:
        raise UsageError(
            f"{encoded.place}: this model's tokenizer does not say which characters a token "
            "stands for, so `tokens: span` cannot be found"
        )
    start = encoded.text.find(span)
    if start < 0:
        raise UsageError(f"{encoded.place}: its span {span!r} is not in its text, verbatim")
    end = start + len(span)
    return [
        position
        for position, (a, b) in enumerate(encoded.offsets)
        if a < end and b > start and not encoded.special[position]
    ]


def _check_text(row: Row, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{where(row)}: character {error.start + 1} is half of a surrogate pair and no text"
        ) from None


def _encoded(
    row: Row,
    rendered: Rendered,
    ids: list[int],
    offsets: list[tuple[int, int]],
    special_ids: frozenset[int],
    context_length: int | None,
    truncation: Truncation,
) -> Encoded:
    special = [index in special_ids for index in ids]
    keep = _kept(row, ids, special, rendered, context_length, truncation)
    truncated = len(keep) < len(ids)
    ids = [ids[position] for position in keep]
    special = [special[position] for position in keep]
    offsets = [offsets[position] for position in keep] if offsets else []
    start, end = _answer(row, rendered, ids, offsets)
    return Encoded(
        tuple(ids),
        rendered.text,
        start,
        end,
        packed(offsets),
        bytes(special),
        truncated,
        rendered,
        where(row),
    )


def _kept(
    row: Row,
    ids: list[int],
    special: list[bool],
    rendered: Rendered,
    limit: int | None,
    truncation: Truncation,
) -> list[int]:
    """Positions that stay: all, or the special ends and what fits between them."""
    if not ids:
        raise UsageError(f"{where(row)}: its text is empty: it has no tokens")
    if limit is None or len(ids) <= limit:
        return list(range(len(ids)))
    if truncation == "error":
        raise UsageError(
            f"{where(row)}: {len(ids)} tokens, but the model's context holds {limit}; "
            "shorten it, or set `truncation: left` or `right` in the suite"
        )
    head = next((i for i, is_special in enumerate(special) if not is_special), len(ids))
    tail = next((i for i, is_special in enumerate(reversed(special)) if not is_special), 0)
    tail = 0 if rendered.chat else tail
    room = max(0, limit - head - tail)
    body = list(range(head, len(ids) - tail))
    body = body[len(body) - room :] if truncation == "left" else body[:room]
    return [*range(head), *body, *range(len(ids) - tail, len(ids))]


def _answer(
    row: Row, rendered: Rendered, ids: list[int], offsets: list[tuple[int, int]]
) -> tuple[int | None, int | None]:
    """Positions `[start, end)` of the tokens that share a character with the answer."""
    if rendered.answer is None:
        return None, None
    if not offsets:
        raise UsageError(
            f"{where(row)}: this model's tokenizer does not say which characters a token stands "
            "for, so the answer's tokens cannot be found; give the row as one `text`"
        )
    first, last = rendered.answer
    inside = [i for i, (a, b) in enumerate(offsets) if a < last and b > first]
    if not inside:  # truncation took it
        return len(ids), len(ids)
    return inside[0], inside[-1] + 1
