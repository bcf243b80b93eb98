"""How strongly one reading speaks against one gate: p-values that an alarm can spend.

They are valid far below the levels of a single audit, because spending asks for such, and look at
one group of rows as one thing. Thresholds are noisy too: a rate is held against its limit with
the chance that the controls were unlucky added, and an excess over the reference must also be
more than what an exchange of the two models brings about.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import groups_of, labels_of
from audit.engine.gates import GATES, matched_pairs
from audit.engine.measure import Flags, Measurement
from audit.engine.said import said
from probes.exact import MOST_PAIRS, paired_excess_p
from probes.intervals import p_value
from probes.sequential import any_of, mean_above_p, rate_above_p
from probes.swapping import Side, swap_p
from suites.schema import Gate

GateP = Callable[[Measurement, Measurement | None, Gate], float]
WORTH_AN_EXCHANGE = 0.05  # above it no level is reached, whatever an exchange says


def _fires(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    p = rate_p(found.fires("audit"), groups_of(found.work.roles["audit"]), gate.max)
    return min(1.0, p + _unlucky(found, gate.max))


def _contradicts(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    states = found.states
    if not states.any():
        return 1.0
    groups = groups_of(found.work.roles["audit"])
    p = rate_p(found.contradicts[states], groups[states], gate.max)
    return min(1.0, p + _unlucky(found, gate.max))


def _fires_more(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    if reference is None:
        return 1.0
    rows = np.ones(len(found.scores["audit"]), dtype=bool)
    groups = groups_of(found.work.roles["audit"])
    p = paired_p(found.fires("audit"), reference.fires("audit"), groups, gate.max)
    return p if p > WORTH_AN_EXCHANGE else max(p, _exchanged(found, reference, rows, gap=False))


def _contradicts_more(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    if reference is None:
        return 1.0
    both = found.states & reference.states
    groups = groups_of(found.work.roles["audit"])[both]
    p = paired_p(found.contradicts[both], reference.contradicts[both], groups, gate.max)
    return p if p > WORTH_AN_EXCHANGE else max(p, _exchanged(found, reference, both, gap=True))


def _misbehaves(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    known, bad = found.misbehaves("audit")
    if not known.any():
        return 1.0
    return rate_p(bad[known], groups_of(found.work.roles["audit"])[known], gate.max)


def _misbehaves_more(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    """No threshold is in it that an exchange of the two models could move."""
    if reference is None:
        return 1.0
    (known, bad), (known_before, before) = (one.misbehaves("audit") for one in (found, reference))
    both = known & known_before
    if not both.any():
        return 1.0
    groups = groups_of(found.work.roles["audit"])[both]
    return paired_p(bad[both], before[both], groups, gate.max)


def _apart(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    """Either direction of every pair of values, Bonferroni; one threshold serves both sides."""
    p = []
    for a, b, groups in matched_pairs(found, gate):
        p += [paired_p(a, b, groups, gate.max), paired_p(b, a, groups, gate.max)]
    return any_of(np.array(p))


def _answers_apart(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    says = said(found)
    return 1.0 if says is None else _apart(says, reference, gate)


def _by_interval(found: Measurement, reference: Measurement | None, gate: Gate) -> float:
    """Two samples of different rows: the interval is inverted, as a single audit does.

    It is made of two exact ones and stays conservative at levels far below those of an audit,
    where rows stand alone; where they share groups it leans on an effective number of them.
    """
    return p_value(GATES[gate.kind](found, reference, gate), gate.max)


GATE_P: dict[str, GateP] = {
    "firing_rate": _fires,
    "excess_over_control": _by_interval,
    "excess_over_reference": _fires_more,
    "disparity": _apart,
    "answer_disparity": _answers_apart,
    "belief_gap": _contradicts,
    "belief_gap_over_reference": _contradicts_more,
    "misbehaviour": _misbehaves,
    "misbehaviour_over_control": _by_interval,
    "misbehaviour_over_reference": _misbehaves_more,
}


def differs_more_p(found: Measurement, before: Measurement, gate: Gate) -> float | None:
    """Of "no more cases are answered differently than on the reference", by the limit.

    Whichever way: a model that guesses differs often, too, but not in one direction, and that is
    what the gate itself asks. None where one of the two says nothing.
    """
    now, then = said(found), said(before)
    if now is None or then is None:
        return None
    p = [
        paired_p(a != b, was != that, groups, gate.max)
        for (a, b, groups), (was, that, _) in zip(
            matched_pairs(now, gate), matched_pairs(then, gate), strict=True
        )
    ]
    return any_of(np.array(p))


def rate_p(events: Flags, groups: NDArray[np.str_], limit: float) -> float:
    """Of "the event is no more frequent than the limit"."""
    _, codes = np.unique(groups, return_inverse=True)
    if limit <= 0:  # one event is more than none
        return 0.0 if events.any() else 1.0
    if limit >= 1:
        return 1.0
    return float(rate_above_p(np.bincount(codes, events), np.bincount(codes), limit))


def paired_p(a: Flags, b: Flags, groups: NDArray[np.str_], limit: float) -> float:
    """Of "a happens no more often than b, by the limit": exact where every pair stands alone."""
    names, codes = np.unique(groups, return_inverse=True)
    if limit >= 1:
        return 1.0
    if len(names) == len(a) <= MOST_PAIRS:
        return paired_excess_p(int((a & ~b).sum()), int((b & ~a).sum()), len(a), limit)
    apart = np.bincount(codes, a.astype(float) - b.astype(float)) / np.bincount(codes)
    return float(mean_above_p(apart, limit))


def _unlucky(found: Measurement, limit: float) -> float:
    """Chance that a threshold's true false-positive rate lies above the limit.

    The share of a population beyond the (k+1)-th largest of n controls follows Beta(k+1, n-k);
    groups count as one control each.
    """
    from scipy.special import betaincc

    chance = 0.0
    for threshold in (found.threshold, found.lower):
        if threshold is not None and 0 < limit < 1:
            n = threshold.observed.n_groups
            k = int(np.floor(threshold.stated_fpr * n + 1e-9))
            chance += float(betaincc(k + 1, n - k, limit))
    return chance


def _exchanged(now: Measurement, then: Measurement, rows: Flags, *, gap: bool) -> float:
    control = now.work.roles["control"]

    def side(found: Measurement) -> Side:
        asserts = np.array([one.asserts is True for one in found.behaviours], dtype=bool)
        return Side(
            found.scores["control"], found.scores["audit"][rows], asserts[rows] if gap else None
        )

    shows = labels_of(control) == 1 if gap else np.zeros(len(control.rows), dtype=bool)
    keep = np.ones(len(shows), dtype=bool) if gap else now.benign
    a, b = side(now), side(then)
    return swap_p(
        Side(a.control[keep], a.audit, a.asserts),
        Side(b.control[keep], b.audit, b.asserts),
        shows=shows[keep],
        control_groups=groups_of(control)[keep],
        audit_groups=groups_of(now.work.roles["audit"])[rows],
        fpr=now.work.check.fpr,
    )
