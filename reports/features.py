"""The record's parts about features of a sparse autoencoder: fidelity, discovery, evidence.

An evidence card holds the seven classical arguments for what a feature is (Cammarata et al.,
"Curve Detectors", 2020), as far as a language model allows them, each measured. Its controls
are not optional: a card without them cannot be built. Tokens and labels came from outside:
hostile.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reports.parts import Estimate, Facts, Part

# --- the SAE ------------------------------------------------------------------------


class SAEInfo(Part):
    """Which SAE was read."""

    path: str
    format: str
    digest: str
    d_in: int
    d_sae: int
    activation: str
    hook_name: str
    hook_name_out: str | None = None
    model_name: str | None = None
    promised_l0: float | None = None
    notes: list[str] = Field(default_factory=list)


class Fidelity(Part):
    """How well an SAE describes the model at hand, over a few thousand of its tokens.

    `l0` is features per token; `explained_variance` is `1 - E|x - x^|^2 / (E|x|^2 - |E x|^2)`;
    `relative_bias` is `E|x^| / E|x|`, 1 where nothing is lost. Outliers are tokens whose norm
    is above ten times the median; they and special tokens are left out of the rest.
    `faults` says in words why nothing may be concluded from this SAE; empty where it is sound.
    """

    n_tokens: int
    l0: float
    promised_l0: float | None = None
    explained_variance: float
    cosine: float
    relative_bias: float
    dead_share: float
    outlier_rate: float
    faults: list[str] = Field(default_factory=list)


class FeatureLabel(Part):
    """A name that somebody gave a feature, and who."""

    text: str
    source: str


class WatchedFeature(Part):
    """A feature that a check watches, by itself."""

    feature: int
    label: FeatureLabel | None = None
    auroc: Estimate | None = Field(default=None, description="Alone, on the validation role.")
    audit_rate: Estimate | None = Field(default=None, description="Audit rows it is active on.")
    control_rate: Estimate | None = None


# --- discovery ----------------------------------------------------------------------


class DiscoveredFeature(Part):
    """One feature that goes with an event, measured on groups that did not choose it.

    It fires on a row where its activation is above `cut`, which the selection half chose: zero
    where being active at all tells best. `lift` is the rate at which it fires on rows with the
    event less that on rows without; `effect` is the difference of mean activations in standard
    deviations over all rows.
    """

    feature: int
    rank: int = Field(description="By lift on the selection half, from 1.")
    cut: float = Field(default=0.0, description="It fires above this.")
    rate_with: Estimate
    rate_without: Estimate
    lift: Estimate
    auroc: Estimate
    effect: float
    mean_with: float
    mean_without: float
    p_value: float
    q_value: float = Field(description="Benjamini-Hochberg over all features.")
    label: FeatureLabel | None = None


class Discovery(Part):
    """Which features go with an event, selected on one half of the groups, tested on the other.

    `tested` counts the features in the family of the correction: all of them, dead ones too;
    none where the rows do not allow a test, and then a note says why. `smallest_p` is the least
    p-value that any feature could have on these groups. `random_sae_found` is how many a random
    SAE of the same shape yields by the same steps.
    """

    event: str = Field(description="In words: `the model misbehaves`.")
    pooling: str
    fdr: float
    tested: int
    alive: int
    selection_rows: int
    selection_groups: int
    test_rows: int
    test_groups: int
    significant: int
    smallest_p: float | None = None
    found: list[DiscoveredFeature]
    random_sae_found: int | None = None
    notes: list[str] = Field(default_factory=list)


class ChangedFeature(Part):
    """One feature on the same rows under two checkpoints: mean activations, and their change.

    `increase` is the change in standard deviations over rows, by which features are ranked.
    """

    feature: int
    before: Estimate
    after: Estimate
    change: Estimate
    increase: float | None = None
    p_value: float
    q_value: float
    label: FeatureLabel | None = None


class FeatureChanges(Part):
    """Which features became more active from one checkpoint to another, on the same rows."""

    before: str
    after: str
    pooling: str
    fdr: float
    tested: int
    significant: int
    rows: int
    groups: int
    found: list[ChangedFeature]
    notes: list[str] = Field(default_factory=list)


# --- evidence: seven arguments ------------------------------------------------------


class TokenValue(Part):
    """A token and the feature's activation on it."""

    token: str
    value: float


class Context(Part):
    """Some tokens around the place where a feature is most active."""

    tokens: list[TokenValue]
    peak: int = Field(description="Index into `tokens`.")
    value: float = Field(description="Activation at the peak.")
    row: str = Field(default="", description="Id of the row it comes from.")


class Band(Part):
    """Contexts between two quantiles of the positive activations."""

    low: float
    high: float
    contexts: list[Context]


class Histogram(Part):
    """Counts between edges: one edge more than counts."""

    edges: list[float]
    counts: list[int]


class DatasetExamples(Part):
    """1. Where in the data it fires: top contexts, ten quantiles, histogram, density."""

    n_tokens: int
    density: Estimate = Field(description="Share of tokens on which it is active.")
    maximum: float
    histogram: Histogram = Field(description="Of the positive activations.")
    top: list[Context]
    bands: list[Band]
    duplicates: int = Field(description="Contexts left out because their text was there already.")


class TokenEdit(Part):
    """A top context with one token dropped or swapped, and what became of the activation."""

    kind: Literal["drop", "swap"]
    position: int
    before: str
    after: str | None = None
    activation: float


class SyntheticExamples(Part):
    """2. Minimal edits of top contexts. `needed` are tokens whose loss halves the activation."""

    base: Context
    edits: list[TokenEdit]
    needed: list[str]
    graded: float = Field(description="Mean share of the activation that one edit leaves.")


class Maximiser(Part):
    """A sequence and how far it drives the feature."""

    tokens: list[str]
    activation: float
    relative: float = Field(description="To the maximum in the data.")


class Visualisation(Part):
    """3. What maximises it: single tokens of the vocabulary, and sequences found by search."""

    tokens: list[Maximiser]
    sequences: list[Maximiser]
    searched: int = Field(description="Sequences that were run.")
    notes: list[str] = Field(default_factory=list)


class Neighbour(Part):
    """A feature whose decoder direction lies near."""

    feature: int
    cosine: float
    correlation: float | None = Field(default=None, description="Of activations over tokens.")


class PathStep(Part):
    """One context on the way from where this feature fires to where a neighbour does."""

    tokens: list[str]
    activations: Facts[float] = Field(description="By feature.")


class JointTuning(Part):
    """4. The family near it, and how activation passes between its members along an edit path."""

    neighbours: list[Neighbour]
    path: list[PathStep]


class Writer(Part):
    """Something that writes to a feature's encoder, and how strongly."""

    name: str
    weight: float


class Implementation(Part):
    """5. What writes to its encoder: tokens by their embeddings, earlier places by their share.

    `tokens` and `against` are what embeddings write, less what the average token does.
    `places` splits the mean pre-activation on its top tokens over the encoder's bias and what
    each earlier attention and MLP output adds, in the feature's units; `residual` is what they
    leave unexplained.
    """

    tokens: list[Writer]
    against: list[Writer]
    places: list[Writer]
    residual: float
    notes: list[str] = Field(default_factory=list)


class Effect(Part):
    """What one intervention does to the model, means over prompts.

    `strength` is in medians of the activation norm; 0 is ablation. `kl` is the divergence of
    the next-token distribution from the untouched one, in nats; `behaviour` the change of the
    misbehaviour's log-odds where the check has a choice behaviour.
    """

    kind: Literal["ablate", "steer", "random_direction", "random_feature"]
    strength: float
    kl: Estimate
    behaviour: Estimate | None = None


class Use(Part):
    """6. What it does: direct effect on logits, and ablation and steering with controls.

    Interventions keep the reconstruction error: they add to the activation and replace nothing.
    """

    promotes: list[Writer]
    suppresses: list[Writer]
    effects: list[Effect]
    monotone: bool | None = Field(
        default=None, description="Whether behaviour follows the strength over both signs."
    )
    notes: list[str] = Field(default_factory=list)


class Rule(Part):
    """7. The best short description as a rule over tokens, scored on contexts it never saw.

    `detection`: balanced accuracy at telling contexts where it fires from others. `fuzzing`:
    at telling its firing tokens from other tokens of the same contexts. `hard` is detection
    with hard negatives alone: silent contexts that hold a token on which it fires elsewhere.
    """

    description: str
    explainer: str
    detection: Estimate
    fuzzing: Estimate
    hard: Estimate | None = None
    window: int = Field(default=16, description="Most tokens of a context.")
    compared: int = Field(default=0, description="Rules that this one was the best of.")


class ControlFigure(Part):
    """One statistic of the feature beside the same one of its controls."""

    name: str
    feature: Estimate
    random_sae: Estimate | None = Field(
        default=None, description="The best of a random SAE of the same shape, found alike."
    )
    probe: Estimate | None = Field(
        default=None, description="The plain probe on raw activations with the same pooling."
    )
    note: str = ""


class SeedMatch(Part):
    """The feature's best match in an SAE of another seed, by activation correlation."""

    path: str
    feature: int
    correlation: float
    cosine: float
    survives: bool


class Controls(Part):
    """What anybody could have got: a card is worth what it has above these."""

    figures: list[ControlFigure] = Field(min_length=1)
    other_seed: SeedMatch | None = None
    other_seed_lacks: str = Field(default="", description="Why there is no other seed.")


class FeatureCard(Part):
    """All evidence on one feature, with its controls."""

    feature: int
    sae: SAEInfo
    why: str = Field(description="Why there is a card: `flagged by check x`.")
    label: FeatureLabel | None = None
    dataset: DatasetExamples
    synthetic: SyntheticExamples | None = None
    visualisation: Visualisation | None = None
    joint: JointTuning | None = None
    implementation: Implementation | None = None
    use: Use | None = None
    rule: Rule | None = None
    controls: Controls
    not_measured: list[str] = Field(
        default_factory=list, description="Arguments left out, each with its reason."
    )
