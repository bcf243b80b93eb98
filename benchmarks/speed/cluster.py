"""Two workers of a Ray cluster beside one, a thread each, and what the driver has to do meanwhile.

Two nodes with one CPU each on this machine. The same parts go to one of them, then to both; the
vectors come back through the object store and are put together, as an audit has it. These are
seconds of the wall: other work on the machine takes from both, and more from the two.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.speed.figures import CannotRunError, Figure, figure_of
from benchmarks.speed.floor import half_depth
from benchmarks.speed.portions import portions, told
from benchmarks.speed.subjects import subject
from benchmarks.speed.work import Work

MODEL = "GPT-2 small"
GOAL = 1.7
PROMPTS = 160  # of a round
TOKENS = 512  # of a part, padding included: enough parts that neither worker waits at the end
STORE = 2**28  # bytes on each node


@dataclass(frozen=True)
class Round:
    """One pass over a portion: seconds on the wall, and of the driver's own."""

    wall: float
    driver: float


def rows(work: Work) -> Iterator[Figure]:
    """Throughput of two workers against one, and the driver's share."""
    loaded = subject(MODEL, work)
    reads = half_depth(loaded)
    size = 240 if work.smoke else PROMPTS
    larger = replace(work, prompts=size * work.rounds, slices={MODEL: size})
    parts = portions(loaded, reads, larger)
    with tempfile.TemporaryDirectory() as folder, _two_nodes() as cluster:
        loaded.model.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
        one, two = _crews(Path(folder), cluster)
        for crew in (one, two):
            _passed(loaded, crew, parts[0], reads)
        rounds = {"one": [], "two": []}  # type: dict[str, list[Round]]
        for number, portion in enumerate(parts):
            ways = [("one", one), ("two", two)]
            for name, crew in ways if number % 2 == 0 else ways[::-1]:
                rounds[name].append(_passed(loaded, crew, portion, reads))
    about: dict[str, Any] = {"model": MODEL, "work": told(parts)}
    yield figure_of(
        [a.wall / b.wall for a, b in zip(rounds["one"], rounds["two"], strict=True)],
        "throughput of two workers, a thread each",
        goal=GOAL,
        least=True,
        peer="one worker",
        note=f"seconds of the wall on two cores, which the driver shares; parts of {TOKENS} "
        "tokens, where a run has 32,768",
        **about,
    )
    yield figure_of(
        [one.driver / one.wall for one in rounds["one"]],
        "what the driver does meanwhile",
        peer="one worker",
        **about,
    )


def _passed(loaded: Any, crew: Any, portion: Any, reads: Any) -> Round:
    from audit.models.cache import recalling

    began, own = time.perf_counter(), time.process_time()
    recalling.recalled_capture(replace(loaded, cache=None, crew=crew), portion, reads)
    done = Round(time.perf_counter() - began, time.process_time() - own)
    crew.let_go()
    return done


def _crews(folder: Path, cluster: Any) -> tuple[Any, Any]:
    """One seat and two of the same model, which a seat goes on holding."""
    from audit.cluster.crew import RayCrew
    from audit.cluster.seat import Held
    from audit.models.cache.keys import surroundings
    from audit.models.loading import load_model

    opener = partial(load_model, str(folder), device="cpu")
    held = Held(opener, opener().weights_digest, surroundings())
    return RayCrew(cluster, held, most=1), RayCrew(cluster, held, most=2)


@contextmanager
def _two_nodes() -> Iterator[Any]:
    from audit.cluster.joining import BEFORE_RAY, LOCAL, join
    from audit.models import batching
    from audit.models.cache import parts

    os.environ.update(BEFORE_RAY)
    try:
        import ray
        from ray.cluster_utils import Cluster
    except ImportError:
        raise CannotRunError("ray is not installed (pip install -e '.[ray]')") from None
    node: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": STORE}
    nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    nodes.add_node(**node)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="error")
    try:
        with (
            mock.patch.object(parts, "BATCHES_A_PART", 1),
            mock.patch.dict(batching.BATCH_TOKENS, {"cpu": TOKENS}),
        ):
            yield join(LOCAL)
    finally:
        ray.shutdown()
        nodes.shutdown()
