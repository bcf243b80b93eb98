"""On a cluster the checkpoints that come next are at work while the one before them is judged.

Every checkpoint is asked what the reference was asked: the same tokens, at the same places. So
its parts can be sent out before its turn, when nothing is known of it here but the digest of its
weights. Their answers wait in Ray's object store until its turn comes, for as many checkpoints
as the cluster has places. Decides nothing: what comes out is what would have come out one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.cluster.joining import join
from audit.errors import AuditError
from audit.models.cache.folder import cache_folder
from audit.models.cache.keeping import kept_models
from audit.series.checkpoints import Checkpoint
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
    begun = 0
    try:
        for turn, checkpoint in enumerate(checkpoints):
            begun = max(begun, turn)
            while begun < len(checkpoints) and len(series.crews) < at_once:
                of_each = max(1, at_once // min(at_once, len(checkpoints) - turn))
                _begin(series, checkpoints[begun], known, most=of_each)
                begun += 1
            yield checkpoint
            _let_go(series, checkpoint.name)
    finally:
        for name in list(series.crews):
            _let_go(series, name)


def _begin(series: Series, checkpoint: Checkpoint, known: set[str], *, most: int) -> None:
    """Ask a checkpoint what it will be asked, unless some of that seems to be known."""
    folder = series.folder / "checkpoints" / folder_name(checkpoint.name)
    if kept_row(folder, checkpoint, key=series.key) is not None:
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
