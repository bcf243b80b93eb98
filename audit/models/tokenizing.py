"""The model's tokenizer, called the one way that is the same everywhere.

Knows transformers tokenizers; rows and prompts are known elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def tokenize(
    texts: Sequence[str], tokenizer: Any, *, chat: bool
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Ids and offsets of each text; a rendered chat brings its own special tokens."""
    if not texts:
        return []
    fast = bool(tokenizer.is_fast)
    batch = tokenizer(
        list(texts),
        add_special_tokens=not chat,
        return_offsets_mapping=fast,
        return_attention_mask=False,
        verbose=False,
    )
    offsets = batch["offset_mapping"] if fast else [[]] * len(texts)
    return list(zip(batch["input_ids"], offsets, strict=True))


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
