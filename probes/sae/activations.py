"""From pre-activations to feature activations: the five kinds that public SAEs use.

Each is a value with two facts: how it acts on `h [..., d_sae]`, and whether one feature can
be read without the others (`separable`). Sources: ReLU (Bricken et al. 2023), JumpReLU
(Rajamanoharan et al. 2024b), Gated (Rajamanoharan et al. 2024a), TopK (Gao et al. 2024),
GroupMax (EleutherAI sparsify).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Activation(Protocol):
    """How pre-activations become feature activations."""

    @property
    def name(self) -> str:
        """The field's word for it."""
        ...

    @property
    def separable(self) -> bool:
        """Whether a feature's activation depends on its own pre-activation alone."""
        ...

    def __call__(self, h: Tensor) -> Tensor:
        """Feature activations `[..., d_sae]` of pre-activations of the same shape."""
        ...

    def select(self, features: Sequence[int]) -> Activation:
        """The same for some features; only where it is separable."""
        ...

    def to(self, device: object) -> Activation:
        """The same with its tensors on another device."""
        ...


@dataclass(frozen=True, eq=False)
class ReLU:
    """`max(h, 0)`."""

    name = "relu"
    separable = True

    def __call__(self, h: Tensor) -> Tensor:
        """As in `Activation`."""
        return h.relu()

    def select(self, features: Sequence[int]) -> ReLU:
        """As in `Activation`."""
        return self

    def to(self, device: object) -> ReLU:
        """As in `Activation`."""
        return self


@dataclass(frozen=True, eq=False)
class JumpReLU:
    """`relu(h)` where `h` is strictly above its threshold, 0 elsewhere.

    Attributes:
        threshold: `[d_sae]`.
    """

    threshold: Tensor
    name = "jumprelu"
    separable = True

    def __call__(self, h: Tensor) -> Tensor:
        """As in `Activation`."""
        return h.relu() * (h > self.threshold)

    def select(self, features: Sequence[int]) -> JumpReLU:
        """As in `Activation`."""
        return JumpReLU(self.threshold[list(features)])

    def to(self, device: object) -> JumpReLU:
        """As in `Activation`."""
        return JumpReLU(self.threshold.to(device))  # type: ignore[call-overload]


@dataclass(frozen=True, eq=False)
class Gated:
    """A gate that opens and a magnitude that flows, from one shared `z = x @ W_enc`.

    `(z + b_gate > 0) * relu(z * exp(r_mag) + b_mag)`; the SAE's own `b_enc` is zero.

    Attributes:
        b_gate: `[d_sae]`.
        r_mag: `[d_sae]`, logarithm of the magnitude's scale.
        b_mag: `[d_sae]`.
    """

    b_gate: Tensor
    r_mag: Tensor
    b_mag: Tensor
    name = "gated"
    separable = True

    def __call__(self, h: Tensor) -> Tensor:
        """As in `Activation`."""
        return (h + self.b_gate > 0) * (h * self.r_mag.exp() + self.b_mag).relu()

    def select(self, features: Sequence[int]) -> Gated:
        """As in `Activation`."""
        chosen = list(features)
        return Gated(self.b_gate[chosen], self.r_mag[chosen], self.b_mag[chosen])

    def to(self, device: object) -> Gated:
        """As in `Activation`."""
        moved = (t.to(device) for t in (self.b_gate, self.r_mag, self.b_mag))  # type: ignore[call-overload]
        return Gated(*moved)


@dataclass(frozen=True, eq=False)
class TopK:
    """The `k` largest pre-activations of a token, those of them that are positive.

    A feature's activation depends on all the others, so none can be read alone.
    """

    k: int
    name = "topk"
    separable = False

    def __call__(self, h: Tensor) -> Tensor:
        """As in `Activation`."""
        import torch

        top = h.topk(self.k, dim=-1)
        return torch.zeros_like(h).scatter_(-1, top.indices, top.values.relu())

    def select(self, features: Sequence[int]) -> TopK:
        """Refused."""
        raise TypeError("TopK compares all features, so none of them can be read alone")

    def to(self, device: object) -> TopK:
        """As in `Activation`."""
        return self


@dataclass(frozen=True, eq=False)
class GroupMax:
    """`k` groups of consecutive features, of each the largest, where it is positive."""

    k: int
    name = "groupmax"
    separable = False

    def __call__(self, h: Tensor) -> Tensor:
        """As in `Activation`."""
        import torch

        groups = h.reshape(*h.shape[:-1], self.k, -1)
        best = groups.max(dim=-1, keepdim=True)
        only = torch.zeros_like(groups).scatter_(-1, best.indices, best.values.relu())
        return only.flatten(-2)

    def select(self, features: Sequence[int]) -> GroupMax:
        """Refused."""
        raise TypeError("GroupMax compares the features of a group, so none can be read alone")

    def to(self, device: object) -> GroupMax:
        """As in `Activation`."""
        return self
