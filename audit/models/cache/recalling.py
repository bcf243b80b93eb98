"""The cache before `capture` and `continuations`: only what is not kept runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from audit.models.batching import BATCH_TOKENS, longest_first
from audit.models.cache.answers import Answers
from audit.models.cache.keys import answer_key, sequence_id, text_kind
from audit.models.cache.segments import Table, table_of
from audit.models.capture import capture
from audit.models.generation import continuations
from audit.models.loaded import LoadedModel
from audit.models.sequences import Captured, Read, TokenSequence

BATCHES_AT_RISK = 64
"""When a run dies, what so many batches gave is lost at most; what was before them is kept."""


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
        loaded: the model; without a cache this is `capture`.
        sequences: distinct token sequences with what is wanted of each.
        reads: places and poolings that selections refer to.
        progress: told the tokens done so far, those of which all was known at once.
        on_event: as in `capture`.

    Raises:
        UsageError: as `capture`.
        MeasurementError: as `capture`; what was computed before is kept.
    """
    if loaded.cache is None:
        return capture(loaded, sequences, reads, progress=progress, on_event=on_event)
    answers = Answers(sequences, reads)
    slots = {kind: slot for slot, kind in enumerate(answers.kinds) if kind is not None}

    def took(kind: str, at: list[int], table: Table) -> None:
        answers.take(slots[kind], at, table.values)

    loaded.cache.find({kind: answers.keys[slot] for kind, slot in slots.items()}, took)
    missing = list(answers.missing())
    lengths = [len(one.sequence.ids) for one in missing]
    done = sum(len(one.ids) for one in sequences) - sum(lengths)
    tell = progress or (lambda tokens: None)
    tell(done)
    # As `capture` orders them, so that a part is made of batches that the whole would have.
    order = longest_first(lengths, range(len(missing)))
    order.sort(key=lambda index: not missing[index].sequence.next_tokens)
    for part in _parts(order, lengths, loaded):
        chosen = [missing[index] for index in part]
        found = capture(
            loaded,
            [one.sequence for one in chosen],
            reads,
            progress=partial(_further, tell, done),
            on_event=on_event,
        )
        loaded.cache.add(answers.learn(chosen, found))
        done += sum(lengths[index] for index in part)
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
    if loaded.cache is None:
        return continuations(loaded, prompts, max_new_tokens, on_event=on_event)
    kind = text_kind(max_new_tokens)
    distinct = list(dict.fromkeys(prompts))
    keys = [answer_key(sequence_id(ids)) for ids in distinct]
    texts: dict[tuple[int, ...], str] = {}

    def took(kind: str, at: list[int], table: Table) -> None:
        for index, end, count in zip(at, table.counts.cumsum(), table.counts, strict=True):
            texts[distinct[index]] = table.values[end - count : end].tobytes().decode()

    loaded.cache.find({kind: keys}, took)
    missing = [index for index, ids in enumerate(distinct) if ids not in texts]
    lengths = [len(ids) + max_new_tokens for ids in distinct]
    for part in _parts(longest_first(lengths, missing), lengths, loaded):
        chosen = [distinct[index] for index in part]
        found = continuations(loaded, chosen, max_new_tokens, on_event=on_event)
        texts.update(zip(chosen, found, strict=True))
        written = [text.encode() for text in found]
        values = np.frombuffer(b"".join(written), np.uint8)
        counts = np.array([len(text) for text in written])
        loaded.cache.add({kind: table_of([keys[index] for index in part], values, counts)})
    return [texts[ids] for ids in prompts]


def _further(tell: Callable[[int], None], before: int, tokens: int) -> None:
    tell(before + tokens)


def _parts(order: list[int], lengths: Sequence[int], loaded: LoadedModel) -> Iterator[list[int]]:
    """The order in parts that are kept one after the other, each of many batches."""
    most = BATCHES_AT_RISK * BATCH_TOKENS.get(loaded.device.partition(":")[0], 4096)
    part: list[int] = []
    tokens = 0
    for index in order:
        part.append(index)
        tokens += lengths[index]
        if tokens >= most:
            yield part
            part, tokens = [], 0
    if part:
        yield part
