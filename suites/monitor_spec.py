"""What a suite may say about a monitor: what it is, where it reads, which tokens.

Pure data. The names of fitters and poolings belong to another room: they are text here, and
`load_suite` checks them against the vocabulary that it is given.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from suites.spec import NonEmpty, OpenRate, Rate, Spec


class LastTokens(Spec):
    """The last k tokens of the row."""

    last: int = Field(ge=1, description="How many.")


Site = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
DEFAULT_DEPTHS = (0.25, 0.375, 0.5, 0.625, 0.75)


class Monitor(Spec):
    """What every monitor shares: which tokens it reads and how they are pooled."""

    tokens: Literal["all", "prompt", "response", "last", "span"] | LastTokens = Field(
        default="last", description="Which tokens are read; `{last: 5}` for the last five."
    )
    pooling: str = Field(default="mean", description="A name in the table of poolings.")
    window: int = Field(
        default=16, ge=1, description="Tokens in a window of `pooling: max_rolling_mean`."
    )
    folds: int = Field(
        default=5,
        ge=2,
        le=50,
        description="Grouped folds on the train role, for layer and penalty.",
    )


class ProbeSpec(Monitor):
    """A linear read-out of activations, fitted on the train role.

    At most one of `layers`, `depth` and `hook_name` is given; several places are several
    candidates, of which cross-validation on the train role chooses one.
    """

    kind: Literal["probe"] = Field(default="probe", description="A linear probe.")
    layers: Literal["all"] | list[Annotated[int, Field(ge=0)]] | None = Field(
        default=None, description="Blocks by number, counted from 0."
    )
    depth: Rate | list[Rate] | None = Field(
        default=None, description="0 = first block, 1 = last. Serves models of any depth."
    )
    hook_name: NonEmpty | list[NonEmpty] | None = Field(
        default=None, description="A place in TransformerLens' words: `blocks.8.hook_resid_post`."
    )
    site: Site = Field(default="resid_post", description="Which output of a block is read.")
    fitter: str = Field(default="logistic", description="A name in the table of fitters.")

    @model_validator(mode="after")
    def _one_place(self) -> ProbeSpec:
        given = [n for n in ("layers", "depth", "hook_name") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of layers, depth and hook_name, not {' and '.join(given)}")
        for name in given:
            if getattr(self, name) == []:
                raise ValueError(f"`{name}` is empty")
        return self


class NamedFeature(Spec):
    """A feature with the name that somebody gave it."""

    index: int = Field(ge=0, description="Its number in the SAE.")
    label: NonEmpty = Field(description="What it is said to stand for.")
    label_source: NonEmpty = Field(description="Who says so: a card, a paper, a page.")


class Discover(Spec):
    """How features are looked for."""

    top: int = Field(default=20, ge=1, description="Most features that are kept.")
    fdr: OpenRate = Field(default=0.05, description="Share of false finds that is borne with.")
    tokens: Literal["all", "last"] = Field(
        default="all", description="Which tokens of the audit rows misbehaviour is looked for on."
    )


class DiscoveredFeatures(Spec):
    """Features that nobody named: those that go with the concept on the train role.

    On the audit rows the same search says which features go with misbehaviour; the verdict
    rests on nothing that was chosen there.
    """

    discover: Discover = Field(description="How they are looked for.")


class FeatureSpec(Monitor):
    """Features of a sparse autoencoder, pooled over the tokens that are read.

    It reads where the SAE says; `hook_name` is for one whose files do not say.
    """

    kind: Literal["feature"] = Field(default="feature", description="Features of an SAE.")
    sae: NonEmpty = Field(
        description="A folder or file relative to the suite, a hub id, or `model:FOLDER` for one "
        "that lies in the model's own folder."
    )
    sae_format: str | None = Field(
        default=None, description="A name in the table of formats, where it is not recognised."
    )
    other_seed: NonEmpty | None = Field(
        default=None,
        description="An SAE of the same place from another seed: do features survive it?",
    )
    features: list[Annotated[int, Field(ge=0)] | NamedFeature] | DiscoveredFeatures = Field(
        description="Which features are watched."
    )
    hook_name: NonEmpty | None = Field(
        default=None, description="Where it reads: `blocks.8.hook_resid_post`."
    )
    combine: Literal["max", "sum", "probe"] = Field(
        default="max",
        description="The score of several: the largest, their sum, or a probe fitted on them.",
    )
    tokens: Literal["all", "prompt", "response", "last", "span"] | LastTokens = Field(
        default="all", description="Which tokens are read; `{last: 5}` for the last five."
    )
    pooling: str = Field(default="max", description="A name in the table of poolings.")

    @model_validator(mode="after")
    def _each_feature_once(self) -> FeatureSpec:
        if isinstance(self.features, list):
            numbers = self.numbers
            if not numbers:
                raise ValueError("`features` is empty")
            if len(set(numbers)) < len(numbers):
                raise ValueError("a feature is named twice")
        return self

    @property
    def numbers(self) -> list[int]:
        """The features that the suite names; none where they are to be discovered."""
        if isinstance(self.features, DiscoveredFeatures):
            return []
        return [one.index if isinstance(one, NamedFeature) else one for one in self.features]


def _kind(value: Any) -> str:
    """Which monitor a mapping means; a probe where it does not say."""
    kind = (
        value.get("kind", "probe") if isinstance(value, dict) else getattr(value, "kind", "probe")
    )
    return str(kind)


MonitorSpec = Annotated[
    Annotated[ProbeSpec, Tag("probe")] | Annotated[FeatureSpec, Tag("feature")],
    Discriminator(_kind),
]
