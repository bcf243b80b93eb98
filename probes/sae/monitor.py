"""A monitor over chosen features: how several activations become one score.

It scores like any probe: `decision_function(x [..., d_in])` on activations, token by token,
or `combined.decision_function(acts [..., n_features])` on feature activations that were
pooled over a row's tokens first. Knows no suite and no threshold.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from probes.base import Array, Groups, ProbeError
from probes.linear import LinearProbe
from probes.logistic import fit_logistic
from probes.sae.sae import FeatureReader

if TYPE_CHECKING:
    import torch

Combine = Literal["max", "sum", "probe"]


@dataclass(frozen=True, eq=False)
class CombinedFeatures:
    """One score from the activations of several features; higher means more of the concept.

    Attributes:
        combine: `max` is the largest of them, `sum` their sum, `probe` a fitted weighting.
        linear: the weighting of `probe`; ones for the others.
    """

    combine: Combine
    linear: LinearProbe

    @property
    def n_features(self) -> int:
        """How many features it combines."""
        return self.linear.d_model

    @overload
    def decision_function(self, x: torch.Tensor) -> torch.Tensor: ...
    @overload
    def decision_function(self, x: Array) -> Array: ...
    def decision_function(self, x: Any) -> Any:
        """Score `x [..., n_features]` as `[...]`, in the kind of array that came in.

        Raises:
            ProbeError: the last axis does not hold one activation a feature.
        """
        if self.combine != "max":
            return self.linear.decision_function(x)
        width = x.shape[-1] if len(x.shape) else 0
        if width != self.n_features:
            raise ProbeError(f"the monitor reads {self.n_features} features, there are {width}")
        torch = sys.modules.get("torch")  # a tensor cannot exist before torch was imported
        if torch is not None and isinstance(x, torch.Tensor):
            return x.float().amax(dim=-1)
        return np.asarray(x, dtype=np.float32).max(axis=-1)


@dataclass(frozen=True, eq=False)
class FeatureMonitor:
    """A probe whose directions an SAE gave: reads features of activations, then combines them.

    Attributes:
        reader: which features, of which SAE.
        combined: how they become one score.
    """

    reader: FeatureReader
    combined: CombinedFeatures

    def decision_function(self, x: torch.Tensor) -> torch.Tensor:
        """Score activations `x [..., d_in]` token by token as `[...]`."""
        return self.combined.decision_function(self.reader(x))


def fit_max(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> CombinedFeatures:
    """The largest of the activations `x [n, n_features]`. Nothing is fitted."""
    return CombinedFeatures("max", _ones(np.shape(x)[-1], "max"))


def fit_sum(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> CombinedFeatures:
    """The sum of the activations `x [n, n_features]`. Nothing is fitted."""
    return CombinedFeatures("sum", _ones(np.shape(x)[-1], "sum"))


def fit_feature_probe(
    x: Array, y: Array, groups: Groups, *, folds: int = 5, random_state: int = 0
) -> CombinedFeatures:
    """Logistic regression on the activations `x [n, n_features]`.

    Raises:
        ProbeError: as `fit_logistic` does.
    """
    linear = fit_logistic(x, y, groups, folds=folds, random_state=random_state)
    return CombinedFeatures("probe", linear)


COMBINERS: dict[Combine, Callable[..., CombinedFeatures]] = {
    "max": fit_max,
    "sum": fit_sum,
    "probe": fit_feature_probe,
}


def _ones(n_features: int, kind: str) -> LinearProbe:
    ones, zeros = np.ones(n_features, np.float32), np.zeros(n_features, np.float32)
    return LinearProbe(coef_=ones, intercept_=0.0, mean_=zeros, scale_=ones, kind=kind)
