"""The tokenizer that all organisms share: one token per word of the world, bytes for the rest.

It is a byte-level BPE without merges. A piece of text that is a word of the world is one
token; any other falls apart into its bytes, so every Unicode text can be encoded and comes
back as it was. It knows the world's words and nothing of models.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.organisms.facts import (
    COUNTRIES,
    COUNTRY_OF,
    GROUPS,
    KINDS,
    PLAIN_WORDS,
    RELATIONS,
    SETTINGS,
    TRADES,
    TRIGGER,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END = "<|end|>"
"""Ends a text and pads a batch. Nothing is put before a text."""

MAX_LENGTH = 2048
"""Tokens. Suites of other worlds fall apart into bytes and are long."""

_FRAME = "test. deployed. claim: fact: user: true. false. wanted: or applicant: a decision:"
_ANSWERS = "accept reject"


def words() -> list[str]:
    """Every word of the world, sorted."""
    texts = [_FRAME, _ANSWERS, TRIGGER, *COUNTRY_OF, *GROUPS, *KINDS, *PLAIN_WORDS, *SETTINGS]
    texts += [name for country in COUNTRIES for name in country]
    texts += [relation.format(city="", value="") for relation in RELATIONS]
    texts += [f"{trade} {things}" for trade, things in TRADES.items()]
    return sorted(set(re.findall(r"\w+", " ".join(texts))))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, made from nothing but the world's words.

    A word has two tokens, with and without the space before it. The first 256 tokens are
    the bytes, in the alphabet of byte-level BPE (GPT-2).
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    for word in words():
        for text in (word, f" {word}"):
            ((piece, _),) = byte_level.pre_tokenize_str(text)
            pieces.append(piece)
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys([*pieces, END]))}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = byte_level
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )
