"""What one process does with a checkpoint's answers, whoever computed them: `docs/scale.md`.

As many pooled vectors as a model of 7B parameters gives are put together, kept and read again,
with parts as the size of the work cuts them. Prints seconds of the process's own time.

    python -m benchmarks.speed.driver [PROMPTS] [WIDTH]
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

READS = 2  # the place at half depth, and the embeddings of the train and validation rows


def main(prompts: int = 10_000, width: int = 4096) -> None:
    """Measure and print."""
    from audit.models.cache import recalling
    from audit.models.cache.folder import CacheFolder
    from audit.models.cache.store import ModelCache
    from audit.models.capture import Captured, Read, Selection, TokenSequence
    from benchmarks.speed.prompts import lengths

    rng = np.random.default_rng(0)
    asked = [
        TokenSequence(
            tuple(rng.integers(32_000, size=n).tolist()), (Selection(tuple(range(n)), (0, 1)),)
        )
        for n in lengths(prompts)
    ]
    reads = [Read("blocks.16.hook_resid_post", "mean"), Read("hook_embed", "mean")]
    sent: list[int] = []

    class Crew:
        """Answers of the right size from nowhere, as they come out of the object store."""

        def each(self, function: Any, parts: Any) -> Any:
            for number, part in enumerate(parts):
                rows = {(index, 0): index for index in range(len(part[0]))}
                vectors = np.zeros((len(rows), width), np.float32)
                sent.append(len(pickle.dumps(part)))
                none = tuple(() for _ in rows)
                yield number, Captured((vectors,) * READS, (rows,) * READS, none, (0,) * READS)

    with tempfile.TemporaryDirectory() as folder:
        cache = ModelCache(CacheFolder(Path(folder), print), "answers/of-a-model")
        far = mock.Mock(cache=cache, crew=Crew(), device="cuda:0", d_model=width)
        first = _seconds(lambda: recalling.recalled_capture(far, asked, reads))
        files = list(Path(folder).glob("answers/*/*.safetensors"))
        size = sum(file.stat().st_size for file in files)
        again = _seconds(lambda: recalling.recalled_capture(far, asked, reads))
    block = bytes(2**28)
    hashed = len(block) / _seconds(lambda: hashlib.sha256(block).digest())
    tokens = sum(len(one.ids) for one in asked)
    print(f"{prompts:,} prompts, {tokens:,} tokens, {READS} vectors of {width} each")
    print(f"parts {len(sent)}, sent out {sum(sent) / 1e6:.1f} MB, back {size / 1e6:.0f} MB")
    print(f"files {len(files)}, {size / prompts / 1e3:.1f} kB a prompt")
    print(f"merged and kept {first:.2f} s, {first / len(sent) * 1e3:.0f} ms a part")
    print(f"read again {again:.2f} s")
    print(f"sha256 {hashed / 1e9:.2f} GB/s")


def _seconds(run: Callable[[], Any]) -> float:
    before = time.process_time()
    run()
    return time.process_time() - before


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
