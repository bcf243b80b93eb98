"""Argument 4: the family of features near one, and how activation passes from it to its next.

Neighbours are near by decoder direction. Whether they fire together, and whether a text can be
led from the one to the other, is measured on the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audit.features.activating import activations_of
from audit.features.contexts import PeakContext
from audit.features.pieces import Pieces
from audit.models.loading import LoadedModel
from audit.models.tokenizing import special_tokens
from probes.sae import SAE
from reports.features import JointTuning, Neighbour, PathStep

if TYPE_CHECKING:
    from torch import Tensor

MOST_STEPS = 16
_FEWEST_TOKENS = 30  # below these a correlation says nothing


def joint_tuning(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    base: PeakContext,
    other_contexts: Sequence[PeakContext],
    *,
    hook_name: str,
    top: int = 8,
    most_steps: int = MOST_STEPS,
) -> JointTuning:
    """The features nearest by decoder cosine, and an edit path to the nearest that is alive.

    The path leads from the base up to its peak to the context where the neighbour is most
    active, up to there. Both end at the token that is read; from the left one token after the
    other gives way to its counterpart, so both ends are the contexts as they were.

    Args:
        loaded: the model.
        sae: on the model's device.
        feature: which.
        base: a context in which it is active.
        other_contexts: any contexts, the more varied the better. Activations are correlated
            over their tokens and those of the base, special ones left out, and the neighbour's
            context is one of them.
        hook_name: where the SAE reads.
        top: how many neighbours.
        most_steps: most steps of the path; a longer one moves several tokens at a time.

    Returns:
        Without a path where no neighbour is active on any of these tokens, and without
        correlations where there are too few tokens.

    Raises:
        UsageError: the place does not exist.
        SAEError: the feature does not exist.
    """
    near = _nearest(sae, feature, top)
    family = [feature, *(neighbour for neighbour, _ in near)]
    special = special_tokens(loaded.tokenizer)
    texts = list(dict.fromkeys([base.ids, *(context.ids for context in other_contexts)]))
    acts = activations_of(loaded, sae, family, texts, hook_name=hook_name)
    plain = [[token not in special for token in ids] for ids in texts]
    tokens = np.concatenate(
        [act.numpy()[mask] for act, mask in zip(acts, plain, strict=True)]
    ).astype(np.float64)
    path: list[tuple[int, ...]] = []
    for column in range(1, len(family)):
        peaks = [
            np.where(mask, act[:, column].numpy(), 0.0)
            for act, mask in zip(acts, plain, strict=True)
        ]
        text = int(np.argmax([values.max() for values in peaks]))
        if peaks[text].max() > 0:
            goal = texts[text][: int(peaks[text].argmax()) + 1]
            path = edit_path(base.ids[: base.peak + 1], goal, special, most_steps)
            break
    return JointTuning(
        neighbours=[
            Neighbour(feature=neighbour, cosine=cosine, correlation=_correlation(tokens, column))
            for column, (neighbour, cosine) in enumerate(near, start=1)
        ],
        path=_read(loaded, sae, family, path, hook_name),
    )


def edit_path(
    start: tuple[int, ...], goal: tuple[int, ...], special: frozenset[int], most: int
) -> list[tuple[int, ...]]:
    """Texts from one to another, aligned at their ends, changed from the left.

    Special tokens in front stay where they are, if both have the same.
    """
    front = _front(start, special)
    same = front if _front(goal, special) == front else ()
    a, b = start[len(same) :], goal[len(same) :]
    longest = max(len(a), len(b))
    steps = np.unique(np.linspace(0, longest, min(longest, most) + 1).round().astype(int))
    kept = [longest - int(step) for step in steps]
    texts = [same + b[: max(0, len(b) - k)] + a[max(0, len(a) - k) :] for k in kept]
    return list(dict.fromkeys(texts))


def _front(ids: tuple[int, ...], special: frozenset[int]) -> tuple[int, ...]:
    count = next((at for at, token in enumerate(ids) if token not in special), len(ids))
    return ids[:count]


def _nearest(sae: SAE, feature: int, top: int) -> list[tuple[int, float]]:
    """Other features with the highest decoder cosine; dead rows of zeros are none."""
    import torch

    sae.reader([feature])  # refuses what does not exist
    row = sae.W_dec[feature]
    norms: Tensor = torch.linalg.vector_norm(sae.W_dec, dim=1)
    # One product of a matrix and a vector: no copy of the decoder is made.
    cosines = (sae.W_dec @ row) / (norms * row.norm()).clamp_min(1e-12)
    cosines[norms == 0] = -2.0
    cosines[feature] = -2.0
    best = cosines.topk(min(top, sae.d_sae))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [(int(other), max(-1.0, min(1.0, cosine))) for other, cosine in pairs if cosine > -1.5]


def _correlation(tokens: NDArray[np.float64], column: int) -> float | None:
    """Pearson's, None where one of the two is constant or tokens are few."""
    one, other = tokens[:, 0], tokens[:, column]
    if len(tokens) < _FEWEST_TOKENS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _read(
    loaded: LoadedModel,
    sae: SAE,
    family: Sequence[int],
    path: Sequence[tuple[int, ...]],
    hook_name: str,
) -> list[PathStep]:
    acts = activations_of(
        loaded,
        sae,
        family,
        path,
        hook_name=hook_name,
        positions=[[len(ids) - 1] for ids in path],
    )
    pieces = Pieces(loaded.tokenizer)
    return [
        PathStep(
            tokens=pieces(ids),
            activations={
                str(member): float(value) for member, value in zip(family, act[0], strict=True)
            },
        )
        for ids, act in zip(path, acts, strict=True)
    ]
