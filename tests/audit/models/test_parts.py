"""Work that was broken off is cut into the parts that are left, and into no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models import batching
from audit.models.batching import batches
from audit.models.cache import parts as cutting
from audit.models.cache.keys import answer_key, sequence_id
from audit.models.cache.parts import MOST_BITS, Part, parts_of, shard_bits, shard_of
from audit.models.cache.recalled_tokens import recalled_stream
from audit.models.cache.recalling import recalled_capture, recalled_continuations
from audit.models.generation import continuations
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from tests.audit.models.cached import (
    READS,
    assert_identical,
    forward_passes,
    sequences,
    shards,
)

BUDGET = 64


@st.composite
def works(draw: st.DrawFn) -> tuple[list[list[int]], list[bytes], list[int], int]:
    """Groups of prompts, their digests and lengths, and the number of bits."""
    lengths = draw(st.lists(st.integers(1, 2 * BUDGET), min_size=1, max_size=120))
    second = draw(st.sets(st.integers(0, len(lengths) - 1)))
    groups = [sorted(set(range(len(lengths))) - second), sorted(second)]
    digests = [sequence_id((length, index)) for index, length in enumerate(lengths)]
    return groups, digests, lengths, draw(st.integers(0, 3))


def cut(groups: Sequence[Sequence[int]], work: tuple[Any, ...]) -> list[Part]:
    _, digests, lengths, bits = work
    return parts_of(groups, digests, lengths, bits=bits, batch_tokens=BUDGET)


def batches_in(parts: Sequence[Part], lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for part in parts:
        for start, stop in batches(part.items, lengths, BUDGET):
            yield part.items[start:stop]


@given(work=works(), data=st.data())
def test_what_is_left_is_cut_into_the_parts_that_are_left(work: Any, data: st.DataObject) -> None:
    groups, digests, lengths, bits = work
    few = pytest.MonkeyPatch()
    few.setattr(cutting, "BATCHES_A_PART", 2)
    try:
        parts = cut(groups, work)
        done = data.draw(st.sets(st.sampled_from(range(len(parts))), max_size=len(parts)))
        gone = {index for number in done for index in parts[number].items}
        left = cut([[index for index in group if index not in gone] for group in groups], work)
    finally:
        few.undo()
    assert sorted(index for part in parts for index in part.items) == list(range(len(lengths)))
    for part in parts:
        assert {shard_of(digests[index], bits) for index in part.items} == {part.shard}
        assert any(set(part.items) <= set(group) for group in groups)
    rest = [part for number, part in enumerate(parts) if number not in done]
    assert sorted(left, key=lambda part: part.items) == sorted(rest, key=lambda part: part.items)
    assert set(batches_in(left, lengths)) <= set(batches_in(parts, lengths))


def test_cutting_in_the_middle_of_a_batch_makes_other_batches() -> None:
    lengths = [60, 30, 30, 20, 20, 20, 10]
    whole = set(batches_in([Part("", tuple(range(7)))], lengths))
    broken = set(batches_in([Part("", (2, 3, 4, 5, 6))], lengths))
    assert not broken <= whole


def test_the_longest_prompt_is_in_the_first_part() -> None:
    lengths = [index % 37 + 1 for index in range(500)]
    lengths[321] = 64
    digests = [sequence_id((index,)) for index in range(500)]
    parts = parts_of([range(500)], digests, lengths, bits=3, batch_tokens=BUDGET)
    assert parts[0].items[0] == 321
    assert [part.shard for part in parts] == sorted(
        (part.shard for part in parts), key=[part.shard for part in parts].index
    )


def test_bits_grow_with_the_work_and_keys_lie_with_their_prompt() -> None:
    a_shard = cutting.BATCHES_A_SHARD * 2048
    grown = [shard_bits(a_shard * times, 2048) for times in (0, 1, 2, 3, 4, 31, 32, 10**6)]
    assert grown == [0, 0, 1, 1, 2, 4, 5, MOST_BITS]
    for number in range(50):
        digest = sequence_id((number,))
        assert shard_of(digest, 5) == shard_of(answer_key(digest, (1, 2)), 5)
        assert len(shard_of(digest, 5)) == 5


class Elsewhere:
    """A crew that works backwards, and says what it was given."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.asked: list[str] = []

    def each(self, function: Any, parts: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        for number in reversed(range(len(parts))):
            self.asked.append(function.__name__)
            yield number, function(self.model, *parts[number])


def test_a_crew_finds_what_is_found_here(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "BATCHES_A_SHARD", 4)
    monkeypatch.setattr(cutting, "BATCHES_A_PART", 2)
    monkeypatch.setitem(batching.BATCH_TOKENS, "cpu", BUDGET)
    asked, rows = sequences(60), [one.ids for one in sequences(9)]
    here = recalled_capture(model, asked, READS)
    texts = continuations(model, rows, 5)
    tokens = list(stream(model, rows, ["hook_embed"]))
    files = {file.name for file in shards()}
    assert len({name.partition("-")[0] for name in files}) == 2
    for file in shards():
        file.unlink()
    crew = Elsewhere(replace(model, cache=None))
    crewed = replace(model, crew=crew)
    for cached in (True, False):
        crew.asked.clear()
        one = crewed if cached else replace(crewed, cache=None)
        told: list[int] = []
        assert_identical(recalled_capture(one, asked, READS, progress=told.append), here)
        assert told == sorted(told)
        assert told[-1] == sum(len(each.ids) for each in asked)
        assert recalled_continuations(one, rows, 5) == texts
        assert crew.asked.count("capture") == len(files)
        assert "continuations" in crew.asked
        assert {file.name for file in shards()} >= files
    found = list(recalled_stream(crewed, rows, ["hook_embed"]))
    assert "streamed" in crew.asked
    for left, right in zip(found, tokens, strict=True):
        assert left.x["hook_embed"].equal(right.x["hook_embed"])
    with forward_passes(model) as passes:  # what came from elsewhere is kept here
        assert_identical(recalled_capture(model, asked, READS), here)
        assert recalled_continuations(model, rows, 5) == texts
        assert not passes
