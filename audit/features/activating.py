"""Feature activations of given token sequences: at every token, in the order given.

What edits and searches sequences reads them here. Corpora, of which only what fires is kept,
are read in `contexts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.sae import SAE, ReLU

if TYPE_CHECKING:
    from torch import Tensor

TokenReader: TypeAlias = "Callable[[Tensor], Tensor]"
"""`read(x [n, width]) -> [n, k]`: one token's numbers depend on its own activation alone."""

_CELLS_AT_ONCE = 1 << 25  # of `[tokens, d_sae]` where all features are read to get at a few


def activations_of(
    loaded: LoadedModel,
    sae: SAE,
    features: Sequence[int],
    sequences: Sequence[Sequence[int]],
    *,
    hook_name: str,
    positions: Sequence[Sequence[int]] | None = None,
) -> list[Tensor]:
    """Activations of some features on the tokens of sequences.

    Args:
        loaded: the model.
        sae: on the model's device.
        features: which.
        sequences: token ids.
        hook_name: where the SAE reads.
        positions: which tokens of each sequence, all where None.

    Returns:
        For each sequence `[tokens, n_features]`, float32 on the host.

    Raises:
        UsageError: the place does not exist.
        SAEError: a feature does not exist, or the place has another width.
        MeasurementError: a single sequence does not fit into memory.
    """
    return read_tokens(
        loaded, reader_of(sae, features), sequences, hook_name=hook_name, positions=positions
    )


def read_tokens(
    loaded: LoadedModel,
    read: TokenReader,
    sequences: Sequence[Sequence[int]],
    *,
    hook_name: str,
    positions: Sequence[Sequence[int]] | None = None,
) -> list[Tensor]:
    """What `read` makes of the tokens of sequences; otherwise as `activations_of`."""
    import torch

    found: list[Tensor] = [torch.empty(0, 0)] * len(sequences)
    for batch in stream(loaded, sequences, [hook_name], positions=positions):
        numbers = read(batch.x[hook_name]).float().cpu()
        # The tokens of a sequence come side by side, by rising position.
        which, counts = torch.unique_consecutive(batch.sequence, return_counts=True)
        for index, part in zip(which.tolist(), torch.split(numbers, counts.tolist()), strict=True):
            found[index] = part
    return found


def reader_of(sae: SAE, features: Sequence[int]) -> TokenReader:
    """Reads some features, a few tokens at a time where that means reading all features."""
    import torch

    reader = sae.reader(features)
    width = len(reader.features) if reader.sliced else sae.d_sae
    at_once = max(1, _CELLS_AT_ONCE // width)

    def read(x: Tensor) -> Tensor:
        return torch.cat([reader(part) for part in torch.split(x, at_once)])

    return read


def alone(sae: SAE, feature: int) -> SAE:
    """One feature as an SAE of its own, whose activation is its pre-activation where positive.

    What is linear in an SAE is right in it: pre-activations, and what a feature adds to a
    reconstruction. Whether the feature is active may depend on the others, and is not.

    Raises:
        SAEError: the feature does not exist.
    """
    sae.reader([feature])  # refuses what does not exist
    return replace(
        sae,
        W_enc=sae.W_enc[:, [feature]],
        b_enc=sae.b_enc[[feature]],
        W_dec=sae.W_dec[[feature]],
        activation=ReLU(),
        W_skip=None,
    )


def output_scale(sae: SAE, x: Tensor) -> Tensor:
    """What reconstructions of inputs `[n, d_in]` are scaled by, `[n]`; 1 without normalisation.

    A feature adds its activation times this times its decoder row.
    """
    import torch

    one = alone(sae, 0)
    unit = replace(one, W_dec=torch.ones_like(one.W_dec))
    on = unit.decode(torch.ones(len(x), 1, device=x.device), x)
    return (on - unit.decode(torch.zeros(len(x), 1, device=x.device), x))[:, 0]
