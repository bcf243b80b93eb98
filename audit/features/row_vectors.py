"""One vector a row of a corpus, of activations or of features, each distinct row run once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.features.corpus import Corpus
from audit.models.cache.recalling import recalled_capture
from audit.models.capture import Read, Selection, TokenSequence
from audit.models.loading import LoadedModel


def pooled_rows(
    loaded: LoadedModel, corpus: Corpus, reads: Sequence[Read]
) -> tuple[NDArray[np.float32], ...]:
    """What each read keeps of every row's tokens that count, `[n, width]` for each read.

    Raises:
        UsageError: a place or pooling does not exist, or does not fit an SAE.
        MeasurementError: a single row does not fit into memory.
    """
    number: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    at = [
        (number.setdefault(key, len(number)), 0)
        for key in zip(corpus.ids, corpus.positions, strict=True)
    ]
    every = tuple(range(len(reads)))
    sequences = [TokenSequence(ids, (Selection(places, every),)) for ids, places in number]
    found = recalled_capture(loaded, sequences, reads)
    return tuple(found.matrix(read, at) for read in every)
