"""Where to read: the monitor fitted at every candidate place, and the one to use.

Only the train role is seen here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from audit.engine.known import Known
from audit.engine.plan import CheckWork, RoleWork
from audit.errors import MeasurementError
from audit.models.capture import Captured
from audit.models.hook_names import HookPoint
from audit.models.sequences import finite_rows
from probes.base import Probe
from probes.crossval import cross_validated_scores
from probes.fitters import AnyFitter, Fitter, fitter
from probes.intervals import Estimate, auroc_estimate
from probes.sae.monitor import COMBINERS
from suites.schema import ProbeSpec


@dataclass(frozen=True, eq=False)
class Candidate:
    """One place, fitted on the train role and scored by cross-validation within it.

    `out_of_fold` holds the train rows' scores `[n_rows]`, each from a fit without its group;
    `cross_validated` is their AUROC.
    """

    point: HookPoint
    read: int
    probe: Probe
    out_of_fold: NDArray[np.float64]
    cross_validated: Estimate


def fit_candidates(
    work: CheckWork, captured: Captured, *, seed: int, known: Known | None = None
) -> tuple[Candidate, ...]:
    """Fit the check's monitor at each of its places.

    Args:
        work: the check.
        captured: its activations.
        seed: of folds and resampling.
        known: what other checks on this capture have fitted.

    Raises:
        MeasurementError: activations that are not finite.
        ProbeError: the fitter has no use for these rows.
    """
    monitor, train, confidence = work.check.monitor, work.roles["train"], work.check.confidence
    fit = fitter_of(work)
    y, groups = labels_of(train), groups_of(train)
    known = known or Known()

    def candidate(point: HookPoint, read: int) -> Candidate:
        x = finite_matrix(captured, read, train, f"train rows at {point.name}")
        # Where the features were chosen by the labels, choosing them is part of the fit.
        chosen_anew = None if work.watch is None else work.watch.out_of_fold
        out_of_fold = (
            cross_validated_scores(fit, x, y, groups, folds=monitor.folds, random_state=seed)
            if chosen_anew is None
            else chosen_anew
        )
        return Candidate(
            point=point,
            read=read,
            probe=fit(x, y, groups, folds=monitor.folds, random_state=seed),
            out_of_fold=out_of_fold,
            cross_validated=auroc_estimate(
                out_of_fold, y, groups, confidence=confidence, random_state=seed
            ),
        )

    return tuple(
        candidate(point, read)
        if work.watch is not None
        else known.once(
            ("candidate", point, confidence, *fit_key(fit, work, read, seed)),
            partial(candidate, point, read),
        )
        for point, read in zip(work.candidates, work.reads, strict=True)
    )


def fit_key(fit: AnyFitter, work: CheckWork, read: int, seed: int) -> tuple[Hashable, ...]:
    """All that a fit on the train role at one read depends on, beside the capture."""
    train = work.roles["train"]
    labelled = tuple((row.label, row.group) for row in train.rows)
    return (fit, read, tuple(train.at), labelled, work.check.monitor.folds, seed)


def fitter_of(work: CheckWork) -> AnyFitter:
    """What makes the check's monitor out of its train rows."""
    monitor = work.check.monitor
    return fitter(monitor.fitter) if isinstance(monitor, ProbeSpec) else COMBINERS[monitor.combine]


def plain_fitter_of(work: CheckWork) -> Fitter:
    """What fits a probe on raw activations, to hold the check's monitor against."""
    monitor = work.check.monitor
    return fitter(monitor.fitter if isinstance(monitor, ProbeSpec) else "logistic")


def choose(candidates: Sequence[Candidate]) -> int:
    """Index of the shallowest place that attains the best AUROC, to three decimals.

    Deeper places that are no better have had more time to turn from what the model knows
    to what it is about to say.
    """
    return int(np.argmax([round(candidate.cross_validated.value, 3) for candidate in candidates]))


def groups_of(role: RoleWork) -> NDArray[np.str_]:
    """Group of each row, `[n_rows]`."""
    return np.array([row.group for row in role.rows], dtype=np.str_)


def labels_of(role: RoleWork) -> NDArray[np.int64]:
    """Label of each row, `[n_rows]`; -1 where the row does not say."""
    return np.array([-1 if row.label is None else row.label for row in role.rows])


def finite_matrix(captured: Captured, read: int, role: RoleWork, what: str) -> NDArray[np.float32]:
    """Pooled activations `[n_rows, d_model]` of a role at one read.

    Raises:
        MeasurementError: some are NaN or infinite; the message counts the rows.
    """
    x = captured.matrix(read, role.at)
    bad = int((~finite_rows(x)).sum())
    if bad:
        raise MeasurementError(f"activations are NaN or infinite on {bad} of {len(x)} {what}")
    return x
