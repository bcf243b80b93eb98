"""The cache before `capture` and `continuations`: only what is not kept runs, part by part.

Each part is kept when it is done, and is one file: when a run dies, the parts that were done are
there whole, and the next run goes on with the others, in the same batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from audit.models.batching import batch_tokens
from audit.models.cache.answers import Answers
from audit.models.cache.keys import answer_key, sequence_id, text_kind
from audit.models.cache.parts import Part, parts_of, shard_bits
from audit.models.cache.segments import Table, table_of
from audit.models.capture import capture
from audit.models.generation import continuations
from audit.models.loaded import LoadedModel
from audit.models.sequences import Captured, Read, TokenSequence


def recalled_capture(
    loaded: LoadedModel,
    sequences: Sequence[TokenSequence],
    reads: Sequence[Read],
    *,
    progress: Callable[[int], None] | None = None,
    on_event: Callable[[str], None] | None = None,
) -> Captured:
    """What `capture` gives, from the model's cache as far as that goes.

    Args:
        loaded: the model; with neither cache nor crew this is `capture`.
        sequences: distinct token sequences with what is wanted of each.
        reads: places and poolings that selections refer to.
        progress: told the tokens done so far, those of which all was known at once.
        on_event: as in `capture`.

    Raises:
        UsageError: as `capture`.
        MeasurementError: as `capture`; what was computed before is kept.
    """
    if loaded.cache is None and loaded.crew is None:
        return capture(loaded, sequences, reads, progress=progress, on_event=on_event)
    answers = Answers(sequences, reads)
    slots = {kind: slot for slot, kind in enumerate(answers.kinds) if kind is not None}

    def took(kind: str, at: list[int], table: Table) -> None:
        answers.take(slots[kind], at, table.values)

    if loaded.cache is not None:
        loaded.cache.find({kind: answers.keys[slot] for kind, slot in slots.items()}, took)
    missing = list(answers.missing())
    lengths = [len(one.sequence.ids) for one in missing]
    whole = sum(len(one.ids) for one in sequences)
    done = whole - sum(lengths)
    tell = progress or (lambda tokens: None)
    tell(done)
    budget = batch_tokens(loaded.device, loaded.d_model)
    spoken = [index for index, one in enumerate(missing) if one.sequence.next_tokens]
    silent = [index for index, one in enumerate(missing) if not one.sequence.next_tokens]
    parts = parts_of(
        [spoken, silent],  # as `capture` runs them apart
        [answers.digests[one.index] for one in missing],
        lengths,
        bits=shard_bits(whole, budget),
        batch_tokens=budget,
    )
    asked = [([missing[index].sequence for index in part.items], reads) for part in parts]

    def here(number: int) -> Captured:
        return capture(
            loaded, *asked[number], progress=partial(_further, tell, done), on_event=on_event
        )

    for part, found in _run(loaded, capture, parts, asked, here):
        tables = answers.learn([missing[index] for index in part.items], found)
        if loaded.cache is not None:
            loaded.cache.add(tables, part.shard)
        done += sum(lengths[index] for index in part.items)
        tell(done)
    return answers.captured(loaded.d_model)


def recalled_continuations(
    loaded: LoadedModel,
    prompts: Sequence[tuple[int, ...]],
    max_new_tokens: int,
    *,
    on_event: Callable[[str], None] | None = None,
) -> list[str]:
    """What `continuations` gives, from the model's cache as far as that goes.

    Arguments and errors as there.
    """
    if loaded.cache is None and loaded.crew is None:
        return continuations(loaded, prompts, max_new_tokens, on_event=on_event)
    kind = text_kind(max_new_tokens)
    distinct = list(dict.fromkeys(prompts))
    digests = [sequence_id(ids) for ids in distinct]
    keys = [answer_key(digest) for digest in digests]
    texts: dict[tuple[int, ...], str] = {}

    def took(kind: str, at: list[int], table: Table) -> None:
        for index, end, count in zip(at, table.counts.cumsum(), table.counts, strict=True):
            texts[distinct[index]] = table.values[end - count : end].tobytes().decode()

    if loaded.cache is not None:
        loaded.cache.find({kind: keys}, took)
    lengths = [len(ids) + max_new_tokens for ids in distinct]
    budget = batch_tokens(loaded.device, loaded.d_model)
    parts = parts_of(
        [[index for index, ids in enumerate(distinct) if ids not in texts]],
        digests,
        lengths,
        bits=shard_bits(sum(lengths), budget),
        batch_tokens=budget,
    )
    asked = [([distinct[index] for index in part.items], max_new_tokens) for part in parts]

    def here(number: int) -> list[str]:
        return continuations(loaded, *asked[number], on_event=on_event)

    for part, found in _run(loaded, continuations, parts, asked, here):
        texts.update(zip((distinct[index] for index in part.items), found, strict=True))
        written = [text.encode() for text in found]
        values = np.frombuffer(b"".join(written), np.uint8)
        counts = np.array([len(text) for text in written])
        table = table_of([keys[index] for index in part.items], values, counts)
        if loaded.cache is not None:
            loaded.cache.add({kind: table}, part.shard)
    return [texts[ids] for ids in prompts]


def _run(
    loaded: LoadedModel,
    function: Callable[..., Any],
    parts: Sequence[Part],
    asked: Sequence[tuple[Any, ...]],
    here: Callable[[int], Any],
) -> Iterator[tuple[Part, Any]]:
    """Each part with what was found: by the model's crew in any order, else here one by one."""
    if loaded.crew is None:
        yield from ((part, here(number)) for number, part in enumerate(parts))
    elif parts:
        yield from ((parts[number], found) for number, found in loaded.crew.each(function, asked))


def _further(tell: Callable[[int], None], before: int, tokens: int) -> None:
    tell(before + tokens)
