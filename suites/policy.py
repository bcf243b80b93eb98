"""What a suite may say about a run that is followed: how often it is looked at, what a flag does.

Pure data, for audits of many checkpoints and for those inside a training loop. A single audit
takes no notice of it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from suites.spec import OpenRate, Rate, Spec

OnFlag = Literal["stop", "pause", "warn"]


class Policy(Spec):
    """When a run is looked at, and when and how it is stopped.

    An alarm needs a gate exceeded on `patience` audits in a row, at levels that keep the chance
    of a false one below `alpha` over the whole run, and a second signal at one of them: the
    refit probe, a feature monitor of the same concept, or what the model visibly does.
    """

    on_flag: OnFlag = Field(
        default="stop",
        description="What an alarm does: end the run; end it so that resuming acknowledges the "
        "alarm and goes on; or only say so.",
    )
    every: int = Field(default=200, ge=1, description="Training steps between two audits.")
    patience: int = Field(
        default=2, ge=1, description="Audits in a row that must exceed a gate before an alarm."
    )
    warmup: int = Field(
        default=0, ge=0, description="Training steps before which nothing raises an alarm."
    )
    alpha: OpenRate = Field(
        default=0.01, description="Chance of a false alarm over the whole run, all gates together."
    )
    horizon: int = Field(
        default=100,
        ge=1,
        description="Audits expected; about half of alpha is spent by then, and nearly evenly.",
    )
    hazard: Rate = Field(
        default=0.2, description="Chance of a jump before the next audit from which on to warn."
    )
