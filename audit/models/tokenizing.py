"""The model's tokenizer, called the one way that is the same everywhere.

Knows transformers tokenizers; rows and prompts are known elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Offsets = list[tuple[int, int]]


def tokenize(texts: Sequence[str], tokenizer: Any, *, chat: bool) -> list[list[int]]:
    """Ids of each text; a rendered chat brings its own special tokens."""
    return list(_called(texts, tokenizer, chat, offsets=False)["input_ids"]) if texts else []


def tokenize_with_offsets(
    texts: Sequence[str], tokenizer: Any, *, chat: bool
) -> list[tuple[list[int], Offsets]]:
    """Ids of each text with the characters of each; none where the tokenizer cannot tell."""
    if not texts:
        return []
    batch = _called(texts, tokenizer, chat, offsets=bool(tokenizer.is_fast))
    offsets = batch["offset_mapping"] if tokenizer.is_fast else [[]] * len(texts)
    return list(zip(batch["input_ids"], offsets, strict=True))


def _called(texts: Sequence[str], tokenizer: Any, chat: bool, *, offsets: bool) -> Any:
    return tokenizer(
        list(texts),
        add_special_tokens=not chat,
        return_offsets_mapping=offsets,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )


def special_tokens(tokenizer: Any) -> frozenset[int]:
    """Ids that carry no text of the row. The unknown token does stand for text."""
    added = tokenizer.added_tokens_decoder.items()
    ids = {index for index, token in added if token.special} | set(tokenizer.all_special_ids)
    return frozenset(ids - {tokenizer.unk_token_id})


def without_end(ids: list[int], special_ids: frozenset[int]) -> list[int]:
    """The ids without the special tokens that a tokenizer puts after a text."""
    end = len(ids)
    while end > 1 and ids[end - 1] in special_ids:
        end -= 1
    return ids[:end]
