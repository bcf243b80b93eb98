"""Argument 1: where in the data a feature fires, from its strongest contexts to its weakest.

A window that says up to its peak what another one said, or nearly all that another one said,
is left out and counted: a corpus of templates would otherwise show one sentence twenty times.
Runs no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from audit.features.contexts import FeatureTokens, PeakContext
from audit.features.estimates import recorded
from audit.features.pieces import Pieces
from probes.intervals import rate
from reports.features import Band, Context, DatasetExamples, Histogram, TokenValue

BINS = 50
N_BANDS = 10
PER_BAND = 5
_SHARED = 0.8  # of their runs of three tokens, and two windows say the same
_LOOKED_AT = 200  # tokens for each context that is wanted, before the search ends


def dataset_examples(
    tokens: FeatureTokens, feature: int, pieces: Pieces, *, top: int = 20, window: int = 16
) -> DatasetExamples:
    """Top contexts, ten bands of equal size over the positive activations, histogram, density.

    Args:
        tokens: activations over a corpus.
        feature: one of those in it.
        pieces: the texts of token ids.
        top: most contexts at the top.
        window: tokens that are shown before a peak; half as many behind it.
    """
    at, values = tokens.of(feature)
    fires = np.zeros(tokens.corpus.n_tokens, dtype=bool)
    fires[at] = True
    strongest = at[np.argsort(-values, kind="stable")]
    shown = _Shown(tokens, feature, window)
    chosen = shown.choose(strongest, top)
    edges = np.linspace(0.0, tokens.maximum(feature) or 1.0, BINS + 1)
    counts, _ = np.histogram(values.astype(np.float64), edges)
    return DatasetExamples(
        n_tokens=tokens.corpus.n_tokens,
        density=recorded(rate(fires, tokens.groups)),
        maximum=tokens.maximum(feature),
        histogram=Histogram(edges=edges.tolist(), counts=counts.tolist()),
        top=[_context(tokens, feature, token, window, pieces) for token in chosen],
        bands=_bands(tokens, feature, strongest[::-1], window, pieces),
        duplicates=shown.duplicates,
    )


def top_contexts(
    tokens: FeatureTokens, feature: int, *, count: int = 20, window: int = 16
) -> list[PeakContext]:
    """The contexts where a feature is most active, no two with the same text."""
    at, values = tokens.of(feature)
    strongest = at[np.argsort(-values, kind="stable")]
    chosen = _Shown(tokens, feature, window).choose(strongest, count)
    return [tokens.context(feature, token, window=window) for token in chosen]


class _Shown:
    """Windows that are already shown, and how many others said the same."""

    def __init__(self, tokens: FeatureTokens, feature: int, window: int) -> None:
        self.duplicates = 0
        self._tokens, self._feature, self._window = tokens, feature, window
        self._runs: list[frozenset[tuple[int, ...]]] = []
        self._heads: set[tuple[int, ...]] = set()
        self._places: dict[str, list[int]] = {}

    def choose(self, candidates: Iterable[int], count: int) -> list[int]:
        """The first candidates whose windows neither overlap nor repeat one another."""
        chosen: list[int] = []
        for looked, token in enumerate(candidates):
            if len(chosen) == count or looked == count * _LOOKED_AT:
                break
            context = self._tokens.context(self._feature, int(token), window=self._window)
            places = self._places.setdefault(context.row, [])
            if any(abs(context.peak - place) <= self._window for place in places):
                continue
            runs, head = _runs(context), context.ids[context.start : context.peak + 1]
            if head in self._heads or any(_alike(runs, others) for others in self._runs):
                self.duplicates += 1
                continue
            places.append(context.peak)
            self._heads.add(head)
            self._runs.append(runs)
            chosen.append(int(token))
        return chosen


def _runs(context: PeakContext) -> frozenset[tuple[int, ...]]:
    """Runs of three tokens in the window; all of it where it is shorter."""
    ids = context.ids[context.start :]
    return frozenset(ids[i : i + 3] for i in range(max(1, len(ids) - 2)))


def _alike(a: frozenset[tuple[int, ...]], b: frozenset[tuple[int, ...]]) -> bool:
    return len(a & b) >= _SHARED * len(a | b)


def _context(
    tokens: FeatureTokens, feature: int, token: int, window: int, pieces: Pieces
) -> Context:
    """The window around a token. A token that does not count shows 0."""
    context = tokens.context(feature, token, window=window)
    row = int(tokens.row[token])
    # Tokens of one row are numbered one after the other, in the order of their positions.
    first = int(np.searchsorted(tokens.row, row))
    number = {p: first + i for i, p in enumerate(tokens.corpus.positions[row])}
    places = range(context.start, len(context.ids))
    at, values = tokens.of(feature)
    wanted = [number.get(place, -1) for place in places]
    return Context(
        tokens=[
            TokenValue(token=text, value=value)
            for text, value in zip(
                pieces(context.ids[context.start :]), _looked_up(at, values, wanted), strict=True
            )
        ],
        peak=context.peak - context.start,
        value=context.value,
        row=context.row,
    )


def _looked_up(
    at: NDArray[np.intp], values: NDArray[np.float32], wanted: Sequence[int]
) -> list[float]:
    found = np.searchsorted(at, wanted)
    there = [i < len(at) and at[i] == token for i, token in zip(found, wanted, strict=True)]
    return [float(values[i]) if yes else 0.0 for i, yes in zip(found, there, strict=True)]


def _bands(
    tokens: FeatureTokens,
    feature: int,
    weakest_first: NDArray[np.intp],
    window: int,
    pieces: Pieces,
) -> list[Band]:
    """Tenths of the firing tokens by activation, weakest first, with contexts from all of each."""
    at, values = tokens.of(feature)
    found = []
    for tenth in np.array_split(weakest_first, N_BANDS):
        if len(tenth) == 0:
            continue
        low, high = values[np.searchsorted(at, tenth[[0, -1]])]
        # A fixed shuffle: neighbours in activation are often neighbours in the text.
        mixed = np.random.default_rng(0).permutation(tenth)
        chosen = _Shown(tokens, feature, window).choose(mixed, PER_BAND)
        contexts = [_context(tokens, feature, token, window, pieces) for token in chosen]
        found.append(Band(low=float(low), high=float(high), contexts=contexts))
    return found
