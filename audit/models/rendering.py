"""A row becomes the text that the model reads, and the place in it where the answer begins.

    text               as it is
    question, answer   the model's chat template, a user's and an assistant's turn; without a
                       template: question, one space unless white space is there, answer
    messages           the chat template, with the assistant's cue after a user's last word;
                       without one: a line `role: content` per turn, and then `assistant:`

Knows rows and chat templates. Tokens come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from audit.errors import UsageError
from suites.rows import Message, Row


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the model reads for one row.

    Attributes:
        text: all of it.
        prompt: the beginning of it, after which the model would answer.
        answer: characters `[start, end)` of the answer in the text, None without one.
        chat: a chat template made it, which brings its own special tokens.
    """

    text: str
    prompt: str
    answer: tuple[int, int] | None
    chat: bool


def render(row: Row, tokenizer: Any) -> Rendered:
    """The text of a row, as the module's docstring lays down.

    Raises:
        UsageError: the model's chat template refuses the row.
    """
    if row.text is not None:
        return Rendered(row.text, row.text, None, chat=False)
    templated = bool(getattr(tokenizer, "chat_template", None))
    if row.question is not None and not templated:
        return _plain_question(row.question, row.answer or "")
    messages = row.messages or _turns(row.question or "", row.answer or "")
    return _chat(row, messages, tokenizer) if templated else _plain_chat(messages)


def joined(before: str, after: str) -> str:
    """Two texts with one space between them, unless either brings white space."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return before + after
    return f"{before} {after}"


def common_prefix(a: Sequence[object], b: Sequence[object]) -> int:
    """How many items two sequences have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _turns(question: str, answer: str) -> tuple[Message, ...]:
    user = Message("user", question)
    return (user, Message("assistant", answer)) if answer else (user,)


def _plain_question(question: str, answer: str) -> Rendered:
    text = joined(question, answer)
    start = len(text) - len(answer)
    return Rendered(text, question, (start, len(text)) if answer else None, chat=False)


def _plain_chat(messages: tuple[Message, ...]) -> Rendered:
    answered = _answered(messages)
    turns = messages[:-1] if answered else messages
    prompt = "".join(f"{turn.role}: {turn.content}\n" for turn in turns) + "assistant:"
    if not answered:
        return Rendered(prompt, prompt, None, chat=False)
    text = f"{prompt} {messages[-1].content}"
    return Rendered(text, prompt, (len(prompt) + 1, len(text)), chat=False)


def _chat(row: Row, messages: tuple[Message, ...], tokenizer: Any) -> Rendered:
    answered = _answered(messages)
    prompt = _apply(row, messages[:-1] if answered else messages, tokenizer, cue=True)
    if not answered:
        return Rendered(prompt, prompt, None, chat=True)
    text = _apply(row, messages, tokenizer, cue=False)
    answer = messages[-1].content.strip()  # templates strip what they embed
    # Behind what both renderings share: a short answer may also be part of the template.
    start = text.find(answer, common_prefix(prompt, text))
    if start < 0:
        raise UsageError(
            f"{where(row)}: the model's chat template does not show the assistant's last turn, "
            "so its tokens cannot be found"
        )
    return Rendered(text, prompt, (start, start + len(answer)), chat=True)


def _answered(messages: tuple[Message, ...]) -> bool:
    return messages[-1].role == "assistant" and bool(messages[-1].content.strip())


def _apply(row: Row, messages: tuple[Message, ...], tokenizer: Any, *, cue: bool) -> str:
    from jinja2 import TemplateError

    turns = [{"role": turn.role, "content": turn.content} for turn in messages]
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=cue))
    except (TemplateError, ValueError, TypeError, IndexError, KeyError) as error:
        raise UsageError(
            f"{where(row)}: the model's chat template refuses these turns: {error}"
        ) from None


def where(row: Row) -> str:
    """The row as a message names it: its place in the source and its id."""
    return f"{row.place}: row {row.id!r}" if row.place else f"row {row.id!r}"
