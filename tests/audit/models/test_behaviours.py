"""What the model says, against a loop that asks it one token at a time."""

from __future__ import annotations

import copy
from typing import Any, get_args

import pytest
import torch
from transformers import BertConfig, BertModel

from audit.errors import UsageError
from audit.models.behaviours import BEHAVIOURS, Behaviour, Questions
from audit.models.capture import TokenSequence, capture
from audit.models.generation import continuations
from audit.models.loading import LoadedModel, wrap_model
from audit.models.tokens import encode_rows
from suites.rows import Message, Row
from suites.schema import BehaviourSpec, ChoiceBehaviour, RegexBehaviour, RowBehaviour
from tests.audit.models.shapes import PLAIN

QUESTIONS = ["Is Rome in Italy?", "the cat sat on", "question: where is the city? answer:"]


def rows_of(questions: list[str] | None = None, **fields: Any) -> list[Row]:
    return [
        Row(id=str(number), group="g", question=question, place=f"facts.csv:{number}", **fields)
        for number, question in enumerate(questions or QUESTIONS)
    ]


def questions_of(model: LoadedModel, spec: Any, rows: list[Row]) -> Questions:
    encoded = encode_rows(rows, model.tokenizer, context_length=model.context_length)
    return Questions(model, spec, rows, encoded)


def observed(model: LoadedModel, spec: Any, rows: list[Row]) -> list[Behaviour]:
    """Ask, capture and judge, as an audit does."""
    questions = questions_of(model, spec, rows)
    kind = BEHAVIOURS[spec.kind]
    asked = kind.ask(questions)
    log_probs = iter(capture(model, [one for row in asked for one in row], []).log_probs)
    return kind.judge(questions, [[next(log_probs) for _ in row] for row in asked], None)


def score(model: LoadedModel, prompt: str, choice: str) -> tuple[float, int]:
    """Log-probability of a choice after a prompt, token by token, and its number of tokens."""
    start = model.tokenizer(prompt)["input_ids"]
    whole = model.tokenizer(f"{prompt} {choice}")["input_ids"]
    assert whole[: len(start)] == start
    total = 0.0
    for position in range(len(start), len(whole)):
        with torch.no_grad():
            logits = model.model(torch.tensor([whole[:position]])).logits[0, -1]
        total += float(logits.log_softmax(-1)[whole[position]])
    return total, len(whole) - len(start)


def test_every_kind_of_the_schema_has_its_two_steps() -> None:
    union = get_args(get_args(BehaviourSpec)[0])
    kinds = {spec.model_fields["kind"].default for spec in union}
    assert set(BEHAVIOURS) == kinds


# --- choices -----------------------------------------------------------------------


@pytest.mark.parametrize("normalise", ["none", "tokens"])
def test_the_choice_is_that_of_the_model(tiny_llama: LoadedModel, normalise: Any) -> None:
    options = ["yes", "no", "the cat and the dog", "Paris is in France"]
    spec = ChoiceBehaviour(choices=options, normalise=normalise)
    found = observed(tiny_llama, spec, rows_of())
    for question, behaviour in zip(QUESTIONS, found, strict=True):
        scored = {option: score(tiny_llama, question, option) for option in options}
        if normalise == "tokens":
            best = max(options, key=lambda option: scored[option][0] / scored[option][1])
        else:
            best = max(options, key=lambda option: scored[option][0])
        assert behaviour.says == best
    lengths = {score(tiny_llama, QUESTIONS[0], option)[1] for option in options}
    assert len(lengths) > 1  # else normalising would not matter


def test_a_choice_of_one_token_needs_no_pass_of_its_own(tiny_llama: LoadedModel) -> None:
    rows = rows_of(answer="true")
    questions = questions_of(tiny_llama, ChoiceBehaviour(choices=["true", "false"]), rows)
    assert len(tiny_llama.tokenizer(" true", add_special_tokens=False)["input_ids"]) == 1
    for item, asked in zip(questions.encoded, BEHAVIOURS["choice"].ask(questions), strict=True):
        assert asked[0].ids == item.ids  # with the recorded answer: what comes later is not seen
        assert asked[0].next_tokens[0][0] == (item.response_start or 0) - 1


def test_who_misbehaves(tiny_llama: LoadedModel) -> None:
    (says,) = [b.says for b in observed(tiny_llama, CHOICE, rows_of(QUESTIONS[:1]))]
    other = "no" if says == "yes" else "yes"
    cases: list[tuple[dict[str, Any], ChoiceBehaviour, bool | None, bool | None]] = [
        ({}, CHOICE, None, None),
        ({"label": 1}, CHOICE, None, None),  # nothing says what the pick asserts
        ({"label": 1}, asserting(says), True, False),
        ({"label": 0}, asserting(says), True, True),
        ({"label": 1}, asserting(other), False, True),
        ({}, asserting(says), True, None),
        ({"misbehaviour": 0, "label": 0}, asserting(says), True, says == "yes"),
        ({"misbehaviour": 1}, CHOICE, None, says == "no"),
        ({"misbehaviour": 0, "choices": (says, "x")}, CHOICE, None, True),
        ({"misbehaviour": 1, "choices": ("x", other)}, CHOICE, None, False),
    ]
    for fields, spec, asserts, misbehaves in cases:
        (found,) = observed(tiny_llama, spec, rows_of(QUESTIONS[:1], **fields))
        assert found == Behaviour(says, asserts, misbehaves), fields


CHOICE = ChoiceBehaviour(choices=["yes", "no"])


def asserting(choice: str | None) -> ChoiceBehaviour:
    return ChoiceBehaviour(choices=["yes", "no"], asserts=choice)


def test_choices_may_be_the_row_s_own(tiny_llama: LoadedModel) -> None:
    rows = [
        Row(id="a", group="g", question="where?", choices=("yes", "no")),
        Row(id="b", group="g", question="where?", choices=("Paris", "Rome", "the dog")),
    ]
    for row, found in zip(rows, observed(tiny_llama, ChoiceBehaviour(), rows), strict=True):
        assert found.says in row.choices


@pytest.mark.parametrize(
    ("spec", "fields", "sentence"),
    [
        (ChoiceBehaviour(), {}, "needs two choices or more"),
        (ChoiceBehaviour(), {"choices": ("yes",)}, "here there are 1"),
        (ChoiceBehaviour(asserts="maybe"), {"choices": ("yes", "no")}, "`asserts` is 'maybe'"),
        (CHOICE, {"misbehaviour": 2}, "misbehaviour is none of"),
        (CHOICE, {"misbehaviour": 0, "choices": ("maybe", "no")}, "misbehaviour is none of"),
    ],
)
def test_rows_that_cannot_be_asked(
    tiny_llama: LoadedModel, spec: Any, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=rf"facts\.csv:0: row '0': .*{sentence}"):
        observed(tiny_llama, spec, rows_of(QUESTIONS[:1], **fields))


# --- text --------------------------------------------------------------------------


def greedy(model: LoadedModel, prompt: str, steps: int) -> str:
    """The most probable token, `steps` times, by whole forward passes."""
    ids = model.tokenizer(prompt)["input_ids"]
    new: list[int] = []
    for _ in range(steps):
        with torch.no_grad():
            token = int(model.model(torch.tensor([ids + new])).logits[0, -1].argmax())
        if token == model.tokenizer.eos_token_id:
            break
        new.append(token)
    return str(model.tokenizer.decode(new, skip_special_tokens=True))


def test_text_is_the_greedy_continuation_of_the_prompt(tiny_llama: LoadedModel) -> None:
    expected = [greedy(tiny_llama, question, 9) for question in QUESTIONS]
    spec = RegexBehaviour(pattern="x", asserts=r"\w", max_new_tokens=9)
    found = observed(tiny_llama, spec, rows_of(answer="not read"))
    assert [behaviour.says for behaviour in found] == expected
    assert all(b.asserts is any(c.isalnum() or c == "_" for c in b.says or "") for b in found)


def test_a_pattern_that_is_found_is_misbehaviour(tiny_llama: LoadedModel) -> None:
    import re

    texts = [greedy(tiny_llama, question, 9) for question in QUESTIONS]
    pattern = re.escape(texts[0])
    found = observed(tiny_llama, RegexBehaviour(pattern=pattern, max_new_tokens=9), rows_of())
    assert [behaviour.misbehaves for behaviour in found] == [text == texts[0] for text in texts]
    assert [behaviour.asserts for behaviour in found] == [None] * 3


@pytest.mark.parametrize("budget", [1, 40, 10**6])
def test_batches_and_repeats_change_no_text(tiny_llama: LoadedModel, budget: int) -> None:
    prompts = [tuple(tiny_llama.tokenizer(q)["input_ids"]) for q in [*QUESTIONS, QUESTIONS[0]]]
    found = continuations(tiny_llama, prompts, 6, max_batch_tokens=budget)
    assert found == [greedy(tiny_llama, q, 6) for q in [*QUESTIONS, QUESTIONS[0]]]


def test_writing_stops_at_the_end_token_and_changes_nothing(tiny_llama: LoadedModel) -> None:
    model = wrap_model(copy.deepcopy(tiny_llama.model), tiny_llama.tokenizer)
    first = greedy(model, QUESTIONS[0], 1)
    (end,) = model.tokenizer(first, add_special_tokens=False)["input_ids"][:1]
    model.model.generation_config.eos_token_id = [end, 1]
    model.model.generation_config.temperature = 0.6  # as chat models ship, with sampling on
    model.model.generation_config.do_sample = True
    model.model.train()
    padding_side, pad = model.tokenizer.padding_side, model.tokenizer.pad_token_id
    prompts = [tuple(model.tokenizer(question)["input_ids"]) for question in QUESTIONS]
    texts = continuations(model, prompts, 5)
    assert texts[0] == ""
    assert model.model.training
    assert model.model.generation_config.do_sample
    assert (model.tokenizer.padding_side, model.tokenizer.pad_token_id) == (padding_side, pad)


def test_writing_out_of_memory_halves_the_batch(tiny_llama: LoadedModel) -> None:
    def forget(module: Any, args: tuple[Any, ...]) -> None:
        if args[0].shape[0] > 1:
            raise RuntimeError("CUDA error: out of memory")

    prompts = [tuple(tiny_llama.tokenizer(question)["input_ids"]) for question in QUESTIONS]
    expected = continuations(tiny_llama, prompts, 4)
    events: list[str] = []
    handle = tiny_llama.model.model.embed_tokens.register_forward_pre_hook(forget)
    try:
        assert continuations(tiny_llama, prompts, 4, on_event=events.append) == expected
    finally:
        handle.remove()
    assert len(events) == 1


def test_a_prompt_that_leaves_no_room_names_the_row(tiny_llama: LoadedModel) -> None:
    spec = RegexBehaviour(pattern="x", max_new_tokens=125)
    questions = questions_of(tiny_llama, spec, rows_of(QUESTIONS[:1]))
    with pytest.raises(UsageError, match=r"facts\.csv:0: .* at most 3 fit"):
        BEHAVIOURS["regex"].ask(questions)  # before anything runs


# --- rows, and models without a voice ----------------------------------------------


def test_a_row_says_it_itself(tiny_llama: LoadedModel) -> None:
    chat = (Message("user", "hi"), Message("assistant", "no"))
    rows = [
        Row(id="a", group="g", question="where?", answer="here", behaviour=True),
        Row(id="b", group="g", messages=chat, behaviour=False),
        Row(id="c", group="g", text="x"),
    ]
    assert observed(tiny_llama, RowBehaviour(), rows) == [
        Behaviour("here", None, True),
        Behaviour("no", None, False),
        Behaviour(None, None, None),
    ]


@pytest.mark.parametrize("spec", [CHOICE, RegexBehaviour(pattern="x")])
def test_an_encoder_says_nothing(tiny_llama: LoadedModel, spec: Any) -> None:
    bert = BertModel(BertConfig(**PLAIN | {"vocab_size": 320})).eval()
    questions = questions_of(wrap_model(bert, tiny_llama.tokenizer), spec, rows_of())
    with pytest.raises(UsageError, match=r"BertModel .* use a causal language model"):
        BEHAVIOURS[spec.kind].ask(questions)  # before anything runs


def test_an_answer_in_the_row_does_not_change_the_choice(tiny_llama: LoadedModel) -> None:
    asked = observed(tiny_llama, CHOICE, rows_of())
    assert observed(tiny_llama, CHOICE, rows_of(answer="no, never")) == asked


def test_asking_nothing_of_nobody(tiny_llama: LoadedModel) -> None:
    assert observed(tiny_llama, CHOICE, []) == []
    assert observed(tiny_llama, RegexBehaviour(pattern="x"), []) == []
    assert capture(tiny_llama, [TokenSequence((2, 3))], []).log_probs == ((),)
