"""What a model says, in the place of what a monitor reads of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from audit.engine.measure import Measurement


def said(found: Measurement) -> Measurement | None:
    """The measurement as it would be if the monitor read what the model says.

    Rows that say the concept is there fire, all others do not; None where any row says nothing.
    """
    if not found.behaviours or not found.states.all():
        return None
    asserts = np.array([b.asserts is True for b in found.behaviours], dtype=np.float64)
    value = replace(found.threshold, value=0.5)
    return replace(found, scores={**found.scores, "audit": asserts}, threshold=value, lower=None)
