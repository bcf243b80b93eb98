"""Questions to a tiny model that stands behind a cache, and what it ran to answer them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audit.models.cache.folder import cache_folder
from audit.models.capture import Captured, Read, Selection, TokenSequence
from audit.models.loading import LoadedModel

READS = [
    Read("blocks.1.hook_resid_post", "mean"),
    Read("blocks.0.hook_attn_out", "last"),
    Read("hook_embed", "max"),
    Read("blocks.2.hook_resid_pre", "max_rolling_mean", 2),
]


def sequences(n: int, seed: int = 0) -> list[TokenSequence]:
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        length = rng.randint(3, 20)
        ids = tuple(rng.randrange(2, 320) for _ in range(length))
        tail = Selection(tuple(range(length // 2, length)), (0, 1, 3))
        some = Selection(tuple(sorted(rng.sample(range(length), 2))), (2, 0))
        made.append(TokenSequence(ids, (tail, some), ((length - 1, 5), (0, 7))))
    return made


@contextmanager
def forward_passes(model: LoadedModel) -> Iterator[list[int]]:
    """The number of prompts in each forward pass inside."""
    seen: list[int] = []

    def count(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids", args[0] if args else None)
        seen.append(len(ids))

    handle = model.model.register_forward_pre_hook(count, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


def assert_identical(a: Captured, b: Captured) -> None:
    for read, rows in enumerate(a.rows):
        assert rows.keys() == b.rows[read].keys()
        assert a.matrix(read, list(rows)).tobytes() == b.matrix(read, list(rows)).tobytes()
    assert a.log_probs == b.log_probs
    assert a.non_finite == b.non_finite


def shards() -> list[Path]:
    return sorted(cache_folder().glob("answers/*/*.safetensors"))
