"""Which features of an SAE fire with an event, or more than before: nobody has named them.

Runs the model over a corpus and makes the record's part of it. How features are chosen and
tested is `probes.sae.discovery`; where rows and event come from is known elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from audit.features.corpus import Corpus
from audit.features.estimates import recorded
from audit.features.identity import place_of_sae
from audit.features.pooled import TokenRows, token_rows
from audit.models.loading import LoadedModel
from probes.base import Bools, Floats, Indices
from probes.sae import SAE
from probes.sae.discovery import Associations, Design, associate, design, joined, measured
from probes.sae.statistics import RowPooling, feature_rows, some_feature_rows
from reports.features import DiscoveredFeature, Discovery, FeatureLabel

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix


def discover_features(
    loaded: LoadedModel,
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
    control: SAE | None = None,
    notes: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Discovery:
    """Features that go with the corpus' event, significant on groups that did not choose them.

    Args:
        loaded: the model.
        sae: whose features.
        corpus: the rows, with the event.
        hook_name: where the SAE reads, if its files do not say.
        top: most features that are listed; all are tested.
        fdr: share of false finds that is borne with.
        pooling: how a row's tokens become one activation.
        confidence: of every interval.
        seed: of the halves and of resampling.
        labels: names that somebody gave features.
        control: a random SAE, put through the same steps.
        notes: what a reader must know of the rows.
        progress: told the tokens run so far in a pass.

    Returns:
        Nothing found, and a note that says why, where the rows do not allow a test.

    Raises:
        UsageError: the place does not exist, is not known, or is not as wide as the SAE.
        SAEError: an unknown pooling.
        MeasurementError: a single row does not fit into memory.
    """
    place = place_of_sae(sae, hook_name)
    lacking = _one_sided(corpus)
    plan = None
    if corpus.event is not None and not lacking:
        plan = design(corpus.event, corpus.groups, corpus.rows, seed=seed)
        lacking = "" if plan.possible else _too_few_groups(corpus)
    if plan is None or lacking:
        return _nothing(corpus, plan, pooling, fdr, [*notes, lacking])
    sae = sae.to(loaded.model.device)
    tokens = token_rows(loaded, sae, corpus, place, progress)
    found, pooled = _associated(sae, tokens, len(corpus), plan, pooling)
    ranked = found.ranked(fdr)
    acts = _columns(sae, tokens, len(corpus), ranked[:top], pooled, pooling)
    random_found = None
    if control is not None:
        random = control.to(loaded.model.device)
        same_steps = token_rows(loaded, random, corpus, place, progress)
        by_chance, _ = _associated(random, same_steps, len(corpus), plan, pooling)
        random_found = len(by_chance.ranked(fdr))
    q_values = found.q_values()
    return Discovery(
        event=corpus.event_name,
        pooling=f"{pooling} over its tokens",
        fdr=fdr,
        tested=len(found.p_value),
        alive=int(found.alive.sum()),
        selection_rows=int(plan.selecting.sum()),
        selection_groups=_count(corpus, plan.selecting),
        test_rows=int(plan.testing.sum()),
        test_groups=_count(corpus, plan.testing),
        significant=len(ranked),
        smallest_p=plan.test.smallest_p,
        found=[
            _discovered(int(feature), rank, column, found, q_values, plan, confidence, seed, labels)
            for rank, (feature, column) in enumerate(zip(ranked[:top], acts.T, strict=True), 1)
        ],
        random_sae_found=random_found,
        notes=[*notes, *_limits(plan, found, fdr)],
    )


def _associated(
    sae: SAE, tokens: TokenRows, n_rows: int, plan: Design, pooling: RowPooling
) -> tuple[Associations, csc_matrix | None]:
    """All features against the event; with their activations, where one pass held them all."""
    parts: list[Associations] = []
    held: csc_matrix | None = None
    for part in feature_rows(sae, tokens, n_rows, pooling=pooling):
        parts.append(associate(part.pooled, plan))
        held = part.pooled if len(part.features) == sae.d_sae else None
    return joined(parts), held


def _columns(
    sae: SAE,
    tokens: TokenRows,
    n_rows: int,
    features: Indices,
    held: csc_matrix | None,
    pooling: RowPooling,
) -> Floats:
    """Activations of some features by row, `[n_rows, n_features]`; read again if let go."""
    if held is not None:
        columns: Floats = held[:, features].toarray().astype(np.float64)
        return columns
    if not len(features):
        return np.zeros((n_rows, 0))
    return some_feature_rows(sae, tokens(), n_rows, features.tolist(), pooling=pooling)


def _discovered(
    feature: int,
    rank: int,
    acts: Floats,
    found: Associations,
    q_values: Floats,
    plan: Design,
    confidence: float,
    seed: int,
    labels: Mapping[int, FeatureLabel] | None,
) -> DiscoveredFeature:
    cut = float(found.cut[feature])
    one = measured(acts, cut, plan, confidence=confidence, seed=seed)
    return DiscoveredFeature(
        feature=feature,
        rank=rank,
        cut=cut,
        rate_with=recorded(one.rate_with),
        rate_without=recorded(one.rate_without),
        lift=recorded(one.lift),
        auroc=recorded(one.auroc),
        effect=one.effect,
        mean_with=one.mean_with,
        mean_without=one.mean_without,
        p_value=float(found.p_value[feature]),
        q_value=float(q_values[feature]),
        label=(labels or {}).get(feature),
    )


def _one_sided(corpus: Corpus) -> str:
    """Why there is nothing to compare, in words; empty where there is."""
    name = corpus.event_name or "the event"
    if corpus.event is None:
        return "it is not known on which rows anything happened: nothing to look for"
    if not corpus.event.any():
        return f"`{name}` holds on none of the {len(corpus)} rows: there is nothing to find"
    if corpus.event.all():
        return (
            f"`{name}` holds on every one of the {len(corpus)} rows: there is nothing to hold "
            "them against"
        )
    return ""


def _too_few_groups(corpus: Corpus) -> str:
    assert corpus.event is not None
    with_event, without = (
        len(np.unique(corpus.groups[side])) for side in (corpus.event, ~corpus.event)
    )
    return (
        f"one half of the groups chooses features and the other tests them, and each needs rows "
        f"with and without `{corpus.event_name}`: it holds in {with_event} of "
        f"{len(np.unique(corpus.groups))} groups and fails to in {without}; give rows of more "
        f"groups"
    )


def _limits(plan: Design, found: Associations, fdr: float) -> list[str]:
    """What these groups cannot show, in words."""
    said = []
    if plan.test.left_out:
        said.append(
            f"{plan.test.left_out} test groups have too few rows to be compared with the others "
            "and are left out of the test"
        )
    least, m = plan.test.smallest_p, len(found.p_value)
    together = math.ceil(least * m / fdr)
    if together > 1:
        said.append(
            f"no feature can have a p-value below {least:.2g} on these test groups: with {m:,} "
            f"tested, fewer than {together:,} together cannot be significant at a "
            f"false-discovery rate of {fdr:g}; finding nothing says little, more groups would"
        )
    if len(found.ranked(fdr)):
        said.append(
            "what is listed passed the test on the very rows that its figures come from, so the "
            "weakest of it look stronger than they are"
        )
    return said


def _nothing(
    corpus: Corpus, plan: Design | None, pooling: RowPooling, fdr: float, notes: list[str]
) -> Discovery:
    none = np.zeros(len(corpus), dtype=bool)
    selecting, testing = (none, none) if plan is None else (plan.selecting, plan.testing)
    return Discovery(
        event=corpus.event_name,
        pooling=f"{pooling} over its tokens",
        fdr=fdr,
        tested=0,
        alive=0,
        selection_rows=int(selecting.sum()),
        selection_groups=_count(corpus, selecting),
        test_rows=int(testing.sum()),
        test_groups=_count(corpus, testing),
        significant=0,
        found=[],
        notes=notes,
    )


def _count(corpus: Corpus, chosen: Bools) -> int:
    return len(np.unique(corpus.groups[chosen]))
