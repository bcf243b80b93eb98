"""What anybody could have got: the figures of a card beside those of its controls.

The same statistics, by the same steps, for a feature of a random SAE and, where it is known on
which rows something happened, for a plain probe. What was chosen by some groups is measured on
the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MeasurementError
from audit.features.contexts import FeatureTokens, feature_tokens
from audit.features.corpus import Corpus
from audit.features.describing import Describer
from audit.features.estimates import recorded
from audit.features.pieces import Pieces
from audit.features.row_vectors import pooled_rows
from audit.features.sampling import token_sample
from audit.models.capture import Read
from audit.models.loading import LoadedModel
from probes.base import ProbeError
from probes.fitters import fitter
from probes.intervals import Estimate, auroc_estimate, rate
from probes.sae import SAE
from probes.sae.choosing import auroc_of_columns
from probes.sae.controls import random_sae
from probes.sae.exchange import halves
from probes.sae.fidelity import faults, fidelity
from reports.features import ControlFigure, Controls, Rule, SeedMatch

SAMPLE_TOKENS = 4096
CANDIDATES = 1024  # features of the random SAE, among which the best is chosen
POOLING = "max"


@dataclass(frozen=True, eq=False)
class Ground:
    """What all cards of one SAE are held against, measured once.

    Attributes:
        test: rows that chose nothing, `[n_rows]`.
        random: the random SAE.
        stands_for: for each feature the one of the random SAE that stands beside it.
        tokens: where those fire.
        probe: scores of the plain probe on the test rows; None where there is no event, or
            too little of it.
        lacks: why there is no probe and no AUROC, in words; empty where there are.
        faults: why nothing may be concluded from the SAE on this model.
    """

    test: NDArray[np.bool_]
    random: SAE
    stands_for: Mapping[int, int]
    tokens: FeatureTokens
    probe: NDArray[np.float64] | None
    lacks: str
    faults: tuple[str, ...]


def lay_ground(
    loaded: LoadedModel,
    sae: SAE,
    features: Sequence[int],
    corpus: Corpus,
    *,
    hook_name: str,
    fit: str = "logistic",
    seed: int = 0,
) -> Ground:
    """Make the controls of some features.

    Where the event is known, the random feature is the one of many that goes with it best on
    the selection half, and the probe is fitted there. Where it is not, nothing chose the
    features, and the random ones are those that fire as often.

    Args:
        loaded: the model; it runs over a sample and twice over the corpus.
        sae: on the model's device.
        features: which.
        corpus: which tokens, and on which rows the event happened.
        hook_name: where the SAE reads.
        fit: a fitter, for the probe.
        seed: of the halves, the sample and the random SAE.

    Raises:
        UsageError: the SAE does not fit the place.
        MeasurementError: activations that are not finite.
        SAEError: the same, in the sample.
    """
    x, target = token_sample(loaded, sae, [corpus], hook_name, most=SAMPLE_TOKENS, seed=seed)
    blank = random_sae(sae, x, random_state=seed)
    known = np.zeros(len(corpus), dtype=bool) if corpus.event is None else corpus.event
    chooses, test = halves(known, corpus.groups, seed=seed)
    lacks = _lacks(corpus, chooses)
    stands_for = {feature: feature for feature in features}
    scores = None
    if not lacks and corpus.event is not None:
        drawn = np.sort(np.random.default_rng(seed).permutation(blank.d_sae)[:CANDIDATES])
        pooled, raw = _pooled(loaded, blank, drawn.tolist(), corpus, hook_name)
        columns = auroc_of_columns(pooled[chooses], corpus.event[chooses])
        stands_for = dict.fromkeys(features, int(drawn[np.argmax(columns)]))
        probe = fitter(fit)(
            raw[chooses], corpus.event[chooses], corpus.groups[chooses], random_state=seed
        )
        scores = np.asarray(probe.decision_function(raw[test]), dtype=np.float64)
    wanted = sorted(set(stands_for.values()))
    return Ground(
        test=test,
        random=blank,
        stands_for=stands_for,
        tokens=feature_tokens(loaded, blank, wanted, corpus, hook_name=hook_name),
        probe=scores,
        lacks=lacks,
        faults=tuple(faults(sae, fidelity(sae, x, target))),
    )


def controls_for(
    ground: Ground,
    tokens: FeatureTokens,
    feature: int,
    rule: Rule | None,
    pieces: Pieces,
    *,
    explain: str = "tokens",
    other_seed: SeedMatch | None = None,
    other_seed_lacks: str = "",
    seed: int = 0,
) -> Controls:
    """The figures of one feature beside those of its controls.

    Args:
        ground: from `lay_ground`, for this feature among others.
        tokens: where the feature fires.
        feature: which.
        rule: its rule, where one could be tested.
        pieces: the texts of token ids.
        explain: name of the explainer that proposed the rule.
        other_seed: its match in another SAE.
        other_seed_lacks: why there is none.
        seed: that the rule was found with.
    """
    random = ground.stands_for[feature]
    figures = []
    if ground.probe is not None:
        figures.append(
            ControlFigure(
                name="AUROC",
                feature=recorded(_auroc(ground, tokens, feature, seed)),
                random_sae=recorded(_auroc(ground, ground.tokens, random, seed)),
                probe=recorded(_auroc_of(ground, tokens.corpus, ground.probe, seed)),
                note=f"tells rows on which {tokens.corpus.event_name or 'the event happened'} from "
                f"others, pooled by {POOLING}, on the half of the groups that chose neither the "
                "random feature nor the probe",
            )
        )
    figures.append(
        ControlFigure(
            name="density",
            feature=recorded(_density(tokens, feature)),
            random_sae=recorded(_density(ground.tokens, random)),
            note="share of tokens on which it is active",
        )
    )
    figures += _rule_figures(ground, random, rule, pieces, explain, seed)
    return Controls(
        figures=figures,
        other_seed=other_seed,
        other_seed_lacks=other_seed_lacks,
    )


def _rule_figures(
    ground: Ground, random: int, rule: Rule | None, pieces: Pieces, explain: str, seed: int
) -> list[ControlFigure]:
    if rule is None:
        return []
    try:
        theirs = Describer(ground.tokens, pieces, explain=explain, seed=seed)(random)
        note = f"the random feature's rule: {theirs.description}"
    except ProbeError as error:
        theirs, note = None, f"random SAE: {error}"
    figures = {
        "rule, detection": (rule.detection, theirs and theirs.detection, note),
        "rule, fuzzing": (rule.fuzzing, theirs and theirs.fuzzing, ""),
        "rule, hard negatives": (rule.hard, theirs and theirs.hard, ""),
    }
    return [
        ControlFigure(name=name, feature=ours, random_sae=random_sae, note=said)
        for name, (ours, random_sae, said) in figures.items()
        if ours is not None
    ]


def _lacks(corpus: Corpus, chooses: NDArray[np.bool_]) -> str:
    """Why nothing can be held against the event, in words."""
    if corpus.event is None:
        return "nothing is known of these rows to hold a feature or a probe against"
    for half in (chooses, ~chooses):
        happened = corpus.event[half]
        for rows, where in ((happened, "with"), (~happened, "without")):
            if len(np.unique(corpus.groups[half][rows])) < 2:
                return (
                    f"no AUROC and no probe: a half of the groups has fewer than two {where} rows "
                    f"on which {corpus.event_name or 'the event happened'}"
                )
    return ""


def _pooled(
    loaded: LoadedModel, random: SAE, features: Sequence[int], corpus: Corpus, hook_name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Row maxima of random features `[n, k]` and of the activations themselves `[n, d_in]`.

    Raises:
        MeasurementError: activations that are not finite.
    """
    reads = [Read(hook_name, POOLING, reader=random.reader(features)), Read(hook_name, POOLING)]
    pooled, raw = pooled_rows(loaded, corpus, reads)
    bad = int((~np.isfinite(raw)).any(axis=1).sum())
    if bad:
        raise MeasurementError(
            f"activations at {hook_name} are NaN or infinite on {bad} of {len(raw)} rows"
        )
    return pooled, raw


def _auroc(ground: Ground, tokens: FeatureTokens, feature: int, seed: int) -> Estimate:
    scores = tokens.row_maximum(feature)[ground.test].astype(np.float64)
    return _auroc_of(ground, tokens.corpus, scores, seed)


def _auroc_of(ground: Ground, corpus: Corpus, scores: NDArray[np.float64], seed: int) -> Estimate:
    if corpus.event is None:
        raise AssertionError("a probe was fitted, so there is an event")
    event, groups = corpus.event[ground.test], corpus.groups[ground.test]
    return auroc_estimate(scores, event, groups, random_state=seed)


def _density(tokens: FeatureTokens, feature: int) -> Estimate:
    active = np.zeros(tokens.corpus.n_tokens, dtype=bool)
    active[tokens.of(feature)[0]] = True
    return rate(active, tokens.groups)
