"""What a suite may say about a monitor: where it reads, which tokens, how it is fitted.

Pure data. The names of fitters and poolings belong to another room: they are text here, and
`load_suite` checks them against the vocabulary that it is given.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from suites.spec import NonEmpty, Rate, Spec


class LastTokens(Spec):
    """The last k tokens of the row."""

    last: int = Field(ge=1, description="How many.")


Site = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
DEFAULT_DEPTHS = (0.25, 0.375, 0.5, 0.625, 0.75)


class Monitor(Spec):
    """What every monitor shares: where it reads, which tokens, how they are pooled.

    At most one of `layers`, `depth` and `hook_name` is given; several places are several
    candidates, of which cross-validation on the train role chooses one.
    """

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
    tokens: Literal["all", "prompt", "response", "last", "span"] | LastTokens = Field(
        default="last", description="Which tokens are read; `{last: 5}` for the last five."
    )
    pooling: str = Field(default="mean", description="A name in the table of poolings.")
    window: int = Field(
        default=16, ge=1, description="Tokens in a window of `pooling: max_rolling_mean`."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Monitor:
        given = [n for n in ("layers", "depth", "hook_name") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of layers, depth and hook_name, not {' and '.join(given)}")
        for name in given:
            if getattr(self, name) == []:
                raise ValueError(f"`{name}` is empty")
        return self


class ProbeSpec(Monitor):
    """A linear read-out of activations, fitted on the train role."""

    kind: Literal["probe"] = Field(default="probe", description="A linear probe.")
    fitter: str = Field(default="logistic", description="A name in the table of fitters.")
    folds: int = Field(
        default=5,
        ge=2,
        le=50,
        description="Grouped folds on the train role, for layer and penalty.",
    )


MonitorSpec = ProbeSpec
