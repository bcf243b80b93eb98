"""The evidence card of a feature: seven arguments, each measured, and the controls beside them.

The order of the measurements and what each is given; how one is made is told in its own module.
An argument that this model or these rows do not allow is named with its reason, and the card
is made without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from audit.errors import MeasurementError, UsageError
from audit.features.contexts import FeatureTokens, PeakContext, feature_tokens
from audit.features.controls import SAMPLE_TOKENS, Ground, controls_for, lay_ground
from audit.features.corpus import Corpus
from audit.features.describing import Describer
from audit.features.examples import dataset_examples, top_contexts
from audit.features.identity import place_of_sae, sae_info
from audit.features.implementation import implementation
from audit.features.joint import joint_tuning
from audit.features.other_seed import seed_matches
from audit.features.pieces import Pieces
from audit.features.sampling import token_sample, without_outliers
from audit.features.synthetic import synthetic_examples
from audit.features.use import use_of
from audit.features.visualise import visualise
from audit.models.loading import LoadedModel
from probes.base import ProbeError
from probes.sae import SAE
from probes.sae.rules import explainer
from reports.features import FeatureCard, FeatureLabel, Rule, SeedMatch

Depth = Literal["full", "quick"]
T = TypeVar("T")

_QUICK = "left out by the quick card"
_NO_OTHER_SEED = "no SAE of another seed was given"
_VARIED = 200  # rows beside the top contexts over which neighbours are correlated


@dataclass(frozen=True, eq=False)
class _Bench:
    """What every card of one SAE is made with."""

    loaded: LoadedModel
    sae: SAE
    corpus: Corpus
    hook_name: str
    tokens: FeatureTokens
    pieces: Pieces
    ground: Ground
    describe: Describer
    explain: str
    matches: Mapping[int, SeedMatch]
    seed: int
    depth: Depth
    say: Callable[[str], None]

    @property
    def tested(self) -> Corpus:
        """Rows of the groups that chose nothing, where features were chosen by an event."""
        rows = np.flatnonzero(self.ground.test)
        return self.corpus if self.ground.lacks or not len(rows) else self.corpus.take(rows)


def explain_features(
    loaded: LoadedModel,
    sae: SAE,
    features: Sequence[int],
    corpus: Corpus,
    *,
    hook_name: str | None = None,
    why: str | Mapping[int, str] = "",
    other_seed: SAE | None = None,
    labels: Mapping[int, FeatureLabel] | None = None,
    explain: str = "tokens",
    seed: int = 0,
    depth: Depth = "full",
    progress: Callable[[str], None] | None = None,
) -> list[FeatureCard]:
    """A card for each feature.

    Args:
        loaded: the model.
        sae: any device; it is moved to the model's.
        features: which, each once.
        corpus: the rows to read them on, and what is known of those.
        hook_name: where the SAE reads, if its files do not say.
        why: the reason for the cards, or for each its own.
        other_seed: an SAE of the same place, trained from another seed.
        labels: names that somebody gave features.
        explain: the explainer that proposes rules.
        seed: of samples, halves and controls.
        depth: "quick" leaves out the searches and the interventions.
        progress: told what is measured.

    Raises:
        UsageError: the SAE does not fit the model, a feature or an explainer does not exist.
        MeasurementError: the model cannot be run on these rows.
    """
    say = progress or (lambda _: None)
    chosen = tuple(dict.fromkeys(int(feature) for feature in features))
    place = place_of_sae(sae, hook_name)
    sae = sae.to(loaded.model.device)
    try:
        sae.reader(chosen)
        explainer(explain)
    except ProbeError as error:
        raise UsageError(str(error)) from None
    say("controls")
    sample, _ = token_sample(loaded, sae, [corpus], place, most=SAMPLE_TOKENS, seed=seed)
    sae = without_outliers(sae, sample)
    try:
        ground = lay_ground(loaded, sae, chosen, corpus, hook_name=place, seed=seed)
    except ProbeError as error:
        raise MeasurementError(str(error)) from None
    say("activations")
    tokens = feature_tokens(loaded, sae, chosen, corpus, hook_name=place)
    matches: Mapping[int, SeedMatch] = {}
    if other_seed is not None:
        say("other seed")
        other = other_seed.to(loaded.model.device)
        matches = seed_matches(loaded, sae, chosen, other, corpus, hook_name=place)
    pieces = Pieces(loaded.tokenizer)
    describe = Describer(tokens, pieces, explain=explain, seed=seed)
    bench = _Bench(
        loaded,
        sae,
        corpus,
        place,
        tokens,
        pieces,
        ground,
        describe,
        explain,
        matches,
        seed,
        depth,
        say,
    )
    reasons = {feature: why if isinstance(why, str) else why.get(feature, "") for feature in chosen}
    named = labels or {}
    return [_card(bench, feature, reasons[feature], named.get(feature)) for feature in chosen]


def _card(bench: _Bench, feature: int, why: str, label: FeatureLabel | None) -> FeatureCard:
    lacks: list[str] = []
    found = _Arguments(bench, feature, lacks)
    rule = found.rule()
    return FeatureCard(
        feature=feature,
        sae=sae_info(bench.sae, bench.hook_name),
        why=why,
        label=label,
        dataset=dataset_examples(bench.tokens, feature, bench.pieces),
        rule=rule,
        synthetic=found.attempt(
            "2. synthetic examples",
            lambda: synthetic_examples(
                bench.loaded,
                bench.sae,
                feature,
                found.top[0],
                hook_name=bench.hook_name,
                seed=bench.seed,
            ),
            wants_context=True,
        ),
        visualisation=found.attempt(
            "3. visualisation",
            lambda: visualise(
                bench.loaded,
                bench.sae,
                feature,
                hook_name=bench.hook_name,
                maximum=bench.tokens.maximum(feature),
                base=found.top[0] if found.top else None,
                seed=bench.seed,
            ),
            slow=True,
        ),
        joint=found.attempt(
            "4. joint tuning",
            lambda: joint_tuning(
                bench.loaded,
                bench.sae,
                feature,
                found.top[0],
                [*found.top[1:], *_varied(bench.corpus, bench.seed)],
                hook_name=bench.hook_name,
            ),
            wants_context=True,
        ),
        implementation=found.attempt(
            "5. implementation",
            lambda: implementation(
                bench.loaded, bench.sae, feature, found.top, hook_name=bench.hook_name
            ),
            wants_context=True,
        ),
        use=found.attempt(
            "6. use",
            lambda: use_of(
                bench.loaded,
                bench.sae,
                feature,
                bench.tested,
                hook_name=bench.hook_name,
                seed=bench.seed,
            ),
            slow=True,
        ),
        controls=controls_for(
            bench.ground,
            bench.tokens,
            feature,
            rule,
            bench.pieces,
            explain=bench.explain,
            other_seed=bench.matches.get(feature),
            other_seed_lacks="" if feature in bench.matches else _NO_OTHER_SEED,
            seed=bench.seed,
        ),
        not_measured=[*bench.ground.faults, *lacks]
        + ([f"controls: {bench.ground.lacks}"] if bench.ground.lacks else []),
    )


class _Arguments:
    """Measures one argument after the other, and notes why one could not be."""

    def __init__(self, bench: _Bench, feature: int, lacks: list[str]) -> None:
        self._bench, self._feature, self._lacks = bench, feature, lacks
        self.top = top_contexts(bench.tokens, feature)

    def rule(self) -> Rule | None:
        """Argument 7, which the controls are held against."""
        return self._measured("7. rule", lambda: self._bench.describe(self._feature))

    def attempt(
        self,
        name: str,
        measure: Callable[[], T],
        *,
        slow: bool = False,
        wants_context: bool = False,
    ) -> T | None:
        """What the measurement finds, None where it was left out or could not be made."""
        if slow and self._bench.depth == "quick":
            self._lacks.append(f"{name}: {_QUICK}")
            return None
        if wants_context and not self.top:
            self._lacks.append(f"{name}: the feature fires on none of these rows")
            return None
        return self._measured(name, measure)

    def _measured(self, name: str, measure: Callable[[], T]) -> T | None:
        self._bench.say(f"feature {self._feature}: {name}")
        try:
            return measure()
        except (MeasurementError, UsageError, ProbeError) as error:
            self._lacks.append(f"{name}: {error}")
            return None


def _varied(corpus: Corpus, seed: int) -> list[PeakContext]:
    """Whole rows drawn at random, for what wants contexts where the feature may be silent."""
    drawn = np.random.default_rng(seed).permutation(len(corpus))[:_VARIED]
    return [
        PeakContext(corpus.ids[row], len(corpus.ids[row]) - 1, 0.0, corpus.rows[row])
        for row in map(int, drawn)
    ]
