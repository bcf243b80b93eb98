"""How a check's scores are spread, and the ROC of its monitor: pictures kept as numbers.

Pure functions of a measurement. Nothing here has a say in a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import groups_of, labels_of
from audit.engine.estimates import recorded
from audit.engine.measure import Measurement
from probes.intervals import rate
from reports.curves import Distributions, Roc, RoleScores
from suites.schema import Role

Floats = NDArray[np.float64]

BINS = 30
ROC_TOLERANCE = 1 / 200
_FAR = 0.5  # widths of the bulk beyond which a score gets no say in how wide the bins are
_TAIL = 0.01  # of each part, at least one score, that is no bulk


def distributions(measured: Measurement) -> Distributions:
    """How many scores of the control, audit and validation role lie between which edges.

    Validation rows are told apart by label. Control rows that show the concept, where there are
    any, stand beside the benign ones as those of label 1: only the benign set the threshold.
    Scores that are not finite are in no bin.
    """
    parts = list(_parts(measured))
    edges = score_edges([scores for _, _, scores in parts])
    return Distributions(
        edges=[float(edge) for edge in edges],
        roles=[
            RoleScores(
                role=role, label=label, counts=np.histogram(scores, edges)[0].astype(int).tolist()
            )
            for role, label, scores in parts
        ],
    )


def _parts(measured: Measurement) -> Iterator[tuple[Role, int | None, Floats]]:
    """Finite scores of what is counted together, `[n]` each."""
    control = measured.scores["control"]
    labels = labels_of(measured.work.roles["validation"])
    yield "control", None, _finite(control[measured.benign])
    if not measured.benign.all():
        yield "control", 1, _finite(control[~measured.benign])
    yield "audit", None, _finite(measured.scores["audit"])
    for label in (0, 1):
        yield "validation", label, _finite(measured.scores["validation"][labels == label])


def _finite(scores: Floats) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    return values[np.isfinite(values)]


def score_edges(parts: list[Floats]) -> Floats:
    """Edges `[n + 1]` of at most `BINS + 2` bins that hold all scores of all parts.

    `BINS` bins of one width span the scores. One far from all others would make every bin so
    wide that nothing is seen; it goes into a wider bin of its own at that end.
    """
    parts = [np.sort(scores) for scores in parts if len(scores)]
    if not parts:
        return np.linspace(0.0, 1.0, BINS + 1)
    least, most = min(s[0] for s in parts), max(s[-1] for s in parts)
    low, high = _bulk(parts)
    reach = _FAR * (high - low)
    low = least if least >= low - reach else low
    high = most if most <= high + reach else high
    smallest = 1e-6 * max(1.0, abs(low), abs(high))  # thinner bins would be noise of float32
    if high - low < smallest:
        low, high = low - smallest / 2, high + smallest / 2
    inner = np.linspace(low, high, BINS + 1)
    below, above = ([least] if least < low else []), ([most] if most > high else [])
    return np.concatenate([below, inner, above])


def _bulk(parts: list[Floats]) -> tuple[float, float]:
    """Least and largest score when each part, sorted, has lost its tails."""
    low, high = [], []
    for scores in parts:
        cut = max(1, int(_TAIL * len(scores))) if len(scores) > 2 else 0
        low.append(scores[cut])
        high.append(scores[-1 - cut])
    return float(min(low)), float(max(high))


def roc(measured: Measurement) -> Roc:
    """The ROC on the validation role, thinned, with the monitor's threshold on it.

    Rates at the threshold count scores strictly above it and have the interval of every other
    rate.
    """
    role, scores = measured.work.roles["validation"], measured.scores["validation"]
    positive, groups = labels_of(role) == 1, groups_of(role)
    fires, confidence = measured.fires("validation"), measured.work.check.confidence
    fpr, tpr = thinned(*roc_points(scores, positive))
    return Roc(
        fpr=fpr.tolist(),
        tpr=tpr.tolist(),
        operating_fpr=recorded(rate(fires[~positive], groups[~positive], confidence=confidence)),
        operating_tpr=recorded(rate(fires[positive], groups[positive], confidence=confidence)),
    )


def roc_points(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """False- and true-positive rates `[k]` from (0, 0) to (1, 1), one point a distinct score."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    tpr = hits[last] / hits[-1]
    fpr = (last + 1 - hits[last]) / (len(scores) - hits[-1])
    return np.append(0.0, fpr), np.append(0.0, tpr)


def thinned(x: Floats, y: Floats, tolerance: float = ROC_TOLERANCE) -> tuple[Floats, Floats]:
    """Fewer of the corners of a curve, none of those left out further from it than `tolerance`.

    The ends stay (Douglas & Peucker 1973): between two corners that stay, the furthest from the
    straight line between them stays too, while it is too far.
    """
    keep = np.zeros(len(x), dtype=bool)
    keep[[0, -1]] = True
    stretches = [(0, len(x) - 1)]
    while stretches:
        start, end = stretches.pop()
        if end - start < 2:
            continue
        distance = _from_line(x[start : end + 1], y[start : end + 1])
        furthest = int(np.argmax(distance))
        if distance[furthest] > tolerance:
            keep[start + furthest] = True
            stretches += [(start, start + furthest), (start + furthest, end)]
    return x[keep], y[keep]


def _from_line(x: Floats, y: Floats) -> Floats:
    """Distance `[n]` of points from the straight line between the first and the last of them."""
    dx, dy = x[-1] - x[0], y[-1] - y[0]
    length = float(np.hypot(dx, dy))
    found: Floats = np.abs((x - x[0]) * dy - (y - y[0]) * dx) / length
    return found
