"""The same audit again, and the audit with another gate: what is asked of the model a second time.

Forward passes are counted where they happen, in the module that is called.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from audit.engine.run import run_audit
from audit.models.cache.folder import VARIABLE
from audit.models.cache.known import open_model
from benchmarks.speed.figures import Figure, figure_of
from benchmarks.speed.prompts import prompts, tokenizer
from benchmarks.speed.suite_files import write_suite
from benchmarks.speed.timing import timed
from benchmarks.speed.tiny import saved, tiny
from benchmarks.speed.work import Work


def rows(work: Work) -> Iterator[Figure]:
    """Forward passes of a second audit, weights read for another gate, and the time it takes."""
    about = {"peer": "the first audit", "model": "tiny Llama", "work": f"{work.prompts} prompts"}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = saved(folder / "model", tiny(layers=4, width=128))
        made = prompts(tokenizer(), work.prompts)
        suite = write_suite(folder, made)
        gate = write_suite(folder / "gate", made, limit=0.5)
        heeded = write_suite(folder / "suppressed", made, limit=0.0, suppressed=True)
        with patch.dict(os.environ, {VARIABLE: str(folder / "cache")}):
            first, ran, _ = _audit(suite, model)
            if not ran:
                raise AssertionError("no forward pass was counted where there must be some")
            seconds, passes = [], 0
            for _ in range(work.rounds):
                again, more, _ = _audit(suite, model)
                seconds.append(again / first)
                passes += more
            yield Figure("forward passes of the same audit again", passes, 0, unit="", **about)
            for said, other in (("another gate", gate), ("a suppression", heeded)):
                _, passes, read = _audit(other, model)
                yield Figure(f"forward passes, {said}", passes, 0, unit="", **about)
                yield Figure(f"weights read, {said}", float(read), 0, unit="", **about)
        yield figure_of(seconds, "the same audit again / the first", **about)


def _audit(suite: Path, model: Path) -> tuple[float, int, bool]:
    """Seconds of an audit of this folder's model, its forward passes, whether weights were read."""
    loaded = open_model(str(model), device="cpu")
    with _counted() as passes:
        seconds = timed(lambda: run_audit(suite, loaded))
    return seconds, passes[0], loaded.in_memory


@contextmanager
def _counted() -> Iterator[list[int]]:
    """How often a whole model's forward pass is entered while the block runs."""
    from torch.nn.modules.module import register_module_forward_pre_hook
    from transformers import PreTrainedModel

    passes = [0]

    def count(module: object, args: object) -> None:
        passes[0] += isinstance(module, PreTrainedModel) and module.can_generate()

    handle = register_module_forward_pre_hook(count)
    try:
        yield passes
    finally:
        handle.remove()
