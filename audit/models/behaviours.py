"""What the model visibly does on a row: one entry of `BEHAVIOURS` per kind of a suite.

Each kind has two steps. `ask` says which log-probabilities it needs, before anything runs,
so that they come out of the pass that captures activations; `judge` turns the answers into
one `Behaviour` per row. A kind that needs none asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audit.errors import UsageError
from audit.models.cache.recalling import recalled_continuations
from audit.models.loading import LoadedModel
from audit.models.prompts import encode_choices, encode_prompts
from audit.models.sequences import TokenSequence
from audit.models.tokens import Encoded, Truncation
from suites.rows import Row
from suites.schema import ChoiceBehaviour, RegexBehaviour


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the model did on one row.

    Attributes:
        says: the choice it picked or the text it wrote, None where it said nothing.
        asserts: whether that says the concept is there, None where nobody can tell.
        misbehaves: whether it counts as misbehaviour, None where nobody can tell.
    """

    says: str | None
    asserts: bool | None
    misbehaves: bool | None


@dataclass(frozen=True, slots=True)
class Questions:
    """The rows whose behaviour is looked at, with the model and what the suite says.

    Attributes:
        loaded: the model.
        spec: a behaviour of the suite.
        rows: the rows.
        encoded: their tokens, in the same order.
        truncation: what may be cut off a prompt that is too long.
    """

    loaded: LoadedModel
    spec: Any
    rows: Sequence[Row]
    encoded: Sequence[Encoded]
    truncation: Truncation = "error"


Answers = Sequence[Sequence[Sequence[float]]]
OnEvent = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BehaviourKind:
    """The two steps of a kind.

    Attributes:
        ask: for each row the sequences whose `next_tokens` it needs.
        judge: for each row its behaviour, from the log-probabilities of what was asked:
            `answers[row][sequence][token]`.
    """

    ask: Callable[[Questions], list[tuple[TokenSequence, ...]]]
    judge: Callable[[Questions, Answers, OnEvent | None], list[Behaviour]]


def ask_choices(questions: Questions) -> list[tuple[TokenSequence, ...]]:
    """One sequence per choice of each row, wanting the choice's tokens.

    A choice of one token is wanted at the end of the prompt, in the sequence that is
    captured anyway; a longer one needs a sequence of its own.

    Raises:
        UsageError: a row has no choices, or choices that cannot be told apart; or the model
            cannot choose.
    """
    questions.loaded.must_speak()
    spec: ChoiceBehaviour = questions.spec
    options = [_options(row, item, spec) for row, item in _pairs(questions)]
    choices = encode_choices(
        questions.encoded,
        options,
        questions.loaded.tokenizer,
        context_length=questions.loaded.context_length,
        truncation=questions.truncation,
    )
    return [
        tuple(_asked(item.ids, found.prompt, continuation) for continuation in found.continuations)
        for item, found in zip(questions.encoded, choices, strict=True)
    ]


def judge_choices(
    questions: Questions, answers: Answers, on_event: OnEvent | None = None
) -> list[Behaviour]:
    """The choice with the highest log-probability; the first of equals."""
    spec: ChoiceBehaviour = questions.spec
    result = []
    for (row, item), log_probs in zip(_pairs(questions), answers, strict=True):
        options = _options(row, item, spec)
        scores = [sum(values) for values in log_probs]
        if spec.normalise == "tokens":
            scores = [score / len(of) for score, of in zip(scores, log_probs, strict=True)]
        picked = options[scores.index(max(scores))]
        asserts = _asserts(spec, options, picked)
        result.append(Behaviour(picked, asserts, _misbehaves(row, item, options, picked, asserts)))
    return result


def ask_text(questions: Questions) -> list[tuple[TokenSequence, ...]]:
    """No log-probabilities, but prompts that leave room for the text.

    Raises:
        UsageError: a prompt leaves none, or the model cannot write.
    """
    questions.loaded.must_speak()
    return [() for _ in _prompts(questions)]


def judge_text(
    questions: Questions, answers: Answers, on_event: OnEvent | None = None
) -> list[Behaviour]:
    """A greedy continuation of each prompt, searched for the patterns."""
    spec: RegexBehaviour = questions.spec
    texts = recalled_continuations(
        questions.loaded, _prompts(questions), spec.max_new_tokens, on_event=on_event
    )
    bad = re.compile(spec.pattern)
    asserting = None if spec.asserts is None else re.compile(spec.asserts)
    denying = None if spec.denies is None else re.compile(spec.denies)
    return [
        Behaviour(
            says=text,
            asserts=_told(
                asserting is not None and asserting.search(text) is not None,
                denying is not None and denying.search(text) is not None,
            ),
            misbehaves=bad.search(text) is not None,
        )
        for text in texts
    ]


def judge_rows(
    questions: Questions, answers: Answers, on_event: OnEvent | None = None
) -> list[Behaviour]:
    """What each row says of its recorded response."""
    return [
        Behaviour(says=_recorded(row), asserts=None, misbehaves=row.behaviour)
        for row in questions.rows
    ]


def ask_nothing(questions: Questions) -> list[tuple[TokenSequence, ...]]:
    """No log-probabilities are needed."""
    return [() for _ in questions.rows]


BEHAVIOURS: dict[str, BehaviourKind] = {
    "choice": BehaviourKind(ask_choices, judge_choices),
    "regex": BehaviourKind(ask_text, judge_text),
    "row": BehaviourKind(ask_nothing, judge_rows),
}


def _pairs(questions: Questions) -> list[tuple[Row, Encoded]]:
    return list(zip(questions.rows, questions.encoded, strict=True))


def _prompts(questions: Questions) -> list[tuple[int, ...]]:
    return encode_prompts(
        questions.encoded,
        questions.loaded.tokenizer,
        context_length=questions.loaded.context_length,
        room=questions.spec.max_new_tokens,
        truncation=questions.truncation,
    )


def _options(row: Row, encoded: Encoded, spec: ChoiceBehaviour) -> tuple[str, ...]:
    options = tuple(spec.choices or row.choices)
    if len(options) < 2:
        raise UsageError(
            f"{encoded.place}: a choice behaviour needs two choices or more, in the suite or in "
            f"the row; here there are {len(options)}"
        )
    if spec.asserts is not None and spec.asserts not in options:
        raise UsageError(
            f"{encoded.place}: `asserts` is {spec.asserts!r}, which is none of {list(options)}"
        )
    return options


def _asserts(spec: ChoiceBehaviour, options: tuple[str, ...], picked: str) -> bool | None:
    """Whether a choice asserts or denies the concept; of more than two, others do neither."""
    if spec.asserts is None:
        return None
    other_of_two = len(options) == 2 and picked != spec.asserts
    return _told(picked == spec.asserts, picked == spec.denies or other_of_two)


def _told(asserts: bool, denies: bool) -> bool | None:
    """One of the two, or None: a model that says neither or both has not said."""
    return asserts if asserts != denies else None


def _asked(
    ids: tuple[int, ...], prompt: tuple[int, ...], continuation: tuple[int, ...]
) -> TokenSequence:
    needed = prompt + continuation[:-1]
    at = len(prompt) - 1
    return TokenSequence(
        # What comes later changes nothing before it: the row's own tokens serve if they begin so.
        ids=ids if ids[: len(needed)] == needed else needed,
        next_tokens=tuple((at + step, token) for step, token in enumerate(continuation)),
    )


def _misbehaves(
    row: Row, encoded: Encoded, options: tuple[str, ...], picked: str, asserts: bool | None
) -> bool | None:
    if row.misbehaviour is None:
        return None if row.label is None or asserts is None else asserts != bool(row.label)
    of = row.choices or options
    if row.misbehaviour >= len(of) or of[row.misbehaviour] not in options:
        raise UsageError(f"{encoded.place}: its misbehaviour is none of {list(options)}")
    return picked == of[row.misbehaviour]


def _recorded(row: Row) -> str | None:
    if row.messages and row.messages[-1].role == "assistant":
        return row.messages[-1].content
    return row.answer or None
