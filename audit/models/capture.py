"""Activations of an unmodified model: pooled where they arise, and no layer run too many.

Every distinct sequence runs once. Its wanted tokens are pooled inside the hook, so
`[n, width]` is all that is kept; a batch ends at the deepest place it wants, unless
log-probabilities are wanted of it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from audit.models.batching import BATCH_TOKENS, longest_first, run_in_batches
from audit.models.bridge import bridge_of
from audit.models.forward import Place, evaluating, run_batch
from audit.models.hook_names import Backend, HookPoint, HookPoints
from audit.models.kept import Kept
from audit.models.loading import LoadedModel
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
    kept = Kept(reads, loaded.model.device.type == "cuda")
    budget = max_batch_tokens or BATCH_TOKENS.get(loaded.model.device.type, 4096)
    done = _adding_up(progress)
    runs = _runs(sequences, resolved)
    for order, backend in runs:
        kept.expect(sequences, order, _reads_of(resolved, backend))
    for order, backend in runs:
        model, places = _places(loaded.model, resolved, backend)
        listened = _reads_of(resolved, backend)
        with evaluating(model), quiet():
            run_in_batches(
                order,
                [len(sequence.ids) for sequence in sequences],
                partial(_run, model, places, kept, sequences, order, listened, padding_side),
                max_batch_tokens=budget,
                max_items=_most_rows(loaded.model, sequences, order),
                on_event=on_event,
                done=done,
            )
    return kept.captured(len(sequences), points.d_model)


def _run(
    model: Any,
    places: Sequence[Place],
    kept: Kept,
    sequences: Sequence[TokenSequence],
    order: Sequence[int],
    reads: frozenset[int],
    side: PaddingSide,
    start: int,
    stop: int,
) -> None:
    """The batch `order[start:stop]`: run it, keep what is wanted of it."""
    batch = make_batch(sequences, order[start:stop], reads, side, model.device)
    logits = run_batch(model, batch, places, partial(kept.hear, batch))
    if logits is not None:
        kept.predict(batch, logits)


def _runs(
    sequences: Sequence[TokenSequence], points: Sequence[HookPoint]
) -> list[tuple[list[int], Backend]]:
    """Which sequences run on what, longest first.

    Those that go on to the vocabulary run apart from those that may stop early.
    """
    lengths = [len(sequence.ids) for sequence in sequences]
    groups: dict[tuple[bool, Backend], list[int]] = {}
    for index, sequence in enumerate(sequences):
        wanted = {read for selection in sequence.selections for read in selection.reads}
        backends = {points[read].backend for read in wanted}
        if sequence.next_tokens:
            groups.setdefault((True, "module"), []).append(index)
        elif "module" in backends:
            groups.setdefault((False, "module"), []).append(index)
        if "bridge" in backends:
            groups.setdefault((False, "bridge"), []).append(index)
    return [
        (longest_first(lengths, items), backend)
        for (_, backend), items in sorted(groups.items(), reverse=True)
    ]


def _reads_of(points: Sequence[HookPoint], backend: Backend) -> frozenset[int]:
    return frozenset(index for index, point in enumerate(points) if point.backend == backend)


def _places(model: Any, points: Sequence[HookPoint], backend: Backend) -> tuple[Any, list[Place]]:
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


def _most_rows(model: Any, sequences: Sequence[TokenSequence], order: Sequence[int]) -> int | None:
    """So many sequences that their logits stay below `MOST_LOGITS`."""
    most = max(len({p for p, _ in sequences[index].next_tokens}) for index in order)
    if most == 0:
        return None
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
