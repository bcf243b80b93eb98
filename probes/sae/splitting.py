"""Which features of a small dictionary divide in a large one (Bricken et al. 2023).

By directions: every feature of the large one has at most one parent, the nearest row of the
small one. With activations also by what fires: children that share out their parent's tokens
among themselves. Knows two SAEs of one place; what the features mean is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probes.sae.matching import cosines
from probes.sae.sae import SAE, SAEError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Child:
    """A feature of the large dictionary beside its parent.

    Attributes:
        feature: its number.
        cosine: of the two decoder rows.
        share: of the parent's tokens on which it fires; None without activations.
        inside: share of its own tokens on which the parent fires; None without.
    """

    feature: int
    cosine: float
    share: float | None = None
    inside: float | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """A feature of the small dictionary that divides, and into what.

    Attributes:
        parent: its number in the small dictionary.
        children: by falling share, or by falling cosine without activations; two or more.
        tokens: on which the parent fires; None without activations.
        coverage: share of these on which at least one child fires.
        overlap: share of the covered tokens on which more than one child fires.
    """

    parent: int
    children: tuple[Child, ...]
    tokens: int | None = None
    coverage: float | None = None
    overlap: float | None = None


def split_features(
    small: SAE,
    large: SAE,
    batches: Iterable[Tensor] | None = None,
    *,
    min_cosine: float = 0.5,
    min_share: float = 0.05,
    min_coverage: float = 0.5,
    max_overlap: float = 0.5,
) -> tuple[Split, ...]:
    """The features of `small` that divide in `large`, by falling number of children.

    Args:
        small: the dictionary with the parents.
        large: the one with the children, of the same place.
        batches: activations `[n, d_in]` of that place; directions alone decide where None.
        min_cosine: of a child's decoder row with its parent's.
        min_share: of the parent's tokens, for a child to count.
        min_coverage: of the parent's tokens by its children together.
        max_overlap: share of covered tokens on which children fire together.

    Raises:
        SAEError: the dictionaries are of different places, or there are no tokens.
    """
    likeness, parent = cosines(large.W_dec, small.W_dec).cpu().max(dim=1)
    near: dict[int, list[Child]] = {}
    for feature in (likeness > min_cosine).nonzero()[:, 0].tolist():
        child = Child(feature, float(likeness[feature]))
        near.setdefault(int(parent[feature]), []).append(child)
    families = {number: found for number, found in sorted(near.items()) if len(found) > 1}
    if batches is None:
        splits = [
            Split(number, tuple(sorted(found, key=lambda child: -child.cosine)))
            for number, found in families.items()
        ]
    else:
        fired, tokens = _fired(small, large, families, batches)
        splits = [
            split
            for number, found in families.items()
            if (split := _divided(number, found, fired[number], tokens, min_share)) is not None
            and (split.coverage or 0.0) >= min_coverage
            and (split.overlap or 0.0) <= max_overlap
        ]
    return tuple(sorted(splits, key=lambda split: (-len(split.children), split.parent)))


def _fired(
    small: SAE, large: SAE, families: Mapping[int, Sequence[Child]], batches: Iterable[Tensor]
) -> tuple[dict[int, NDArray[np.bool_]], NDArray[np.int64]]:
    """For each parent `[its tokens, children]`, and for all of `large` how often they fire."""
    import torch

    rows: dict[int, list[NDArray[np.bool_]]] = {number: [] for number in families}
    tokens = torch.zeros_like(large.b_enc, dtype=torch.long)
    n = 0
    for x in batches:
        parents, children = small.encode(x) > 0, large.encode(x) > 0
        tokens += children.sum(dim=0)
        n += len(x)
        for number, found in families.items():
            columns = [child.feature for child in found]
            rows[number].append(children[parents[:, number]][:, columns].cpu().numpy())
    if n == 0:
        raise SAEError("there is no token to see features divide on")
    return {number: np.concatenate(found) for number, found in rows.items()}, tokens.cpu().numpy()


def _divided(
    parent: int,
    found: Sequence[Child],
    fired: NDArray[np.bool_],
    tokens: NDArray[np.int64],
    min_share: float,
) -> Split | None:
    """The children that take their share of the parent's tokens, where they are two or more."""
    if len(fired) == 0:
        return None
    shares = fired.mean(axis=0)
    kept = [at for at in np.argsort(-shares, kind="stable") if shares[at] >= min_share]
    if len(kept) < 2:
        return None
    together = fired[:, kept].sum(axis=1)
    covered = int((together > 0).sum())
    children = tuple(
        replace(
            found[at],
            share=float(shares[at]),
            inside=float(fired[:, at].sum() / tokens[found[at].feature]),
        )
        for at in kept
    )
    return Split(
        parent,
        children,
        tokens=len(fired),
        coverage=covered / len(fired),
        overlap=float((together > 1).sum() / covered),
    )
