"""The record's parts that a person sees as pictures: how scores are spread, the ROC, token scores.

Small enough to keep in the record: counts in bins, a thinned curve, a window of tokens. Tokens
came from outside: hostile.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from reports.parts import Estimate, Part


class RoleScores(Part):
    """How many scores of one role lie in each bin.

    Validation rows are counted by label; control rows without one are those that set the threshold,
    with label 1 those that set the second threshold of a belief gap.
    """

    role: Literal["control", "audit", "validation"]
    label: int | None = None
    counts: list[int]


class Distributions(Part):
    """Scores of the roles of a check, counted between the same edges.

    Edges ascend and are one more than the counts; every score lies between the outer two.
    """

    edges: list[float]
    roles: list[RoleScores]

    @model_validator(mode="after")
    def _one_edge_more(self) -> Distributions:
        if any(len(role.counts) + 1 != len(self.edges) for role in self.roles):
            raise ValueError("there must be one edge more than counts")
        return self


class Roc(Part):
    """The ROC of the monitor on the validation role, thinned, and where its threshold puts it.

    Points run from (0, 0) to (1, 1); those left out move the curve by less than one in 200.
    """

    fpr: list[float]
    tpr: list[float]
    operating_fpr: Estimate
    operating_tpr: Estimate

    @model_validator(mode="after")
    def _paired(self) -> Roc:
        if len(self.fpr) != len(self.tpr):
            raise ValueError("each false-positive rate has one true-positive rate")
        return self


class TokenScores(Part):
    """What the monitor gives each token of a row by itself, in the unit of the row's score.

    The row's own score is made of the tokens at `read` alone. `before` and `after` count tokens
    that were left out to keep the window short.
    """

    tokens: list[str]
    values: list[float]
    read: list[int] = Field(description="Indices into `tokens` that the monitor pools over.")
    before: int = 0
    after: int = 0

    @model_validator(mode="after")
    def _paired(self) -> TokenScores:
        if len(self.tokens) != len(self.values):
            raise ValueError("each token has one value")
        if any(not 0 <= index < len(self.tokens) for index in self.read):
            raise ValueError("`read` must point at tokens that are there")
        return self
