"""Which features of two dictionaries are the same: by decoder directions, by activations.

Knows pairs of SAEs on one place; what a feature means is not asked. Correlations are
accumulated batch by batch: `[d_a, d_b]` is kept, never `[tokens, d_sae]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probes.sae.sae import SAE, SAEError

if TYPE_CHECKING:
    from torch import Tensor

TOWARDS_MONOSEMANTICITY = 0.72
"""Median, over features, of the highest activation correlation with a feature of a dictionary
trained on another one-layer transformer (Bricken et al. 2023, "Universality"); neurons: 0.46."""


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of features, one to one, with the greatest sum of likeness.

    Attributes:
        a: `[n]` features of the first dictionary, rising.
        b: `[n]` their partners.
        likeness: `[n]` of each pair: cosine or correlation.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    likeness: NDArray[np.float64]

    def share_above(self, limit: float) -> float:
        """Share of the pairs that are more alike than `limit`."""
        return float((self.likeness > limit).mean()) if len(self.likeness) else 0.0


def cosines(W_a: Tensor, W_b: Tensor) -> Tensor:
    """`[n_a, n_b]` between the rows of two matrices; 0 for a row of zeros.

    Raises:
        SAEError: the rows differ in width.
    """
    if W_a.ndim != 2 or W_b.ndim != 2 or W_a.shape[1] != W_b.shape[1]:
        raise SAEError(
            f"expected decoders [d_sae, d_out] of one width, found {list(W_a.shape)} and "
            f"{list(W_b.shape)}; only dictionaries of one place can be compared"
        )
    W_a, W_b = W_a.float(), W_b.float()
    a = W_a / W_a.norm(dim=1, keepdim=True).clamp_min(1e-12)
    b = W_b / W_b.norm(dim=1, keepdim=True).clamp_min(1e-12)
    between: Tensor = a @ b.T
    return between


def match_features(W_a: Tensor, W_b: Tensor) -> Matching:
    """Match rows of two decoders one to one by cosine (Hungarian algorithm).

    Args:
        W_a: `[n_a, d]`.
        W_b: `[n_b, d]`. The smaller dictionary is matched completely.

    Raises:
        SAEError: the rows differ in width.
    """
    return match(cosines(W_a, W_b).cpu().numpy())


def match(likeness: NDArray[np.floating]) -> Matching:
    """Match rows and columns of `likeness [n_a, n_b]` one to one. Cubic in their number."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(likeness, maximize=True)
    return Matching(
        np.asarray(rows, dtype=np.int64),
        np.asarray(columns, dtype=np.int64),
        np.asarray(likeness[rows, columns], dtype=np.float64),
    )


def activation_correlation(acts_a: Iterable[Tensor], acts_b: Iterable[Tensor]) -> Tensor:
    """Pearson correlation `[d_a, d_b]` of all features of two streams, in one pass.

    Args:
        acts_a: chunks `[n, d_a]`.
        acts_b: chunks `[n, d_b]` of the same tokens in the same chunks.

    Returns:
        float64; 0 for a feature that is constant, such as a dead one.

    Raises:
        SAEError: chunks differ in length, one stream is longer, or there is no token.
    """
    return _pearson(_side_by_side(acts_a, acts_b))


@dataclass(frozen=True, eq=False)
class Correlated:
    """How the features of one dictionary come back in another.

    Attributes:
        best: `[d_a]` for each feature of the first its highest correlation in the second.
        partner: `[d_a]` the feature that has it.
        matching: one to one, by correlation.
        alive: `[d_a]` whether the feature fired at all on these tokens.
    """

    best: NDArray[np.float64]
    partner: NDArray[np.int64]
    matching: Matching
    alive: NDArray[np.bool_]

    @property
    def median(self) -> float:
        """Median of `best` over features that fired; NaN where none did."""
        return float(np.median(self.best[self.alive])) if self.alive.any() else float("nan")


def matched_correlation(a: SAE, b: SAE, batches: Iterable[Tensor]) -> Correlated:
    """How alike the features of two SAEs are in when they fire and how strongly.

    Args:
        a: the dictionary asked about.
        b: the other one, of the same place.
        batches: activations `[n, d_in]` of that place that neither was trained on; 30 000
            tokens or more for a corpus.

    Raises:
        SAEError: no tokens, or activations of another width.
    """
    import torch

    fired = torch.zeros_like(a.b_enc, dtype=torch.bool)

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        for x in batches:
            acts = a.encode(x)
            fired.logical_or_((acts > 0).any(dim=0))
            yield acts, b.encode(x)

    correlation = _pearson(pairs()).cpu()
    best, partner = correlation.max(dim=1)
    return Correlated(
        best.numpy(), partner.numpy(), match(correlation.numpy()), fired.cpu().numpy()
    )


def _side_by_side(
    acts_a: Iterable[Tensor], acts_b: Iterable[Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    for number, (a, b) in enumerate(zip_longest(acts_a, acts_b), start=1):
        if a is None or b is None or len(a) != len(b):
            lengths = ["none" if chunk is None else len(chunk) for chunk in (a, b)]
            raise SAEError(
                f"chunk {number}: expected activations of the same tokens, found {lengths[0]} "
                f"beside {lengths[1]}"
            )
        yield a, b


def _pearson(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    import torch

    n = 0
    sums: list[Tensor] = []
    for one, other in pairs:
        a, b = one.double(), other.double()
        found = [a.sum(0), b.sum(0), a.square().sum(0), b.square().sum(0), a.T @ b]
        sums = [old + new for old, new in zip(sums, found, strict=True)] if sums else found
        n += len(a)
    if n == 0:
        raise SAEError("there is no token to correlate activations over")
    sum_a, sum_b, square_a, square_b, product = sums
    spread_a, spread_b = square_a - sum_a.square() / n, square_b - sum_b.square() / n
    # What rounding leaves of the spread of a constant is none.
    known = (spread_a > 1e-12 * square_a)[:, None] & (spread_b > 1e-12 * square_b)
    scale = (spread_a.clamp_min(0)[:, None] * spread_b.clamp_min(0)).sqrt()
    covariance = product - sum_a[:, None] * sum_b / n
    return torch.where(known, covariance / scale.clamp_min(1e-300), 0.0).clamp(-1, 1)
