"""Tokens as people read them: one text for each id, with the space it begins with.

Knows tokenizers. A token that is no text by itself (a part of a character) keeps the name that
the vocabulary gives it, so that different tokens stay different.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WORD_STARTS = "▁"  # how SentencePiece writes the space that decoding one token takes away
_NO_TEXT = "\ufffd"


def pieces(tokenizer: Any, ids: Iterable[int]) -> list[str]:
    """The text of each token.

    Args:
        tokenizer: a transformers tokenizer.
        ids: token ids; one the vocabulary lacks becomes `<id>`.
    """
    known: dict[int, str] = {}
    found = []
    for token in map(int, ids):
        if token not in known:
            known[token] = _piece(tokenizer, token)
        found.append(known[token])
    return found


def _piece(tokenizer: Any, token: int) -> str:
    if not 0 <= token < len(tokenizer):
        return f"<{token}>"
    name = tokenizer.convert_ids_to_tokens(token)
    name = f"<{token}>" if name is None else str(name)
    text = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    if not text or _NO_TEXT in text:
        return name
    if name.startswith(_WORD_STARTS) and not text.startswith(" "):
        return f" {text}"
    return text
