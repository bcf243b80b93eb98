"""On a cluster the checkpoints that come next are at work while the one before them is judged.

Every checkpoint is asked what the reference was asked: the same tokens, at the same places. So
its parts can be sent out before its turn, when nothing is known of it here but the digest of its
weights, which threads take. Their answers wait in Ray's object store until its turn comes, for
as many checkpoints as the cluster has places. Decides nothing: what comes out is what would have
come out one by one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from audit.cluster.joining import join
from audit.errors import AuditError
from audit.models.cache.digests import remembered_digest
from audit.models.cache.folder import cache_folder, silent_folder
from audit.models.cache.keeping import kept_models
from audit.models.checkpoint_files import weight_files
from audit.series.checkpoints import Checkpoint
from audit.series.fingerprints import fingerprint
from audit.series.opening import crew_like
from audit.series.origin import Series
from audit.series.stored_rows import folder_name, kept_row


def in_turn(series: Series, checkpoints: Sequence[Checkpoint]) -> Iterator[Checkpoint]:
    """The checkpoints in their order, the next ones of them at work on the cluster if there is one.

    Whoever audits one finds its crew in `series.crews`, by its name.
    """
    if series.options.ray is None or not series.asked:
        yield from checkpoints
        return
    # A reference that reads what checkpoints write keeps a place of its own.
    places = join(series.options.ray).places() - (series.reference_model is not None)
    at_once = max(1, places)
    known = {one.weights_digest for one in kept_models(cache_folder())}
    threads = ThreadPoolExecutor(os.cpu_count())
    read: dict[int, Future[None]] = {}
    begun = 0
    try:
        for turn, checkpoint in enumerate(checkpoints):
            begun = max(begun, turn)
            for number in range(begun, min(begun + 2 * at_once, len(checkpoints))):
                if number not in read:
                    read[number] = threads.submit(_remember, series, checkpoints[number])
            while begun < len(checkpoints) and len(series.crews) < at_once:
                of_each = max(1, at_once // min(at_once, len(checkpoints) - turn))
                wait([read[begun]] if begun in read else [])
                _begin(series, checkpoints[begun], known, most=of_each)
                begun += 1
            yield checkpoint
            _let_go(series, checkpoint.name)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for name in list(series.crews):
            _let_go(series, name)


def _remember(series: Series, checkpoint: Checkpoint) -> None:
    """Take the digests of a checkpoint, so that they are known when they are wanted.

    What is wrong with its files stays in the thread: it is told when the turn comes.
    """
    folder = checkpoint.folder
    if not series.options.cache or checkpoint.kind != "model" or folder is None:
        return
    if not _audited(series, checkpoint):
        files = weight_files(folder, allow_pickle=series.options.allow_pickle)
        remembered_digest(files, silent_folder())
    fingerprint(checkpoint, series.key, series.options)


def _audited(series: Series, checkpoint: Checkpoint) -> bool:
    folder = series.folder / "checkpoints" / folder_name(checkpoint.name)
    return kept_row(folder, checkpoint, key=series.key) is not None


def _begin(series: Series, checkpoint: Checkpoint, known: set[str], *, most: int) -> None:
    """Ask a checkpoint what it will be asked, unless some of that seems to be known."""
    if _audited(series, checkpoint):
        return
    try:
        crew = crew_like(checkpoint, series.like, series.options, most=most)
    except AuditError:
        return  # it is told when its turn comes
    series.crews[checkpoint.name] = crew
    told = series.options.cache and crew.held.weights in known
    if not told and checkpoint != series.origin:
        crew.ahead(series.asked)


def _let_go(series: Series, name: str) -> None:
    crew = series.crews.pop(name, None)
    if crew is not None:
        crew.let_go()
