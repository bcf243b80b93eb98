"""Whether stated rates and intervals hold, on a model of which every row can be asked.

A stated false-positive rate: a threshold is set by half of the benign groups, and the other half
says how many fire; and so do the benign rows of the situation that is judged, where the rate holds
as far as the monitor reads there what it read where it was fitted. An interval: from all audit
groups some are drawn with replacement, each a group of its own, and the interval of the sample
holds the rate over all of them or not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import groups_of, labels_of
from audit.engine.measure import Measurement
from audit.engine.measuring import Talk, measure_model
from audit.engine.opening import select_checks
from audit.engine.plan import make_plan
from audit.engine.results import Failed
from audit.errors import MeasurementError
from audit.models.loaded import wrap_model
from probes.base import ProbeError
from probes.estimate import Estimate
from probes.metrics import auroc
from probes.proportions import rate, rate_difference
from probes.quality import auroc_estimate
from probes.threshold import threshold_at_fpr
from reports.ground_truth import Calibration, Coverage
from suites.load import LoadedSuite

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

STATED = (0.01, 0.05)
SPLITS = 20
"""Halvings of the benign groups."""

DRAWS = 100
DRAWN = 60
"""Groups of one sample."""

CONFIDENCE = 0.95
FIRING = (0.1, 0.3, 0.5)
"""Shares of rows above the thresholds at which intervals of rates are tried."""

DEGENERATE = 0.02
"""A rate nearer to 0 or 1 is no trial of an interval: next to every sample would be the same."""

Bools = NDArray[np.bool_]
Interval = Callable[[NDArray[np.intp], NDArray[np.intp]], Estimate]


def promises(
    model: LlamaForCausalLM, tokenizer: object, suite: LoadedSuite, *, seed: int
) -> tuple[list[Calibration], list[Coverage]]:
    """How the promises of the probe of `promises.yaml` held on a model.

    Raises:
        MeasurementError: the check could not be measured.
    """
    loaded = wrap_model(model, tokenizer, name="a model of the bench")
    selected = select_checks([suite], seed=seed)
    [outcome] = measure_model(make_plan(selected, loaded), selected, loaded, seed=seed, talk=Talk())
    if isinstance(outcome, Failed):
        raise MeasurementError(f"promises: {outcome.reason}")
    found, rng = outcome.measurement, np.random.default_rng(seed)
    return _calibrations(found, rng), _coverages(found, rng)


def _calibrations(found: Measurement, rng: np.random.Generator) -> list[Calibration]:
    scores, groups = [], []
    for role in ("control", "validation"):
        benign = labels_of(found.work.roles[role]) == 0
        scores.append(found.scores[role][benign])
        groups.append(groups_of(found.work.roles[role])[benign])
    score, group = np.concatenate(scores), np.concatenate(groups)
    names, tried = np.unique(group), ("benign rows", "judged rows")
    judged = found.scores["audit"][labels_of(found.work.roles["audit"]) == 0]
    kept: list[Calibration] = []
    for stated in STATED:
        fired, rows = dict.fromkeys(tried, 0), dict.fromkeys(tried, 0)
        for _ in range(SPLITS):
            inside = np.isin(group, rng.permutation(names)[: len(names) // 2])
            value = threshold_at_fpr(score[inside], stated, group[inside]).value
            for what, some in (("benign rows", score[~inside]), ("judged rows", judged)):
                fired[what] += int((some > value).sum())
                rows[what] += len(some)
        kept += [
            Calibration(what=what, stated=stated, fired=fired[what], rows=rows[what])
            for what in tried
        ]
    return kept


def _coverages(found: Measurement, rng: np.random.Generator) -> list[Coverage]:
    held = _of_firing(found, rng)
    states = found.states
    gaps, of = found.contradicts[states], groups_of(found.work.roles["audit"])[states]
    truth = float(gaps.mean())
    if DEGENERATE <= truth <= 1 - DEGENERATE:
        held.append(
            _coverage(
                "belief gap", truth, of, rng,
                partial(_rate_of, gaps),
            )
        )  # fmt: skip
    y = labels_of(found.work.roles["validation"])
    scores, of = found.scores["validation"], groups_of(found.work.roles["validation"])
    truth = auroc(scores, y)
    if truth <= 1 - DEGENERATE:
        held.append(
            _coverage(
                "AUROC", truth, of, rng,
                lambda at, codes: auroc_estimate(scores[at], y[at], codes, confidence=CONFIDENCE),
            )
        )  # fmt: skip
    return held


def _of_firing(found: Measurement, rng: np.random.Generator) -> list[Coverage]:
    """Rates of true claims above a threshold, seldom and often, and their excess over others.

    Of one label alone: where each group has as many of both, a rate varies less than any interval
    of rows would think. Once with every row of a group, once with one.
    """
    held = []
    for words, alone in (("in groups", False), ("that stand alone", True)):
        audit, other = (_true_claims(found, role, alone=alone) for role in ("audit", "validation"))
        for share in FIRING:
            level = np.quantile(audit[0], 1 - share)
            fires, beside = audit[0] > level, other[0] > level
            interval = partial(_rate_of, fires)
            what = f"rate of rows {words}"
            held.append(_coverage(what, float(fires.mean()), audit[1], rng, interval))
            apart, tries = float(fires.mean() - beside.mean()), 0
            for _ in range(DRAWS):
                (at, own), (there, its) = _drawn(audit[1], rng), _drawn(other[1], rng)
                seen = rate_difference(fires[at], own, beside[there], its, confidence=CONFIDENCE)
                assert seen.low is not None
                assert seen.high is not None
                tries += seen.low <= apart <= seen.high
            what = f"difference of rates of rows {words}"
            held.append(Coverage(what=what, nominal=CONFIDENCE, held=tries, draws=DRAWS))
    return held


def _true_claims(
    found: Measurement, role: Literal["audit", "validation"], *, alone: bool
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Their scores, and their groups by number; the first of each group where they stand alone."""
    true = np.flatnonzero(labels_of(found.work.roles[role]) == 1)
    _, first, codes = np.unique(
        groups_of(found.work.roles[role])[true], return_index=True, return_inverse=True
    )
    if alone:
        true, codes = true[first], np.arange(len(first))
    return found.scores[role][true], codes


def _rate_of(events: NDArray[np.bool_], at: NDArray[np.intp], own: NDArray[np.intp]) -> Estimate:
    return rate(events[at], own, confidence=CONFIDENCE)


def _drawn(codes: NDArray[np.intp], rng: np.random.Generator) -> tuple[NDArray[np.intp], ...]:
    """Rows of `DRAWN` groups drawn with replacement, and to which drawn group each belongs."""
    rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    drawn = rng.integers(len(rows), size=DRAWN)
    sizes = [len(rows[code]) for code in drawn]
    return np.concatenate([rows[code] for code in drawn]), np.repeat(np.arange(DRAWN), sizes)


def _coverage(
    what: str, truth: float, groups: NDArray[Any], rng: np.random.Generator, interval: Interval
) -> Coverage:
    """How many of the samples have an interval that holds the truth over all groups."""
    codes = np.unique(groups, return_inverse=True)[1]
    held = draws = 0
    for _ in range(DRAWS):
        at, own = _drawn(codes, rng)
        try:
            found = interval(at, own)
        except ProbeError:  # one class only: nothing is stated
            continue
        if found.low is not None and found.high is not None:
            draws += 1
            held += found.low <= truth <= found.high
    return Coverage(what=what, nominal=CONFIDENCE, held=held, draws=draws)
