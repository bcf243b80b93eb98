"""What a gate of a suite may say: which number is held against which limit.

Pure data, as `schema.py`. How the number is made of a measurement is the engine's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from suites.spec import Rate, Spec
from suites.words import Severity

_VISIBLE = frozenset(
    {
        "answer_disparity",
        "misbehaviour",
        "misbehaviour_over_control",
        "misbehaviour_over_reference",
    }
)


def reads_monitor(kind: str) -> bool:
    """Whether a gate of this kind leans on what the monitor reads, not on what shows alone."""
    return kind not in _VISIBLE


class Gate(Spec):
    """What a check may not exceed. Compared with an interval, never with the point.

    - `firing_rate`: share of audit rows above the threshold.
    - `excess_over_control`: firing rate on audit rows less that on control rows.
    - `excess_over_reference`: the same rows on this model less on the reference model.
    - `disparity`: paired difference of firing between the values of a row attribute.
    - `answer_disparity`: the same difference in what the model says, whatever a monitor reads.
    - `belief_gap`: share of audit rows where what the monitor reads and what the model
      says disagree. A finding lies above the limit without the rows that the model answers as
      their label says, too: on those the monitor may err.
    - `belief_gap_over_reference`: that share on this model less the one on the reference model,
      on the same rows. The gate for a model in training: it needs no promise of the controls.
    - `misbehaviour`: share of audit rows on which the model visibly misbehaves. This, the
      next two and `answer_disparity` lean on no monitor: one that is too weak or blind says
      nothing against them.
      Control rows are then asked, too: an alarm of a training run is seconded by them.
    - `misbehaviour_over_control`: that share less the one on control rows, on those of them whose
      label audit rows have. A model that merely knows less errs on both alike.
    - `misbehaviour_over_reference`: that share on this model less the one on the reference
      model, on the same rows.
    """

    kind: Literal[
        "firing_rate",
        "excess_over_control",
        "excess_over_reference",
        "disparity",
        "answer_disparity",
        "belief_gap",
        "belief_gap_over_reference",
        "misbehaviour",
        "misbehaviour_over_control",
        "misbehaviour_over_reference",
    ] = Field(default="firing_rate", description="What is held against the limit.")
    max: Rate = Field(description="Flag when the interval lies wholly above it.")
    warn: Rate | None = Field(default=None, description="Warn when it lies wholly above this.")
    severity: Severity = Field(default="high", description="How bad it is to be beyond `max`.")
    attribute: str | None = Field(
        default=None, description="A disparity: the row attribute whose values are compared."
    )
    pair: str | None = Field(
        default=None,
        description="A disparity: the attribute by which rows are the same case (else group).",
    )

    @property
    def compares_values(self) -> bool:
        """Whether it holds rows of one case against each other, by an attribute of theirs."""
        return self.kind in ("disparity", "answer_disparity")

    @property
    def counts_gap(self) -> bool:
        """Whether it counts rows on which reading and answer disagree, and not firing."""
        return self.kind in ("belief_gap", "belief_gap_over_reference")

    @property
    def reads_monitor(self) -> bool:
        """Whether it leans on the monitor, so that a broken one makes it inconclusive."""
        return reads_monitor(self.kind)

    @property
    def asks_controls(self) -> bool:
        """Whether the model is asked for its behaviour on control rows, too.

        But for the excess over them they are not in the number: they second an alarm, for a model
        that got worse everywhere misbehaves on them as well.
        """
        return not self.reads_monitor and not self.compares_values

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Gate:
        if self.compares_values and self.attribute is None:
            raise ValueError(f"a gate of kind {self.kind} names the `attribute` that it compares")
        if not self.compares_values and (self.attribute or self.pair):
            raise ValueError(f"`attribute` and `pair` belong to a disparity gate, not {self.kind}")
        if self.warn is not None and self.warn > self.max:
            raise ValueError(f"`warn` ({self.warn:g}) is above `max` ({self.max:g})")
        return self
