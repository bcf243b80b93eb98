"""Tokens as text, and the window of them that a person is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.engine.token_window import MOST_TOKENS, token_texts, token_window
from audit.features.pieces import Pieces
from audit.models.rendering import render
from audit.models.tokens import Encoded, encode_row
from suites.rows import Row


def row(text: str) -> Row:
    return Row(id="r", group="g", text=text)


def plain(n: int, special: tuple[int, ...] = ()) -> Encoded:
    """A row of `n` tokens of one character each; special ones stand for none."""
    spans, at = [], 0
    for i in range(n):
        spans.append((0, 0) if i in special else (at, at + 1))
        at += i not in special
    flags = tuple(i in special for i in range(n))
    rendered = render(row("x" * at), None)
    return Encoded(
        tuple(range(n)), rendered.text, None, None, tuple(spans), flags, False, rendered, "r"
    )


class Named(Pieces):
    """Tokens that go by their numbers."""

    def __init__(self) -> None:
        super().__init__(None)

    def __call__(self, ids: Iterable[int]) -> list[str]:
        return [f"<{i}>" for i in ids]


named = Named()


@given(text=st.text(min_size=1, max_size=40).filter(lambda t: t.isprintable()))
def test_tokens_put_together_are_the_text(text: str, tiny_llama: Any) -> None:
    """A byte-level tokenizer breaks every letter that is not English into several tokens."""
    encoded = encode_row(row(text), tiny_llama.tokenizer, context_length=None)
    pieces = Pieces(tiny_llama.tokenizer)
    texts = token_texts(encoded, pieces)
    assert texts[0] == "<s>"
    assert "".join(texts[1:]) == text
    shown = token_window(encoded, np.zeros(len(texts)), [len(texts) - 1], pieces)
    assert (shown.before, shown.after) == (1, 0), "the token before the text is not shown"
    assert "".join(shown.tokens) == text


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_truncation_took_is_in_no_token(side: Any, tiny_llama: Any) -> None:
    text = "the cat sat on the mat " * 20 + "end"
    encoded = encode_row(row(text), tiny_llama.tokenizer, context_length=24, truncation=side)
    shown = token_window(encoded, np.zeros(24), [23], Pieces(tiny_llama.tokenizer))
    together = "".join(shown.tokens)
    assert len(together) < 120
    assert together in text
    assert together.endswith("end") == (side == "left")


def test_without_offsets_tokens_go_by_their_names() -> None:
    assert token_texts(replace(plain(3), offsets=()), named) == ["<0>", "<1>", "<2>"]


def test_a_word_of_a_mile_is_cut_short() -> None:
    rendered = render(row("x" * 10_000), None)
    encoded = Encoded(
        (0,), rendered.text, None, None, ((0, 10_000),), (False,), False, rendered, ""
    )
    [text] = token_texts(encoded, named)
    assert len(text) == 201


@given(st.data(), st.integers(1, 400))
def test_the_window_is_short_and_holds_what_matters(data: st.DataObject, n: int) -> None:
    first = data.draw(st.integers(0, n - 1))
    read = list(range(first, data.draw(st.integers(first, min(n - 1, first + 150))) + 1))
    values = np.array(data.draw(st.permutations(range(n)))) / 7 - 3
    shown = token_window(plain(n), values, read, named)
    size = len(shown.tokens)
    assert size == min(n, MOST_TOKENS)
    assert shown.before + size + shown.after == n
    held = [shown.before + at for at in shown.read]
    assert held == [at for at in read if shown.before <= at < shown.before + size]
    assert len(held) == min(len(read), MOST_TOKENS), "as many of the tokens read as fit"
    np.testing.assert_allclose(shown.values, values[shown.before : shown.before + size], rtol=1e-5)
    strongest = int(np.argmax(values))
    fits = max(*read, strongest) - min(*read, strongest) < MOST_TOKENS
    if fits:
        assert shown.before <= strongest < shown.before + size


def test_special_tokens_at_the_ends_are_shown_only_where_they_are_read() -> None:
    encoded = plain(8, special=(0, 1, 4, 7))
    values = np.arange(8.0)
    shown = token_window(encoded, values, [5], named)
    assert shown.tokens == ["x", "x", "<4>", "x", "x"]
    assert (shown.before, shown.after, shown.read) == (2, 1, [3])
    shown = token_window(encoded, values, [7], named)
    assert (shown.tokens[-1], shown.after, shown.read) == ("<7>", 0, [5])


def test_the_sink_of_the_first_token_does_not_draw_the_window_to_it() -> None:
    values = np.zeros(300)
    values[0], values[250] = 1e4, 1.0
    shown = token_window(plain(300, special=(0,)), values, [299], named)
    assert shown.before == 204
