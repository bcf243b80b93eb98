"""Argument 2: a top context with one token dropped or swapped, and how the activation follows.

What a feature is said to look for must go when it is taken away. Knows tokens and models; the
contexts come from `examples.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from audit.errors import MeasurementError
from audit.features.activating import activations_of
from audit.features.contexts import PeakContext
from audit.features.pieces import Pieces
from audit.features.vocabulary import logit_tokens, vocabulary
from audit.models.intervening import last_logits
from audit.models.loading import LoadedModel
from audit.models.tokenizing import special_tokens
from probes.sae import SAE
from reports.features import Context, SyntheticExamples, TokenEdit, TokenValue

NEEDED = 0.5
"""A token is needed where dropping it leaves no more than this share of the activation."""


class _Edit(NamedTuple):
    """One token of a context taken away, or another put in its place."""

    position: int
    token: int | None

    def of(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """The ids after the edit."""
        instead = () if self.token is None else (self.token,)
        return ids[: self.position] + instead + ids[self.position + 1 :]


def synthetic_examples(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    base: PeakContext,
    *,
    hook_name: str,
    swaps_per_position: int = 2,
    most_positions: int = 32,
    seed: int = 0,
) -> SyntheticExamples:
    """Drop each token of a context up to its peak, swap each for others, and read the peak.

    Tokens after the peak cannot change it in a causal model, and special tokens are no text:
    neither is edited. A token is swapped for what the model itself holds most likely in its
    place, or for a random one where nothing stands before it or the model does not speak. Where
    the peak itself is dropped, the token before it is read.

    Args:
        loaded: the model.
        sae: on the model's device.
        feature: which.
        base: a context in which it is active.
        hook_name: where the SAE reads.
        swaps_per_position: swaps of each token.
        most_positions: only so many tokens before the peak are edited.
        seed: of random tokens.

    Raises:
        MeasurementError: the feature is not active at the peak, or nothing there can be edited.
        UsageError: the place does not exist.
    """
    ids = base.ids[: base.peak + 1]
    special = special_tokens(loaded.tokenizer)
    first = max(base.start, base.peak + 1 - most_positions)
    places = [place for place in range(first, len(ids)) if ids[place] not in special]
    swaps = _swaps(loaded, ids, places, swaps_per_position, np.random.default_rng(seed))
    edits = [_Edit(place, None) for place in places if len(ids) > 1] + swaps
    edits.sort(key=lambda edit: (edit.position, edit.token is not None))
    if not edits:
        raise MeasurementError(
            f"feature {feature}: its context in row {base.row!r} has no token that can be edited"
        )
    acts = activations_of(
        loaded,
        sae,
        [feature],
        [ids, *(edit.of(ids) for edit in edits)],
        hook_name=hook_name,
        positions=[range(len(ids)), *([len(edit.of(ids)) - 1] for edit in edits)],
    )
    whole = acts[0][:, 0].tolist()
    if whole[-1] <= 0:
        raise MeasurementError(
            f"feature {feature} is not active at the peak of its context in row {base.row!r}: "
            f"expected {base.value:.4g}, found {whole[-1]:.4g}; was it read at another place?"
        )
    left = [float(act[0, 0]) for act in acts[1:]]
    pieces = Pieces(loaded.tokenizer)
    return SyntheticExamples(
        base=Context(
            tokens=[
                TokenValue(token=token, value=value)
                for token, value in zip(pieces(ids[first:]), whole[first:], strict=True)
            ],
            peak=base.peak - first,
            value=whole[-1],
            row=base.row,
        ),
        edits=[
            TokenEdit(
                kind="drop" if edit.token is None else "swap",
                position=edit.position - first,
                before=pieces([ids[edit.position]])[0],
                after=None if edit.token is None else pieces([edit.token])[0],
                activation=value,
            )
            for edit, value in zip(edits, left, strict=True)
        ],
        needed=[
            pieces([ids[edit.position]])[0]
            for edit, value in zip(edits, left, strict=True)
            if edit.token is None and value <= NEEDED * whole[-1]
        ],
        graded=float(np.mean(left)) / whole[-1],
    )


def _swaps(
    loaded: LoadedModel,
    ids: tuple[int, ...],
    places: Sequence[int],
    per_position: int,
    rng: np.random.Generator,
) -> list[_Edit]:
    """For each place other tokens: the model's likeliest after what stands before, or random."""
    words = np.array(vocabulary(loaded))
    told = [place for place in places if place > 0 and loaded.speaks]
    prefixes = [ids[:place] for place in told]
    ranked: dict[int, list[int]] = {}
    if prefixes:
        logits = last_logits(loaded, prefixes, max_batch_tokens=logit_tokens(loaded))
        likeliest = logits[:, words].topk(min(per_position + 1, len(words))).indices
        ranked = {
            place: words[row].tolist() for place, row in zip(told, likeliest.numpy(), strict=True)
        }
    found = []
    for place in places:
        others = ranked.get(place) or rng.permutation(words)[: per_position + 1].tolist()
        others = [token for token in others if token != ids[place]]
        found += [_Edit(place, int(token)) for token in others[:per_position]]
    return found
