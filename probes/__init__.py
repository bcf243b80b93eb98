"""Read-outs of activations, and what makes their numbers trustworthy.

A library of its own: it knows no model, no suite and no report. Names are imported when they are
first used, and numpy is all that the first of them costs; scipy, scikit-learn and torch are
imported by the functions that use them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.base import Probe, ProbeError
    from probes.baselines import (
        length_scores,
        lexical_floor,
        lexical_scores,
        random_direction_scores,
        shuffled_label_probes,
    )
    from probes.changepoint import Lead, Onset, Series, change_points, lead_time, onset, series
    from probes.crossval import comparable, cross_validated_scores, grouped_folds
    from probes.drift import DriftLimits, DriftState, Reading, drift_state
    from probes.fitters import FITTERS, Fitter, fitter, fitter_names
    from probes.forecast import Backtest, Forecast, backtest
    from probes.intervals import (
        Estimate,
        auroc_estimate,
        balanced_accuracy_estimate,
        bootstrap,
        calibration_error_estimate,
        gain_estimate,
        p_value,
        paired_difference,
        rate,
        rate_difference,
        recall_estimate,
    )
    from probes.io import SavedProbe, load_probe, save_probe
    from probes.linear import LinearProbe
    from probes.metrics import (
        auroc,
        balanced_accuracy,
        calibration_error,
        platt,
        recall_at_threshold,
    )
    from probes.multiplicity import benjamini_hochberg, max_statistic_p
    from probes.pooling import POOLINGS, Pooling, pooling_names
    from probes.realignment import Realignment, fit_realignment, realigned, score_r2
    from probes.representation_drift import (
        RepresentationDrift,
        compare_representations,
        direction_cosine,
        linear_cka,
        procrustes_residual,
    )
    from probes.sae import SAE, SAEError, load_sae
    from probes.sequential import AlarmRule, AlarmState, advance, mean_above_p, rate_above_p
    from probes.threshold import Threshold, controls_needed, threshold_at_fpr
    from probes.two_weights import TwoWeightScores, two_weight_scores

__all__ = [
    "FITTERS",
    "POOLINGS",
    "SAE",
    "AlarmRule",
    "AlarmState",
    "Backtest",
    "DriftLimits",
    "DriftState",
    "Estimate",
    "Fitter",
    "Forecast",
    "Lead",
    "LinearProbe",
    "Onset",
    "Pooling",
    "Probe",
    "ProbeError",
    "Reading",
    "Realignment",
    "RepresentationDrift",
    "SAEError",
    "SavedProbe",
    "Series",
    "Threshold",
    "TwoWeightScores",
    "advance",
    "auroc",
    "auroc_estimate",
    "backtest",
    "balanced_accuracy",
    "balanced_accuracy_estimate",
    "benjamini_hochberg",
    "bootstrap",
    "calibration_error",
    "calibration_error_estimate",
    "change_points",
    "comparable",
    "compare_representations",
    "controls_needed",
    "cross_validated_scores",
    "direction_cosine",
    "drift_state",
    "fit_realignment",
    "fitter",
    "fitter_names",
    "gain_estimate",
    "grouped_folds",
    "lead_time",
    "length_scores",
    "lexical_floor",
    "lexical_scores",
    "linear_cka",
    "load_probe",
    "load_sae",
    "max_statistic_p",
    "mean_above_p",
    "onset",
    "p_value",
    "paired_difference",
    "platt",
    "pooling_names",
    "procrustes_residual",
    "random_direction_scores",
    "rate",
    "rate_above_p",
    "rate_difference",
    "realigned",
    "recall_at_threshold",
    "recall_estimate",
    "save_probe",
    "score_r2",
    "series",
    "shuffled_label_probes",
    "threshold_at_fpr",
    "two_weight_scores",
]

_HOMES = {
    "probes.base": ("Probe", "ProbeError"),
    "probes.baselines": (
        "length_scores",
        "lexical_floor",
        "lexical_scores",
        "random_direction_scores",
        "shuffled_label_probes",
    ),
    "probes.changepoint": (
        "Lead",
        "Onset",
        "Series",
        "change_points",
        "lead_time",
        "onset",
        "series",
    ),
    "probes.crossval": ("comparable", "cross_validated_scores", "grouped_folds"),
    "probes.drift": ("DriftLimits", "DriftState", "Reading", "drift_state"),
    "probes.fitters": ("FITTERS", "Fitter", "fitter", "fitter_names"),
    "probes.forecast": ("Backtest", "Forecast", "backtest"),
    "probes.intervals": (
        "Estimate",
        "auroc_estimate",
        "balanced_accuracy_estimate",
        "bootstrap",
        "calibration_error_estimate",
        "gain_estimate",
        "p_value",
        "paired_difference",
        "rate",
        "rate_difference",
        "recall_estimate",
    ),
    "probes.io": ("SavedProbe", "load_probe", "save_probe"),
    "probes.linear": ("LinearProbe",),
    "probes.metrics": (
        "auroc",
        "balanced_accuracy",
        "calibration_error",
        "platt",
        "recall_at_threshold",
    ),
    "probes.multiplicity": ("benjamini_hochberg", "max_statistic_p"),
    "probes.pooling": ("POOLINGS", "Pooling", "pooling_names"),
    "probes.realignment": ("Realignment", "fit_realignment", "realigned", "score_r2"),
    "probes.representation_drift": (
        "RepresentationDrift",
        "compare_representations",
        "direction_cosine",
        "linear_cka",
        "procrustes_residual",
    ),
    "probes.sae": ("SAE", "SAEError", "load_sae"),
    "probes.sequential": ("AlarmRule", "AlarmState", "advance", "mean_above_p", "rate_above_p"),
    "probes.threshold": ("Threshold", "controls_needed", "threshold_at_fpr"),
    "probes.two_weights": ("TwoWeightScores", "two_weight_scores"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'probes' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
