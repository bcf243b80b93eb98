"""Prompts that something follows: one of a row's choices, or a text that the model writes.

Prompt and choice are cut into tokens as one text is. A tokenizer may join the end of a
prompt with the beginning of a choice in one token; then the choices are compared from the
last place on which all of them agree with the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import add
from typing import Any

from audit.errors import UsageError
from audit.models.rendering import common_prefix, joined
from audit.models.tokenizing import special_tokens, tokenize, without_end
from audit.models.tokens import Encoded, Truncation


@dataclass(frozen=True, slots=True)
class EncodedChoices:
    """The choices of one row.

    Attributes:
        prompt: token ids that every choice goes on from.
        continuations: token ids of each choice after the prompt.
    """

    prompt: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]


def encode_prompts(
    encoded: Sequence[Encoded],
    tokenizer: Any,
    *,
    context_length: int | None,
    room: int,
    truncation: Truncation = "error",
) -> list[tuple[int, ...]]:
    """The tokens of each row's prompt, without its answer, so that `room` tokens can follow.

    Raises:
        UsageError: a prompt is too long; the message names the row.
    """
    special_ids = special_tokens(tokenizer)
    most = None if context_length is None else context_length - room
    prompts: list[tuple[int, ...]] = [()] * len(encoded)
    for chat in (False, True):
        chosen = [i for i, item in enumerate(encoded) if item.rendered.chat is chat]
        texts = [encoded[i].rendered.prompt for i in chosen]
        for i, ids in zip(chosen, tokenize(texts, tokenizer, chat=chat), strict=True):
            kept = tuple(ids if chat else without_end(ids, special_ids))
            prompts[i] = fit_prompt(kept, most, special_ids, truncation, encoded[i].place)
    return prompts


def fit_prompt(
    ids: tuple[int, ...],
    room: int | None,
    special_ids: frozenset[int],
    truncation: Truncation,
    place: str,
) -> tuple[int, ...]:
    """A prompt that something is to follow, with at most `room` tokens.

    Only its left can be cut: its end is where the model goes on.

    Raises:
        UsageError: it is longer and `truncation` is not `left`.
    """
    if room is None or len(ids) <= room:
        return ids
    head = next((i for i, token in enumerate(ids) if token not in special_ids), len(ids))
    if truncation != "left" or room <= head:
        raise UsageError(
            f"{place}: a prompt of {len(ids)} tokens leaves no room for what is to follow it; "
            f"at most {room} fit into the model's context: shorten it, or set `truncation: left`"
        )
    return ids[:head] + ids[len(ids) - (room - head) :]


def encode_choices(
    encoded: Sequence[Encoded],
    choices: Sequence[Sequence[str]],
    tokenizer: Any,
    *,
    context_length: int | None,
    truncation: Truncation = "error",
) -> list[EncodedChoices]:
    """The choices of each row, as continuations of its prompt (never of its answer).

    After plain text a choice is joined as an answer is, with one space; after a chat
    template's cue it follows at once.

    Raises:
        UsageError: a choice is empty, two of a row are the same tokens, or prompt and choice
            do not fit into the context; the message names the row.
    """
    texts: list[str] = []
    for item, options in zip(encoded, choices, strict=True):
        prompt, follow = item.rendered.prompt, add if item.rendered.chat else joined
        texts += [prompt, *(follow(prompt, option) for option in options)]
    special_ids = special_tokens(tokenizer)
    chats = [
        item.rendered.chat
        for item, options in zip(encoded, choices, strict=True)
        for _ in range(1 + len(options))
    ]
    ids = _tokenize(texts, chats, tokenizer, special_ids)
    result, at = [], 0
    for item, options in zip(encoded, choices, strict=True):
        block = ids[at : at + 1 + len(options)]
        at += len(block)
        found = _continuations(item, options, block[0], block[1:])
        room = (
            None if context_length is None else context_length - max(map(len, found.continuations))
        )
        prompt_ids = fit_prompt(found.prompt, room, special_ids, truncation, item.place)
        result.append(replace(found, prompt=prompt_ids))
    return result


def _tokenize(
    texts: list[str], chats: list[bool], tokenizer: Any, special_ids: frozenset[int]
) -> list[list[int]]:
    """Ids of every text, without special tokens that the tokenizer puts at the end."""
    ids: list[list[int]] = [[] for _ in texts]
    for chat in (False, True):
        chosen = [index for index, of in enumerate(chats) if of is chat]
        found = tokenize([texts[index] for index in chosen], tokenizer, chat=chat)
        for index, tokens in zip(chosen, found, strict=True):
            ids[index] = tokens if chat else without_end(tokens, special_ids)
    return ids


def _continuations(
    item: Encoded, options: Sequence[str], prompt: list[int], wholes: list[list[int]]
) -> EncodedChoices:
    shared = min((common_prefix(prompt, whole) for whole in wholes), default=len(prompt))
    continuations = tuple(tuple(whole[shared:]) for whole in wholes)
    if shared == 0:
        raise UsageError(f"{item.place}: the prompt is empty, so no choice can follow it")
    for option, tokens in zip(options, continuations, strict=True):
        if not tokens:
            raise UsageError(f"{item.place}: the choice {option!r} is empty")
    if len(set(continuations)) < len(continuations):
        raise UsageError(f"{item.place}: two of its choices {list(options)} are the same")
    return EncodedChoices(tuple(prompt[:shared]), continuations)
