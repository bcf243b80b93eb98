"""Capture with pooling beside the bare forward pass, one layer and all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from audit.models.capture import Read, capture
from audit.models.loaded import LoadedModel
from benchmarks.speed.figures import CannotRunError, Figure, figure_of
from benchmarks.speed.floor import all_layers, cut_at, forward, half_depth, layer_of, own_batches
from benchmarks.speed.portions import portions, told
from benchmarks.speed.subjects import SUBJECTS, subject
from benchmarks.speed.timing import interleaved, ratios
from benchmarks.speed.work import Work

GOAL = 1.05
Wanted = Callable[[LoadedModel], list[Read]]
WANTED: dict[str, Wanted] = {"one layer at half depth": half_depth, "all layers": all_layers}


def rows(work: Work) -> Iterator[Figure]:
    """One figure for each model and each way of wanting."""
    for model in SUBJECTS:
        for said, wanted in WANTED.items():
            name = f"capture and pooling, {said}"
            try:
                yield _figure(name, subject(model, work), wanted, work)
            except CannotRunError as error:
                yield Figure(name, None, GOAL, peer="floor", model=model, note=str(error))


def _figure(name: str, loaded: LoadedModel, wanted: Wanted, work: Work) -> Figure:
    reads = wanted(loaded)
    parts = portions(loaded, reads, work)
    cut = cut_at(loaded, max(map(layer_of, reads)))
    batches = {id(part): own_batches(loaded, part, len(reads)) for part in parts}
    times = interleaved(
        {
            "floor": lambda part: forward(cut, batches[id(part)]),
            "capture": lambda part: capture(loaded, part, reads),
        },
        parts,
        warm=parts[0],
    )
    return figure_of(
        ratios(times, "capture", "floor"),
        name,
        goal=GOAL,
        peer="floor",
        model=loaded.name,
        work=told(parts),
    )
