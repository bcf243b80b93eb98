"""A fitted linear probe: a value, with one method that scores.

Knows nothing of how it was fitted or where in a model its activations come from.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from probes.base import Array, ProbeError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """Scores `((x - mean_) / scale_) @ coef_ + intercept_`, in float32.

    Attributes:
        coef_: `[d_model]`, weights on standardised activations.
        intercept_: the score of an average activation.
        mean_: `[d_model]`, of the training activations.
        scale_: `[d_model]`, standard deviation of the training activations, or ones.
        kind: name of the fitter that made it.
        penalty: L2 penalty that was chosen (scikit-learn's `1 / C`), where there is one.
    """

    coef_: Array
    intercept_: float
    mean_: Array
    scale_: Array
    kind: str
    penalty: float | None = None

    def __post_init__(self) -> None:
        for name in ("coef_", "mean_", "scale_"):
            value = np.asarray(getattr(self, name), dtype=np.float32)
            if value.ndim != 1 or value.shape != np.shape(self.coef_):
                raise ProbeError(
                    f"{name} has shape {value.shape}; a probe has three vectors [d_model]"
                )
            object.__setattr__(self, name, value)
        object.__setattr__(self, "intercept_", float(self.intercept_))

    @property
    def d_model(self) -> int:
        """Width of the activations it reads."""
        return len(self.coef_)

    @property
    def direction(self) -> Array:
        """Unit vector `[d_model]` in activation space along which the score grows fastest."""
        slope = self.coef_.astype(np.float64) / self.scale_
        length = float(np.linalg.norm(slope))
        return slope.astype(np.float32) if length == 0 else (slope / length).astype(np.float32)

    @overload
    def decision_function(self, x: torch.Tensor) -> torch.Tensor: ...
    @overload
    def decision_function(self, x: Array) -> Array: ...
    def decision_function(self, x: Any) -> Any:
        """Score activations; higher means more of the concept.

        Args:
            x: `[..., d_model]`, a numpy array or a torch tensor of any dtype and device.

        Returns:
            `[...]` in float32, of the same kind and on the same device.

        Raises:
            ProbeError: if the last axis is not `d_model` wide.
        """
        width = x.shape[-1] if len(x.shape) else 0
        if width != self.d_model:
            raise ProbeError(
                f"the probe reads d_model {self.d_model}, the activations have {width}"
            )
        slope = self.coef_ / self.scale_
        torch = sys.modules.get("torch")  # a tensor cannot exist before torch was imported
        if torch is not None and isinstance(x, torch.Tensor):
            mean = torch.tensor(self.mean_, device=x.device)
            return (x.float() - mean) @ torch.tensor(slope, device=x.device) + self.intercept_
        centred = np.asarray(x, dtype=np.float32) - self.mean_
        return centred @ slope + np.float32(self.intercept_)
