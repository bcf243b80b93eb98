"""What a model loses when it goes on with a reconstruction instead of the activation.

Knows a model, an SAE and held-out text. Loss is that of the next token, in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.features.batches import read_activations
from audit.features.corpus import Corpus
from audit.models.intervening import cross_entropy, intervening
from audit.models.loading import LoadedModel
from probes.sae.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class HeldOut:
    """What an SAE is worth on text that it was not trained on.

    Attributes:
        tokens: that were read.
        l0: features that fire per token.
        explained_variance: 1 - squared error / variance around the mean.
        silent_share: features that fire on none of the tokens.
        loss: of the model as it is; None where it has no vocabulary head.
        loss_reconstructed: with reconstructions in the place of activations.
        loss_ablated: with zeros there.
    """

    tokens: int
    l0: float
    explained_variance: float
    silent_share: float
    loss: float | None = None
    loss_reconstructed: float | None = None
    loss_ablated: float | None = None

    @property
    def loss_recovered(self) -> float | None:
        """1 where nothing is lost, 0 where it is as bad as zeros; None where zeros do no harm."""
        if self.loss is None or self.loss_reconstructed is None or self.loss_ablated is None:
            return None
        harm = self.loss_ablated - self.loss
        return (self.loss_ablated - self.loss_reconstructed) / harm if harm > 1e-6 else None


def held_out_quality(
    loaded: LoadedModel,
    hook_name: str,
    sae: SAE,
    corpus: Corpus,
    *,
    norm_limit: float = float("inf"),
) -> HeldOut:
    """Measure an SAE on the tokens of a corpus that count.

    Tokens that the SAE is not meant for (special ones, and activations above `norm_limit`)
    keep their activation in all three losses.

    Raises:
        UsageError: the place does not exist.
    """
    x = read_activations(loaded, corpus, hook_name)
    x = x[x.norm(dim=1) <= norm_limit]
    acts = sae.encode(x)
    error = x - sae.decode(acts, x)
    spread = float((x - x.mean(dim=0)).square().sum())
    fires = acts > 0
    losses: list[float | None] = [None, None, None]
    if loaded.speaks:

        def zeros(tokens: Tensor) -> Tensor:
            return tokens * 0

        losses = [
            _loss(loaded, hook_name, corpus, norm_limit, instead)
            for instead in (None, sae.reconstruct, zeros)
        ]
    return HeldOut(
        tokens=len(x),
        l0=float(fires.sum()) / max(1, len(x)),
        explained_variance=1 - float(error.square().sum()) / spread if spread > 0 else 0.0,
        silent_share=1 - float(fires.any(dim=0).float().mean()),
        loss=losses[0],
        loss_reconstructed=losses[1],
        loss_ablated=losses[2],
    )


def _loss(
    loaded: LoadedModel,
    hook_name: str,
    corpus: Corpus,
    norm_limit: float,
    instead: Callable[[Tensor], Tensor] | None,
) -> float:
    """Mean loss of the next token with `instead(x)` in the place of the tokens that count."""
    total, count = 0.0, 0
    # One by one, for the edit must know which of the positions count.
    for ids, positions in zip(corpus.ids, corpus.positions, strict=True):
        if len(ids) < 2:
            continue
        if instead is None:
            loss = cross_entropy(loaded, [ids])
        else:
            with intervening(loaded, hook_name, _edit(instead, positions, norm_limit)):
                loss = cross_entropy(loaded, [ids])
        total += loss * (len(ids) - 1)
        count += len(ids) - 1
    return total / count if count else float("nan")


def _edit(
    instead: Callable[[Tensor], Tensor], positions: Sequence[int], norm_limit: float
) -> Callable[[Tensor], Tensor]:
    def edit(x: Tensor) -> Tensor:
        chosen = x[0, list(positions)].float()
        within = chosen.norm(dim=1, keepdim=True) <= norm_limit
        edited = x.clone()
        edited[0, list(positions)] = instead(chosen).where(within, chosen).to(x.dtype)
        return edited

    return edit
