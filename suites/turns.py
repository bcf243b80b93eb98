"""The turns of a stored chat, however they were written, as plain `{role, content}`.

Knows the shapes in which chats are stored: Inspect's messages, those of OpenAI and Anthropic,
ShareGPT's `{from, value}`. What is no text is named in brackets, so that no turn loses a part
unseen: `[image]`, `[call ledger(name="Ann")]`, `[error: no such page]`. What a model thought
stands before what it said, between `<think>` and `</think>` with the line breaks that the chat
templates of thinking models write, so that they give it back as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from suites.cells import MESSAGE_ROLES, CellError
from suites.problems import nearest, show

MAX_TURN = 1 << 22  # characters; no context holds as much
Turn = dict[str, str]
TurnsOf = Callable[[Any], list[Turn]]  # from messages as they were stored

_THOUGHT = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)
_ROLES = {role: role for role in MESSAGE_ROLES} | {
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bot", "ai", "model", "function_call"), "assistant"),
    **dict.fromkeys(("function", "function_response", "observation", "ipython"), "tool"),
}


def plain_turns(
    messages: Any, *, roles: Mapping[str, str] = MappingProxyType({}), reasoning: bool = True
) -> list[Turn]:
    """The messages of a chat as `{role, content}`.

    Args:
        messages: as they were stored.
        roles: those that are shown as others; given any, turns of one role in a row are one.
        reasoning: whether what the assistant thought is kept.

    Raises:
        CellError: what is no message, and a turn of more than `MAX_TURN` characters.
    """
    if not isinstance(messages, list):
        raise CellError(f"must be a list of messages, not {show(messages)}", messages)
    turns = [_turn(number, message) for number, message in enumerate(messages)]
    if not reasoning:
        turns = [turn | {"content": _spoken(turn)} for turn in turns]
    return _shown_as(turns, roles) if roles else turns


def _spoken(turn: Turn) -> str:
    """A turn without what the assistant thought before it spoke."""
    return _THOUGHT.sub("", turn["content"]) if turn["role"] == "assistant" else turn["content"]


def _shown_as(turns: Sequence[Turn], roles: Mapping[str, str]) -> list[Turn]:
    """The turns with some roles shown as others, those of one role in a row as one turn."""
    found: list[Turn] = []
    for turn in turns:
        role = roles.get(turn["role"], turn["role"])
        if found and found[-1]["role"] == role:
            found[-1]["content"] = f"{found[-1]['content']}\n\n{turn['content']}"
        else:
            found.append({"role": role, "content": turn["content"]})
    return found


def up_to_the_answer(turns: list[Turn]) -> tuple[list[Turn], bool]:
    """The turns up to the last that the assistant said something in, and whether there is one."""
    for end in range(len(turns), 0, -1):
        if turns[end - 1]["role"] == "assistant" and turns[end - 1]["content"].strip():
            return turns[:end], True
    return turns, False


def _turn(number: int, message: Any) -> Turn:
    if not isinstance(message, dict):
        raise CellError(f"message {number} must be a mapping, not {show(message)}", message)
    written = message.get("role", message.get("from"))
    role = _ROLES.get(written) if isinstance(written, str) else None
    if role is None:
        hint = nearest(str(written), _ROLES)
        raise CellError(f"message {number} has the role {show(written)}", written, hint)
    try:
        text = "\n".join(_said(message))
    except CellError as error:
        raise CellError(f"message {number} {error.message}", hint=error.hint) from None
    if len(text) > MAX_TURN:
        message_ = f"message {number} has {len(text):,} characters, and {MAX_TURN:,} are the most"
        raise CellError(message_, hint="shorten it, or leave the transcript out")
    if half := next((sign for sign in text if "\ud800" <= sign <= "\udfff"), ""):
        name = f"\\u{ord(half):04x}"
        raise CellError(
            f"message {number} holds half a character (the lone surrogate {name})",
            hint="write the whole pair",
        )
    return {"role": role, "content": text}


def _said(message: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a message in their order: thought, text, calls, what went wrong."""
    for key in ("reasoning_content", "reasoning"):
        if isinstance(message.get(key), str) and message[key].strip():
            yield _thought(message[key])
            break
    content = message.get("content", message.get("value"))
    text = _text(content)
    if text:
        yield text
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        yield message["refusal"]
    calls = message.get("tool_calls") or message.get("function_call") or []
    for call in calls if isinstance(calls, list) else [calls]:
        yield _call(call)
    error = message.get("error")
    if isinstance(error, dict):
        error = error.get("message")
    if isinstance(error, str) and error and error not in text:
        yield f"[error: {error}]"


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise CellError(f"has the content {show(content)}, which is no text")
    return "\n".join(text for text in map(_part, content) if text)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str):
        raise CellError(f"has a part {show(part)} without a type")
    return _PARTS[kind](part) if kind in _PARTS else f"[{kind}]"


def _field(*names: str) -> Callable[[Mapping[str, Any]], str]:
    """The first of some fields that a part has, as text."""

    def read(part: Mapping[str, Any]) -> str:
        value = next((part[name] for name in names if part.get(name) is not None), "")
        return value if isinstance(value, str) else _text(value)

    return read


def _thought(text: str) -> str:
    return f"<think>\n{text.strip()}\n</think>\n"


def _reasoning(part: Mapping[str, Any]) -> str:
    names = ("summary",) if part.get("redacted") else ("reasoning", "thinking", "text", "summary")
    return _thought(_field(*names)(part) or "[redacted]")


def _call(call: Any) -> str:
    """A call of a tool on one line: `[call ledger(name="Ann", deep=true)]`."""
    if not isinstance(call, dict):
        raise CellError(f"has a call {show(call)} that is no mapping")
    function = call.get("function")
    inner = function if isinstance(function, dict) else call
    name = inner.get("name") or (function if isinstance(function, str) else "tool")
    given: Any = next((inner[key] for key in ("arguments", "input", "args") if key in inner), {})
    if isinstance(given, str):
        try:
            parsed = json.loads(given)
        except (ValueError, RecursionError):
            parsed = None
        given = parsed if isinstance(parsed, dict) else given
    if not isinstance(given, dict):
        return f"[call {name}({given if isinstance(given, str) else _json(given)})]"
    return f"[call {name}({', '.join(f'{key}={_json(value)}' for key, value in given.items())})]"


def _used(part: Mapping[str, Any]) -> str:
    """A tool that ran at the provider's: call and result stand in one part."""
    parts = [_call(part), _field("result")(part)]
    if isinstance(part.get("error"), str) and part["error"]:
        parts.append(f"[error: {part['error']}]")
    return "\n".join(text for text in parts if text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _named(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda part: f"[{name}]"


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    **dict.fromkeys(("text", "input_text", "output_text"), _field("text")),
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking"), _reasoning),
    "refusal": _field("refusal"),
    "tool_use": _used,
    "tool_call": _call,
    "tool_result": _field("content"),
    **dict.fromkeys(("image", "image_url", "input_image"), _named("image")),
    **dict.fromkeys(("audio", "input_audio"), _named("audio")),
    **dict.fromkeys(("document", "file", "input_file"), _named("document")),
}
