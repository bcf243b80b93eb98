"""What a model loses when it goes on with a reconstruction instead of the activation.

Knows a model, an SAE and held-out text. Losses and divergences are of the next token, in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit.features.batches import read_activations
from audit.features.corpus import Corpus
from audit.models.forward import evaluating
from audit.models.intervening import intervening
from audit.models.loading import LoadedModel
from audit.models.quiet import quiet
from probes.sae.fidelity import fidelity
from probes.sae.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Harm:
    """What the model says next, with something else in the place of its activations.

    Attributes:
        loss: of the next token.
        divergence: Kullback-Leibler, from what the unchanged model says.
    """

    loss: float
    divergence: float


@dataclass(frozen=True)
class HeldOut:
    """What an SAE is worth on text that it was not trained on.

    Attributes:
        tokens: that were read.
        l0: features that fire per token.
        explained_variance: 1 - squared error / variance around the mean.
        silent_share: features that fire on none of the tokens.
        loss: of the next token, as the model is; None where it has no vocabulary head.
        reconstructed: with reconstructions in the place of activations.
        ablated: with zeros there.
    """

    tokens: int
    l0: float
    explained_variance: float
    silent_share: float
    loss: float | None = None
    reconstructed: Harm | None = None
    ablated: Harm | None = None

    @property
    def loss_recovered(self) -> float | None:
        """1 where nothing is lost, 0 where it is as bad as zeros; None where zeros do no harm.

        They do none in a model that does not predict its text, such as one that was taught
        nothing but answers.
        """
        if self.loss is None or self.reconstructed is None or self.ablated is None:
            return None
        harm = self.ablated.loss - self.loss
        return (self.ablated.loss - self.reconstructed.loss) / harm if harm > 1e-6 else None

    @property
    def divergence_recovered(self) -> float | None:
        """The same by divergence, which asks what the model says and not whether it is true."""
        if self.reconstructed is None or self.ablated is None or self.ablated.divergence < 1e-6:
            return None
        return 1 - self.reconstructed.divergence / self.ablated.divergence


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
    keep their activation throughout.

    Raises:
        UsageError: the place does not exist.
    """
    x = read_activations(loaded, corpus, hook_name)
    x = x[x.norm(dim=1) <= norm_limit]
    fit = fidelity(sae, x)
    found = HeldOut(
        tokens=len(x),
        l0=fit.l0,
        explained_variance=fit.explained_variance,
        silent_share=fit.dead_share,
    )
    if not loaded.speaks:
        return found
    loss, reconstructed, ablated = _harms(
        loaded, hook_name, corpus, norm_limit, (sae.reconstruct, lambda tokens: tokens * 0)
    )
    return replace(found, loss=loss.loss, reconstructed=reconstructed, ablated=ablated)


def _harms(
    loaded: LoadedModel,
    hook_name: str,
    corpus: Corpus,
    norm_limit: float,
    substitutes: Sequence[Callable[[Tensor], Tensor]],
) -> list[Harm]:
    """First that of changing nothing, then that of each substitute; means over next tokens."""
    import numpy as np
    import torch

    sums = np.zeros((1 + len(substitutes), 2))
    count = 0
    # One by one, for the edit must know which of the positions count.
    for ids, positions in zip(corpus.ids, corpus.positions, strict=True):
        if len(ids) < 2:
            continue
        count += len(ids) - 1
        clean = _log_probs(loaded, ids)
        answers = torch.tensor(ids[1:], device=clean.device)[:, None]
        sums[0, 0] -= float(clean.gather(1, answers).sum())
        for number, instead in enumerate(substitutes, start=1):
            with intervening(loaded, hook_name, _edit(instead, positions, norm_limit)):
                said = _log_probs(loaded, ids)
            sums[number, 0] -= float(said.gather(1, answers).sum())
            sums[number, 1] += float((clean.exp() * (clean - said)).sum())
    return [Harm(*map(float, row)) for row in sums / max(1, count)]


def _log_probs(loaded: LoadedModel, ids: Sequence[int]) -> Tensor:
    """Of every next token that there is, `[tokens - 1, vocabulary]`."""
    import torch

    with evaluating(loaded.model), quiet():
        row = torch.tensor([list(ids)], device=loaded.model.device)
        logits: Tensor = loaded.model(input_ids=row, use_cache=False).logits
        return logits[0, :-1].float().log_softmax(dim=-1)


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
