"""Rows as tokens: rendering, special tokens, selections, truncation."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.errors import UsageError
from audit.models.loading import LoadedModel
from audit.models.prompts import encode_choices, encode_prompts
from audit.models.rendering import joined, render
from audit.models.tokens import Encoded, encode_row, encode_rows, select_tokens
from suites.rows import Message, Row
from suites.schema import LastTokens

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def plain(tiny_llama: LoadedModel) -> Any:
    return tiny_llama.tokenizer


@pytest.fixture(scope="module")
def chat(tiny_llama: LoadedModel) -> Any:
    """The same tokenizer with a chat template and turn markers that are special tokens."""
    tokenizer = copy.deepcopy(tiny_llama.tokenizer)
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|user|>", "<|assistant|>"]})
    tokenizer.chat_template = CHAT
    return tokenizer


def row(**fields: Any) -> Row:
    return Row(id="7", group="g", place="facts.jsonl:8", **fields)


def encode(tokenizer: Any, limit: int | None = None, cut: Any = "error", **fields: Any) -> Encoded:
    return encode_row(row(**fields), tokenizer, context_length=limit, truncation=cut)


def words(tokenizer: Any, encoded: Encoded, positions: tuple[int, ...]) -> str:
    return str(tokenizer.decode([encoded.ids[position] for position in positions]))


def test_text_is_as_it_is_with_one_bos(plain: Any) -> None:
    encoded = encode(plain, text=" the cat\n")
    assert encoded.ids[0] == plain.bos_token_id
    assert plain.bos_token_id not in encoded.ids[1:]
    assert plain.decode(encoded.ids[1:]) == " the cat\n"
    assert encoded.response_start is None
    assert select_tokens(encoded, "all") == tuple(range(1, len(encoded.ids)))
    assert select_tokens(encoded, "prompt") == select_tokens(encoded, "all")


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("a", "b", "a b"),
        ("a ", "b", "a b"),
        ("a", " b", "a b"),
        ("a\n", "b", "a\nb"),
        ("a ", " b", "a  b"),
        ("", "b", "b"),
        ("a", "", "a"),
    ],
)
def test_question_and_answer_have_one_space_between_them(
    before: str, after: str, whole: str
) -> None:
    assert joined(before, after) == whole


def test_question_and_answer(plain: Any) -> None:
    encoded = encode(plain, question="Is Rome in Italy?", answer="true")
    assert encoded.text == "Is Rome in Italy? true"
    assert words(plain, encoded, select_tokens(encoded, "response")).strip() == "true"
    assert words(plain, encoded, select_tokens(encoded, "prompt")) == "Is Rome in Italy?"
    both = select_tokens(encoded, "prompt") + select_tokens(encoded, "response")
    assert both == select_tokens(encoded, "all")


def test_a_question_without_an_answer_is_a_prompt(plain: Any) -> None:
    encoded = encode(plain, question="Is Rome in Italy?", answer="")
    assert encoded.text == "Is Rome in Italy?"
    assert encoded.response_start is None
    with pytest.raises(UsageError, match=r"facts.jsonl:8: row '7': no token .* response"):
        select_tokens(encoded, "response")


def test_messages_without_a_template(plain: Any) -> None:
    turns = (Message("system", "be brief"), Message("user", "where?"))
    asked = encode(plain, messages=turns)
    assert asked.text == "system: be brief\nuser: where?\nassistant:"
    answered = encode(plain, messages=(*turns, Message("assistant", "in Italy")))
    assert answered.text == asked.text + " in Italy"
    assert words(plain, answered, select_tokens(answered, "response")).strip() == "in Italy"


def test_a_chat_template_brings_its_own_special_tokens(chat: Any) -> None:
    encoded = encode(chat, question="where is Rome?", answer=" in Italy ")
    assert encoded.text == "<|user|>where is Rome?</s>\n<|assistant|>in Italy</s>\n"
    assert encoded.ids[0] != chat.bos_token_id
    assert words(chat, encoded, select_tokens(encoded, "response")) == "in Italy"
    assert words(chat, encoded, select_tokens(encoded, "last")) in "Italy"
    prompt = words(chat, encoded, select_tokens(encoded, "prompt"))
    assert prompt == "where is Rome?\n"
    every = words(chat, encoded, select_tokens(encoded, "all"))
    assert "<|" not in every
    assert "</s>" not in every


def test_a_chat_prompt_ends_where_the_model_goes_on(chat: Any) -> None:
    encoded = encode(chat, messages=(Message("user", "where is Rome?"),))
    assert encoded.text.endswith("<|assistant|>")
    last = select_tokens(encoded, "last")
    assert last == (len(encoded.ids) - 1,)
    assert words(chat, encoded, last) == "<|assistant|>"


@pytest.mark.parametrize("answer", ["s", "a", "</", "assistant", "where is Rome?"])
def test_a_short_answer_is_not_looked_for_in_the_template(chat: Any, answer: str) -> None:
    encoded = encode(chat, question="where is Rome?", answer=answer)
    start, end = encoded.rendered.answer or (0, 0)
    assert encoded.text[start:end] == answer
    assert encoded.text[:start] == "<|user|>where is Rome?</s>\n<|assistant|>"


def test_a_chat_template_that_refuses_names_the_row(chat: Any) -> None:
    strict = copy.deepcopy(chat)
    strict.chat_template = "{{ raise_exception('no system turns') }}"
    with pytest.raises(UsageError, match=r"facts.jsonl:8: row '7': .* no system turns"):
        encode(strict, messages=(Message("system", "x"),))
    strict.chat_template = "{{ messages[0].content }}"
    with pytest.raises(UsageError, match="does not show the assistant's last turn"):
        encode(strict, question="a", answer="b")


def test_last_and_last_k(plain: Any) -> None:
    encoded = encode(plain, text="the cat sat on the mat")
    everything = select_tokens(encoded, "all")
    assert select_tokens(encoded, "last") == everything[-1:]
    assert select_tokens(encoded, LastTokens(last=2)) == everything[-2:]
    assert select_tokens(encoded, LastTokens(last=1000)) == everything


def test_last_does_not_fall_on_a_token_that_the_tokenizer_appends(plain: Any) -> None:
    from tokenizers import processors

    ending = copy.deepcopy(plain)
    ending.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    encoded = encode(ending, text="the cat")
    assert encoded.ids[-1] == 1
    assert select_tokens(encoded, "last") == (len(encoded.ids) - 2,)
    (prompt,) = encode_prompts([encoded], ending, context_length=None, room=4)
    assert prompt == encoded.ids[:-1]
    cut = encode(ending, 5, "right", text="the cat sat on the mat")
    assert (cut.ids[0], cut.ids[-1], len(cut.ids)) == (0, 1, 5)


def test_a_span_is_every_token_that_shares_a_character(plain: Any) -> None:
    text = "the city of Rome is in Italy"
    encoded = encode(plain, text=text)
    chosen = select_tokens(encoded, "span", "Rome")
    covered = {at for i in chosen for at in range(*encoded.offsets[i])}
    assert set(range(12, 16)) <= covered
    assert covered <= set(range(11, 17))
    with pytest.raises(UsageError, match="its span 'Paris' is not in its text"):
        select_tokens(encoded, "span", "Paris")
    with pytest.raises(UsageError, match="the row has no span"):
        select_tokens(encoded, "span")


def test_a_tokenizer_without_offsets_says_so(plain: Any) -> None:
    class Slow:
        is_fast = False
        chat_template = None
        unk_token_id = None
        added_tokens_decoder: dict[int, Any] = {}
        all_special_ids = (0,)

        def __call__(self, texts: list[str], **kwargs: Any) -> dict[str, Any]:
            assert not kwargs["return_offsets_mapping"]
            return {"input_ids": [plain(text)["input_ids"] for text in texts]}

    encoded = encode(Slow(), text="the cat")
    assert select_tokens(encoded, "last") == (len(encoded.ids) - 1,)
    with pytest.raises(UsageError, match="does not say which characters"):
        select_tokens(encoded, "span", "cat")
    with pytest.raises(UsageError, match="the answer's tokens cannot be found"):
        encode(Slow(), question="a", answer="b")


# --- truncation --------------------------------------------------------------------


def test_too_long_is_an_error_that_names_row_and_limit(plain: Any) -> None:
    with pytest.raises(UsageError, match=r"facts.jsonl:8: row '7': \d+ tokens, .* holds 6"):
        encode(plain, 6, text="the cat sat on the mat and the dog sat on the cat")


def test_truncation_keeps_the_beginning_token(plain: Any) -> None:
    whole = encode(plain, text="the cat sat on the mat and the dog").ids
    left = encode(plain, 6, "left", text="the cat sat on the mat and the dog")
    right = encode(plain, 6, "right", text="the cat sat on the mat and the dog")
    assert left.ids == whole[:1] + whole[-5:]
    assert right.ids == whole[:6]
    assert left.truncated
    assert right.truncated
    assert len(left.offsets) == len(left.special) == 6


def test_an_answer_that_truncation_took_is_an_error(plain: Any) -> None:
    encoded = encode(plain, 6, "right", question="the cat sat on the mat and", answer="yes")
    with pytest.raises(UsageError, match="no token is selected by `tokens: response` after trunc"):
        select_tokens(encoded, "response")
    left = encode(plain, 6, "left", question="the cat sat on the mat and", answer="yes")
    assert words(plain, left, select_tokens(left, "response")).strip() == "yes"


@pytest.mark.parametrize("text", ["", "\ud800 half a character"])
def test_what_is_no_text_names_the_row(plain: Any, text: str) -> None:
    no_bos = copy.deepcopy(plain)
    no_bos.backend_tokenizer.post_processor = None
    with pytest.raises(UsageError, match=r"facts\.jsonl:8: row '7'"):
        encode(no_bos, text=text)


# --- many rows at once -------------------------------------------------------------

texts = st.text(
    st.characters(codec="utf-8", exclude_characters="<"), min_size=1, max_size=24
).filter(lambda text: bool(text.strip()))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(question=texts, answer=texts)
def test_the_response_covers_the_answer_to_its_end(plain: Any, question: str, answer: str) -> None:
    encoded = encode(plain, question=question, answer=answer)
    start, end = encoded.rendered.answer or (0, 0)
    assert encoded.text[start:end] == answer
    chosen = select_tokens(encoded, "response")
    covered = {at for i in chosen for at in range(*encoded.offsets[i])}
    assert set(range(start, end)) <= covered
    assert chosen == tuple(range(chosen[0], len(encoded.ids)))
    assert render(row(question=question, answer=answer), plain).text == encoded.text


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=6))
def test_rows_together_are_rows_one_by_one(chat: Any, items: list[tuple[str, bool]]) -> None:
    rows = [row(text=text) if plain else row(question=text, answer="yes") for text, plain in items]
    together = encode_rows(rows, chat, context_length=None)
    assert together == [encode_row(one, chat, context_length=None) for one in rows]


def test_stories_tokenizer(shared_models: Any) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(shared_models / "stories260k")
    encoded = encode(tokenizer, question="The dog said", answer="hello to é.")
    assert words(tokenizer, encoded, select_tokens(encoded, "response")).strip() == "hello to é."
    assert words(tokenizer, encoded, select_tokens(encoded, "prompt")).strip() == "The dog said"


# --- choices -----------------------------------------------------------------------


def choices(tokenizer: Any, encoded: Encoded, options: list[str], **limits: Any) -> Any:
    limits = {"context_length": None} | limits
    return encode_choices([encoded], [options], tokenizer, **limits)[0]


def test_prompt_and_choice_are_cut_as_one_text(plain: Any) -> None:
    encoded = encode(plain, question="question: where? answer:")
    found = choices(plain, encoded, ["yes", "no", "true, false"])
    for option, tokens in zip(["yes", "no", "true, false"], found.continuations, strict=True):
        whole = plain("question: where? answer: " + option)["input_ids"]
        assert list(found.prompt + tokens) == whole
    assert found.prompt == encoded.ids


def test_a_choice_that_melts_into_the_prompt_is_compared_from_before(plain: Any) -> None:
    encoded = encode(plain, question="question: where? answer: ")  # ends in a space
    found = choices(plain, encoded, ["yes", "no"])
    assert len(found.prompt) < len(encoded.ids)
    assert found.prompt == encoded.ids[: len(found.prompt)]
    for option, tokens in zip(["yes", "no"], found.continuations, strict=True):
        assert plain.decode(tokens) == f" {option}"


def test_choices_follow_the_prompt_and_not_the_answer(plain: Any) -> None:
    answered = encode(plain, question="question: where?", answer="yes")
    asked = encode(plain, question="question: where?")
    assert choices(plain, answered, ["yes", "no"]) == choices(plain, asked, ["yes", "no"])


def test_choices_follow_a_chat_cue_at_once(chat: Any) -> None:
    encoded = encode(chat, question="where?")
    found = choices(chat, encoded, ["yes", "no"])
    assert found.prompt == encoded.ids
    assert [chat.decode(tokens) for tokens in found.continuations] == ["yes", "no"]


@pytest.mark.parametrize(
    ("options", "sentence"), [(["yes", ""], "choice '' is empty"), (["a", "a"], "are the same")]
)
def test_choices_that_cannot_be_compared(plain: Any, options: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=f"facts.jsonl:8: row '7': .*{sentence}"):
        choices(plain, encode(plain, question="where?"), options)


def test_a_prompt_too_long_for_its_choices(plain: Any) -> None:
    encoded = encode(plain, question="the cat sat on the mat")
    limit = len(encoded.ids)
    with pytest.raises(UsageError, match="leaves no room for what is to follow"):
        choices(plain, encoded, ["yes", "no"], context_length=limit)
    found = choices(plain, encoded, ["yes", "no"], context_length=limit, truncation="left")
    longest = max(map(len, found.continuations))
    assert len(found.prompt) + longest == limit
    assert found.prompt == encoded.ids[:1] + encoded.ids[1 + longest :]
