"""One text read under two sets of weights: what the text says, and what the new weights add.

A checkpoint that writes its own text changes both the text and the reading of it. Knows pooled
activations of the same rows under both weights, and probes; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probes.base import Array, Bools, Floats, Probe, ProbeError
from probes.metrics import finite_scores


@dataclass(frozen=True, eq=False)
class TwoWeightScores:
    """Scores of the same rows, taken apart; `scores_ref + delta` is the checkpoint's score.

    Attributes:
        scores_ref: `[n]`, under the reference's weights: what a reader that never changed sees
            in the text.
        delta: `[n]`, what the checkpoint's weights add to that.
    """

    scores_ref: Floats
    delta: Floats

    @property
    def scores_new(self) -> Floats:
        """Scores `[n]` under the checkpoint's weights."""
        return self.scores_ref + self.delta

    def fires_in_text(self, threshold: float) -> Bools:
        """Rows `[n]` that fire under the reference's weights: the text itself is of the concept."""
        fires: Bools = self.scores_ref > threshold
        return fires

    def fires_in_weights_alone(self, threshold: float) -> Bools:
        """Rows `[n]` that fire under the checkpoint's weights and not under the reference's."""
        fires: Bools = (self.scores_new > threshold) & (self.scores_ref <= threshold)
        return fires


def two_weight_scores(
    probe: Probe, x_ref: Array, x_new: Array, *, probe_new: Probe | None = None
) -> TwoWeightScores:
    """Score one text under the reference's weights, and the difference that the new ones make.

    Args:
        probe: fitted on the reference.
        x_ref: `[n, d_model]`, the checkpoint's text read by the reference.
        x_new: `[n, d_model]`, the same rows read by the checkpoint.
        probe_new: what reads `x_new`; `probe` itself if not given. With the `realigned` probe
            the difference is free of the drift that control rows show. It has to score in the
            unit of `probe`, as a refit probe does not.

    Raises:
        ProbeError: if the rows are not as many, or a score is not finite.
    """
    if len(x_ref) != len(x_new):
        raise ProbeError(
            f"two-weight scoring reads the same rows twice; got {len(x_ref)} and {len(x_new)}"
        )
    before = finite_scores(probe.decision_function(np.asarray(x_ref)))
    after = finite_scores((probe_new or probe).decision_function(np.asarray(x_new)))
    return TwoWeightScores(before, after - before)
