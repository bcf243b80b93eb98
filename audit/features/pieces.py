"""Tokens as people read them: one text for each id, with the space it begins with.

Knows tokenizers. A token that is no text by itself (a part of a character) keeps the name that
the vocabulary gives it, so that different tokens stay different.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WORD_STARTS = "▁"  # how SentencePiece writes the space that decoding one token takes away
_NO_TEXT = "\ufffd"


class Pieces:
    """The texts of a tokenizer's tokens, each looked up once: `pieces(ids) -> [text, ...]`."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {}

    def __call__(self, ids: Iterable[int]) -> list[str]:
        """The text of each token; an id that the vocabulary lacks becomes `<id>`."""
        found = []
        for token in map(int, ids):
            if token not in self._known:
                self._known[token] = _piece(self._tokenizer, token)
            found.append(self._known[token])
        return found


def pieces(tokenizer: Any, ids: Iterable[int]) -> list[str]:
    """The text of each token, for those who ask once."""
    return Pieces(tokenizer)(ids)


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
