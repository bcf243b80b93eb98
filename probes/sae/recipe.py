"""How an SAE is trained, as numbers that travel with it. Knows neither tensors nor data.

Coefficients are shares, so that one value serves every width and every model: inputs are
scaled to a typical norm of `sqrt(d_in)` and all losses are divided by `d_in`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from probes.sae.sae import SAEError

ARCHITECTURE_NAMES = ("topk", "batchtopk", "jumprelu", "relu", "matryoshka")
_WITH_K = ("topk", "batchtopk", "matryoshka")
_MOST_STEPS_UNTIL_DEAD = 2500  # ten million tokens in batches of 4096 (Gao et al. 2024)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, beside the data.

    Attributes:
        architecture: one of `ARCHITECTURE_NAMES`.
        d_sae: number of features.
        steps: batches to train on.
        k: features per token: of each for topk, on average for batchtopk and matryoshka.
        l1: relu's price of activation: the coefficient of the L1 norm, over `sqrt(d_in)`.
        l0: jumprelu's price of a feature, as a share of the mean squared norm of the inputs.
        bandwidth: of jumprelu's kernel, and its first threshold, over `sqrt(d_in)`.
        prefixes: sizes of matryoshka's nested dictionaries, rising, the last `d_sae`; by
            default sixteenth, eighth, quarter, half and all of it.
        lr: of Adam; by default `2e-4 / sqrt(d_sae / 2**14)` (Gao et al. 2024), at most 0.005.
        warmup: share of the steps over which the learning rate rises.
        decay: share of the steps, at the end, over which it falls to zero.
        sparsity_warmup: share of the steps over which `l1` and `l0` rise.
        aux: coefficient of the auxiliary loss, 0 for none (Gao et al. 2024).
        aux_k: dead features that it uses for a token; by default half of `d_in`.
        dead_after: steps without firing after which a feature counts as dead; by default a
            twentieth of all steps.
        random_state: of the first weights.
    """

    architecture: str
    d_sae: int
    steps: int
    k: int = 32
    l1: float = 0.1
    l0: float = 0.003
    bandwidth: float = 0.05
    prefixes: tuple[int, ...] | None = None
    lr: float | None = None
    warmup: float = 0.05
    decay: float = 0.2
    sparsity_warmup: float = 0.1
    aux: float = 1 / 32
    aux_k: int | None = None
    dead_after: int | None = None
    random_state: int = 0

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURE_NAMES:
            raise SAEError(
                f"there is no architecture {self.architecture!r} to train; there are "
                f"{', '.join(ARCHITECTURE_NAMES)}"
            )
        self._at_least_one("d_sae", "steps", "k")
        if self.aux_k is not None:
            self._at_least_one("aux_k")
        if self.dead_after is not None:
            self._at_least_one("dead_after")
        if self.architecture in _WITH_K and self.k > self.d_sae:
            raise SAEError(f"k = {self.k} features of {self.d_sae} cannot fire; k is at most d_sae")
        for name in ("l1", "l0", "aux"):
            self._within(name, 0.0, math.inf)
        for name in ("warmup", "decay", "sparsity_warmup"):
            self._within(name, 0.0, 1.0)
        if self.warmup + self.decay > 1:
            raise SAEError(
                f"warmup {self.warmup} and decay {self.decay} are shares of the same steps; "
                "together they are at most 1"
            )
        for name in ("bandwidth", "lr"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise SAEError(f"{name} is a positive number, not {value}")
        self._check_prefixes()

    @property
    def learning_rate(self) -> float:
        """Of Adam, at its highest."""
        return self.lr or min(5e-3, 2e-4 / math.sqrt(self.d_sae / 2**14))

    @property
    def steps_until_dead(self) -> int:
        """Steps without firing after which a feature counts as dead."""
        return self.dead_after or max(1, min(_MOST_STEPS_UNTIL_DEAD, self.steps // 20))

    @property
    def nested(self) -> tuple[int, ...]:
        """Sizes of the dictionaries that each reconstruct the input by themselves."""
        if self.architecture != "matryoshka":
            return (self.d_sae,)
        halves = sorted({max(1, self.d_sae // part) for part in (16, 8, 4, 2, 1)})
        return self.prefixes or tuple(halves)

    def lr_share(self, step: int) -> float:
        """Learning rate of a step (from 0) over its highest: up, level, down to zero."""
        up = _ramp(step + 1, self.warmup * self.steps)
        down = _ramp(self.steps - step, self.decay * self.steps)
        return min(up, down)

    def sparsity_share(self, step: int) -> float:
        """Price of activation at a step (from 0) over its highest."""
        return _ramp(step + 1, self.sparsity_warmup * self.steps)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        values = asdict(self)
        return values | {"prefixes": None if self.prefixes is None else list(self.prefixes)}

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What a stored recipe says otherwise: `lr: 0.001 here, 0.002 there`."""
        here = self.to_dict()
        names = [field.name for field in fields(self) if field.name in other]
        odd = sorted(set(here) ^ set(other))
        return [f"{n}: {here[n]} here, {other[n]} there" for n in names if here[n] != other[n]] + [
            f"{name} is known to one of them only" for name in odd
        ]

    def _at_least_one(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) < 1:
                raise SAEError(f"{name} is at least 1, not {getattr(self, name)}")

    def _within(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise SAEError(f"{name} lies between {low:g} and {high:g}, and is {value}")

    def _check_prefixes(self) -> None:
        if self.prefixes is None:
            return
        rising = all(a < b for a, b in zip(self.prefixes, self.prefixes[1:], strict=False))
        ends = self.prefixes[-1:] == (self.d_sae,) and self.prefixes[0] >= 1
        if not rising or not ends:
            raise SAEError(
                f"prefixes rise from at least 1 to d_sae = {self.d_sae}, and are "
                f"{', '.join(map(str, self.prefixes)) or 'empty'}"
            )


def _ramp(step: float, length: float) -> float:
    return 1.0 if step >= length else step / length
