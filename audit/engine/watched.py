"""Each watched feature by itself: how good alone, and on how many rows it is active."""

from __future__ import annotations

import numpy as np

from audit.engine.candidates import finite_matrix, groups_of, labels_of
from audit.engine.estimates import recorded
from audit.engine.plan import CheckWork
from audit.models.capture import Captured
from probes import intervals
from reports.features import WatchedFeature
from reports.record import Estimate
from suites.schema import Role


def watched_features(
    work: CheckWork, captured: Captured, *, seed: int
) -> tuple[WatchedFeature, ...]:
    """The features of a check in the order in which it names them; none for a probe.

    Raises:
        MeasurementError: activations that are not finite.
    """
    if work.watch is None:
        return ()
    confidence = work.check.confidence
    acts = {
        role: finite_matrix(captured, work.reads[0], work.roles[role], f"{role} rows")
        for role in ("validation", "control", "audit")
    }
    y, groups = labels_of(work.roles["validation"]), groups_of(work.roles["validation"])

    def rate(role: Role, column: int) -> Estimate:
        return recorded(
            intervals.rate(
                acts[role][:, column] > 0, groups_of(work.roles[role]), confidence=confidence
            )
        )

    def alone(column: int) -> Estimate:
        return recorded(
            intervals.auroc_estimate(
                acts["validation"][:, column].astype(np.float64),
                y,
                groups,
                confidence=confidence,
                random_state=seed,
            )
        )

    return tuple(
        WatchedFeature(
            feature=feature,
            label=work.watch.labels.get(feature),
            auroc=alone(column),
            audit_rate=rate("audit", column),
            control_rate=rate("control", column),
        )
        for column, feature in enumerate(work.watch.reader.features)
    )
