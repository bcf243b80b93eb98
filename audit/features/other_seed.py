"""Whether a feature comes back in an SAE of another seed: exact correlations over a corpus.

Two dictionaries of one place share far fewer features than their names suggest, so one that
comes back is worth more. Nothing of the size `[tokens, d_sae]` is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import tee
from typing import TYPE_CHECKING

from audit.errors import UsageError
from audit.features.corpus import Corpus
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.sae import SAE
from probes.sae.matching import activation_correlation, cosines
from reports.features import SeedMatch

if TYPE_CHECKING:
    from torch import Tensor

SURVIVES = 0.7
"""Least correlation with its best match, which has to find it best in turn."""

_CELLS_AT_ONCE = 1 << 24  # of `[tokens, d_sae]`, of which copies in double precision are made


def seed_matches(
    loaded: LoadedModel,
    sae: SAE,
    features: Sequence[int],
    other: SAE,
    corpus: Corpus,
    *,
    hook_name: str,
) -> Mapping[int, SeedMatch]:
    """The best match of each feature in another SAE of the same place.

    Args:
        loaded: the model; it runs twice over the corpus.
        sae: on the model's device.
        features: of `sae`.
        other: on the model's device.
        corpus: which tokens.
        hook_name: where both read.

    Raises:
        UsageError: the other SAE says that it reads another place, or has another width.
        SAEError: a feature does not exist.
    """
    if other.origin.digest and other.origin.digest == sae.origin.digest:
        raise UsageError(
            f"{other.origin.path}: expected an SAE of another seed, found the very same one"
        )
    said = other.origin.hook_name
    if said not in (None, hook_name) or (other.d_in, other.d_out) != (sae.d_in, sae.d_out):
        raise UsageError(
            f"{other.origin.path or 'the other SAE'}: expected an SAE of {hook_name} from width "
            f"{sae.d_in} to {sae.d_out}, found one of {said or 'an unnamed place'} from "
            f"{other.d_in} to {other.d_out}"
        )
    chunk = max(1, _CELLS_AT_ONCE // max(sae.d_sae, other.d_sae))

    def correlated(a: Callable[[Tensor], Tensor], b: Callable[[Tensor], Tensor]) -> Tensor:
        one, two = tee(_chunks(loaded, corpus, hook_name, chunk))
        return activation_correlation(map(a, one), map(b, two)).cpu()

    there = correlated(sae.reader(features), other.encode)
    partners = there.argmax(dim=1).tolist()
    back = correlated(other.reader(partners), sae.encode).argmax(dim=1).tolist()
    cosine = cosines(sae.W_dec[list(features)], other.W_dec[partners]).diagonal().clamp(-1, 1)
    return {
        feature: SeedMatch(
            path=other.origin.path,
            feature=partner,
            correlation=float(there[index, partner]),
            cosine=float(cosine[index]),
            survives=float(there[index, partner]) >= SURVIVES and back[index] == feature,
        )
        for index, (feature, partner) in enumerate(zip(features, partners, strict=True))
    }


def _chunks(loaded: LoadedModel, corpus: Corpus, hook_name: str, size: int) -> Iterator[Tensor]:
    for batch in stream(loaded, corpus.ids, [hook_name], positions=corpus.positions):
        x = batch.x[hook_name]
        yield from (x[at : at + size] for at in range(0, len(x), size))
