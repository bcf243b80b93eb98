"""What each round reads: the next slice of the prompts where a model is large, else all again.

Together the slices are the first of the thousand prompts, each once. Within one our batches have
less to choose from than they have of all, so their padding is rather over- than understated.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.models.capture import Read, TokenSequence
from audit.models.loaded import LoadedModel
from benchmarks.speed.floor import sequences
from benchmarks.speed.work import Work

Portion = list[TokenSequence]


def portions(loaded: LoadedModel, reads: Sequence[Read], work: Work) -> list[Portion]:
    """A portion for each round."""
    whole = sequences(loaded, reads, work.prompts)
    size = work.slices.get(loaded.name)
    if size is None:
        return [whole] * work.rounds
    return [whole[start : start + size] for start in range(0, work.rounds * size, size)]


def told(parts: Sequence[Portion]) -> str:
    """The portions in words."""
    same = all(part is parts[0] for part in parts)
    return f"{len(parts)} rounds of {'' if same else 'the next '}{len(parts[0]):,} prompts"
