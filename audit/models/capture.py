"""Activations of an unmodified model: pooled where they arise, and no layer run too many.

Every distinct sequence runs once. Its wanted tokens are pooled inside the hook, so
`[n, width]` is all that is kept; a batch ends at the deepest place it wants, unless
log-probabilities are wanted of it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from audit.models.batching import batch_tokens, longest_first, run_in_batches
from audit.models.bridge import bridge_of
from audit.models.forward import Place, evaluating, run_batch
from audit.models.hook_names import Backend, HookPoint, HookPoints
from audit.models.kept import Kept
from audit.models.loaded import LoadedModel, device_of
from audit.models.padding import PaddingSide, make_batch
from audit.models.quiet import quiet
from audit.models.sequences import Captured, Read, Selection, TokenSequence, captured_bytes

__all__ = ["Captured", "Read", "Selection", "TokenSequence", "capture", "captured_bytes"]

# Logits are [positions, vocabulary] in float32: 2**26 of them are 256 MiB.
MOST_LOGITS = 2**26


def capture(
    loaded: LoadedModel,
    sequences: Sequence[TokenSequence],
    reads: Sequence[Read],
    *,
    max_batch_tokens: int | None = None,
    padding_side: PaddingSide = "right",
    progress: Callable[[int], None] | None = None,
    on_event: Callable[[str], None] | None = None,
) -> Captured:
    """Run every sequence once and keep what the reads want.

    Args:
        loaded: the model; it comes back as it was.
        sequences: distinct token sequences with what is wanted of each.
        reads: places and poolings that selections refer to.
        max_batch_tokens: most tokens in a batch, padding included; by default what suits
            the device.
        padding_side: changes nothing in the result.
        progress: told the tokens done so far. Sequences with reads that only a bridge
            carries run a second time and count twice.
        on_event: told in a sentence when a batch had to be halved.

    Raises:
        UsageError: a place or pooling does not exist, or log-probabilities are wanted of a
            model without a vocabulary head.
        MeasurementError: not even one sequence fits into memory.
    """
    points = HookPoints(loaded.model)
    resolved = [points.resolve(read.hook_name) for read in reads]
    if any(sequence.next_tokens for sequence in sequences):
        loaded.must_speak()
    device = device_of(loaded.model)
    sizes = [len(sequence.selections) for sequence in sequences]
    kept = Kept(reads, sizes, device.type == "cuda")
    budget = max_batch_tokens or batch_tokens(str(device), loaded.d_model)
    done = _adding_up(progress)
    stretches = _stretches(sequences, resolved)
    for stretch in stretches:
        kept.expect(sequences, stretch.order, stretch.reads)
    for stretch in stretches:
        model, places = places_of(loaded.model, resolved, stretch.backend)

        run = partial(_run, stretch, model, places, sequences, kept, padding_side)
        with evaluating(model), quiet():
            run_in_batches(
                stretch.order,
                [len(sequence.ids) for sequence in sequences],
                run,
                max_batch_tokens=budget,
                max_items=_most_rows(model, sequences, stretch),
                on_event=on_event,
                done=done,
            )
    return kept.captured(len(sequences), points.d_model)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Sequences that run alike, longest first.

    Attributes:
        order: the sequences.
        backend: what they run on.
        reads: those that this backend serves.
        predicts: they go on to the vocabulary.
    """

    order: tuple[int, ...]
    backend: Backend
    reads: frozenset[int]
    predicts: bool


def _run(
    stretch: _Stretch,
    model: Any,
    places: Sequence[Place],
    sequences: Sequence[TokenSequence],
    kept: Kept,
    side: PaddingSide,
    start: int,
    stop: int,
) -> None:
    """Run one batch of a stretch and keep what is wanted of it."""
    chosen = stretch.order[start:stop]
    batch = make_batch(
        sequences, chosen, stretch.reads, side, device_of(model), predict=stretch.predicts
    )
    logits = run_batch(model, batch, places, partial(kept.hear, batch))
    if logits is not None:
        kept.predict(batch, logits)


def _stretches(sequences: Sequence[TokenSequence], points: Sequence[HookPoint]) -> list[_Stretch]:
    """All sequences of which anything is wanted.

    Those that go on to the vocabulary run apart from those that may stop early. They come
    first: they need the most memory.
    """
    of: dict[Backend, frozenset[int]] = {
        backend: frozenset(i for i, point in enumerate(points) if point.backend == backend)
        for backend in ("module", "bridge")
    }
    spoken: list[int] = []
    silent: dict[Backend, list[int]] = {"module": [], "bridge": []}
    for index, sequence in enumerate(sequences):
        wanted = {read for selection in sequence.selections for read in selection.reads}
        if sequence.next_tokens:
            spoken.append(index)
        elif wanted & of["module"]:
            silent["module"].append(index)
        if wanted & of["bridge"]:
            silent["bridge"].append(index)
    groups: list[tuple[list[int], Backend, bool]] = [
        (spoken, "module", True),
        (silent["module"], "module", False),
        (silent["bridge"], "bridge", False),
    ]
    lengths = [len(sequence.ids) for sequence in sequences]
    return [
        _Stretch(tuple(longest_first(lengths, items)), backend, of[backend], predicts)
        for items, backend, predicts in groups
        if items
    ]


def places_of(model: Any, points: Sequence[HookPoint], backend: Backend) -> tuple[Any, list[Place]]:
    """The model that a backend runs, and where its reads listen in it."""
    reads: dict[HookPoint, list[int]] = {}
    for index, point in enumerate(points):
        if point.backend == backend:
            reads.setdefault(point, []).append(index)
    if backend == "module":
        modules = {point: model.get_submodule(point.module_path) for point in reads}
    else:
        bridge = bridge_of(model)
        model = bridge.original_model
        modules = {point: bridge.hook_dict[point.module_path] for point in reads}
    places = [
        Place(point.name, modules[point], point.side, tuple(indices))
        for point, indices in reads.items()
    ]
    return model, places


def _most_rows(model: Any, sequences: Sequence[TokenSequence], stretch: _Stretch) -> int | None:
    """So many sequences that their logits stay below `MOST_LOGITS`."""
    if not stretch.predicts:
        return None
    most = max(len({p for p, _ in sequences[index].next_tokens}) for index in stretch.order)
    vocabulary = model.get_output_embeddings().weight.shape[0]
    return max(1, MOST_LOGITS // (most * int(vocabulary)))


def _adding_up(progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
    if progress is None:
        return None
    total = 0

    def done(tokens: int) -> None:
        nonlocal total
        total += tokens
        progress(total)

    return done
