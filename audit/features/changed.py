"""Which features are more active in one checkpoint than in another, on the same rows.

The tokens are read by both models and by one SAE, so a difference is the models'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from audit.errors import UsageError
from audit.features.corpus import Corpus
from audit.features.identity import place_of_sae
from audit.features.means import mean_estimate
from audit.features.pooled import TokenRows, token_rows
from audit.models.loading import LoadedModel
from probes.sae import SAE
from probes.sae.changes import Increases, increases, joined, smallest_p
from probes.sae.statistics import RowPooling, read_features, some_feature_rows
from reports.features import ChangedFeature, FeatureChanges, FeatureLabel


def changed_features(
    before: LoadedModel,
    after: LoadedModel,
    sae: SAE,
    corpus: Corpus,
    *,
    hook_name: str | None = None,
    top: int = 20,
    fdr: float = 0.05,
    pooling: RowPooling = "max",
    confidence: float = 0.95,
    seed: int = 0,
    labels: Mapping[int, FeatureLabel] | None = None,
    notes: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> FeatureChanges:
    """Features that became more active, ranked by how much, each row against itself.

    For those that became less active, exchange the two models.

    Args:
        before: one model.
        after: the other, with the same vocabulary.
        sae: read in both at the same place.
        corpus: the rows.
        hook_name: where the SAE reads, if its files do not say.
        top: most features that are listed; all are tested.
        fdr: share of false finds that is borne with.
        pooling: how a row's tokens become one activation.
        confidence: of every interval.
        seed: of resampling.
        labels: names that somebody gave features.
        notes: what a reader must know of the rows.
        progress: told the tokens run so far in a pass.

    Raises:
        UsageError: the two vocabularies differ; the place does not exist, is not known, or is
            not as wide as the SAE.
        SAEError: an unknown pooling.
        MeasurementError: a single row does not fit into memory.
    """
    _same_vocabulary(before, after)
    place = place_of_sae(sae, hook_name)
    saes = [sae.to(loaded.model.device) for loaded in (before, after)]
    tokens = [
        token_rows(loaded, one, corpus, place, progress)
        for loaded, one in zip((before, after), saes, strict=True)
    ]
    found = _increases(saes, tokens, corpus, pooling)
    ranked = found.ranked(fdr)
    q_values = found.q_values()
    shown = ranked[:top].tolist()
    acts = [
        some_feature_rows(one, run(), len(corpus), shown, pooling=pooling) if shown else None
        for one, run in zip(saes, tokens, strict=True)
    ]
    listed = []
    for at, feature in enumerate(shown):
        old, new = (some[:, at] for some in acts if some is not None)
        was, now, change = (
            mean_estimate(values, corpus.groups, confidence=confidence, random_state=seed)
            for values in (old, new, new - old)
        )
        listed.append(
            ChangedFeature(
                feature=feature,
                before=was,
                after=now,
                change=change,
                increase=float(found.increase[feature]),
                p_value=float(found.p_value[feature]),
                q_value=float(q_values[feature]),
                label=(labels or {}).get(feature),
            )
        )
    return FeatureChanges(
        before=before.name,
        after=after.name,
        pooling=f"{pooling} over its tokens",
        fdr=fdr,
        tested=sae.d_sae,
        significant=len(ranked),
        rows=len(corpus),
        groups=len(np.unique(corpus.groups)),
        found=listed,
        notes=[*notes, *_limits(corpus, sae.d_sae, fdr)],
    )


def _increases(
    saes: Sequence[SAE], tokens: Sequence[TokenRows], corpus: Corpus, pooling: RowPooling
) -> Increases:
    parts: list[Increases] = []
    start, d_sae = 0, saes[0].d_sae
    while start < d_sae:
        old = read_features(saes[0], tokens[0](), len(corpus), range(start, d_sae), pooling=pooling)
        new = read_features(saes[1], tokens[1](), len(corpus), old.features, pooling=pooling)
        shared = old.pooled[:, : len(new.features)]
        parts.append(increases(shared, new.pooled, corpus.groups))
        start = new.features.stop
    return joined(parts)


def _same_vocabulary(before: LoadedModel, after: LoadedModel) -> None:
    if before.tokenizer_digest == after.tokenizer_digest:
        return
    if before.tokenizer.get_vocab() != after.tokenizer.get_vocab():
        raise UsageError(
            f"{before.name} and {after.name} have different vocabularies "
            f"({len(before.tokenizer)} and {len(after.tokenizer)} tokens), so the same rows are "
            "not the same tokens to them; compare checkpoints of one model"
        )


def _limits(corpus: Corpus, m: int, fdr: float) -> list[str]:
    least = smallest_p(corpus.groups)
    together = math.ceil(least * m / fdr)
    if together <= 1:
        return []
    return [
        f"no feature can have a p-value below {least:.2g} on these groups: with {m:,} tested, "
        f"fewer than {together:,} together cannot be significant at a false-discovery rate of "
        f"{fdr:g}; finding nothing says little, more groups would"
    ]
