"""From activations per token to one vector per row, over selected tokens.

Which tokens are selected is decided elsewhere; a mask says it. Whatever stands outside the
mask, even NaN, has no influence, and neither have the other rows or the side of the padding.
Sums are in float32 whatever the model computes in. torch is imported when a pooling runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from probes.base import ProbeError
from probes.plugins import plugin, plugin_names

if TYPE_CHECKING:
    from torch import Tensor

Pooling: TypeAlias = "Callable[[Tensor, Tensor, int], Tensor]"
"""`pool(x [batch, tokens, d_model], mask [batch, tokens], window) -> [batch, d_model]`."""

ENTRY_POINTS = "alignment_audit.poolings"


def pool_mean(x: Tensor, mask: Tensor, window: int) -> Tensor:
    """Mean over the selected tokens.

    Args:
        x: `[batch, tokens, d_model]`.
        mask: `[batch, tokens]` bool, at least one token per row.
        window: not used.

    Returns:
        `[batch, d_model]`, float32.

    Raises:
        ProbeError: if a row selects no token, or mask and x do not fit.
    """
    count = _count(x, mask)
    return _sum(x, mask) / count


def pool_last(x: Tensor, mask: Tensor, window: int) -> Tensor:
    """The last selected token. Arguments and errors as in `pool_mean`."""
    import torch

    _count(x, mask)
    positions = torch.arange(mask.shape[1], device=mask.device)
    last = (mask * positions).argmax(dim=1)
    return x[torch.arange(len(x), device=x.device), last.to(x.device)].float()


def pool_max(x: Tensor, mask: Tensor, window: int) -> Tensor:
    """Largest value of each feature over the selected tokens. As in `pool_mean`."""
    _count(x, mask)
    return x.masked_fill(~mask[..., None], float("-inf")).amax(dim=1).float()


def pool_max_rolling_mean(x: Tensor, mask: Tensor, window: int) -> Tensor:
    """Largest mean of each feature over windows of consecutive selected tokens.

    Only full windows count; a row with fewer selected tokens than the window is averaged
    whole. Arguments and errors as in `pool_mean`, with `window` in tokens, at least 1.
    """
    import torch

    if window < 1:
        raise ProbeError(f"a window holds at least one token, not {window}")
    count = _count(x, mask)
    whole = _sum(x, mask) / count
    longest = int(count.max())
    if longest < window:
        return whole
    # Selected tokens first, in their order: then windows are slices, and what is not selected
    # is a tail that no full window reaches.
    front = mask.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :longest]
    tokens = x.gather(1, front[..., None].expand(-1, -1, x.shape[2])).float()
    means = torch.nn.functional.avg_pool1d(tokens.transpose(1, 2), window, stride=1)
    starts = torch.arange(means.shape[2], device=x.device)
    full = (starts + window <= count)[:, None, :]
    best = means.masked_fill(~full, float("-inf")).amax(dim=2)
    return torch.where(count >= window, best, whole)


def _sum(x: Tensor, mask: Tensor) -> Tensor:
    import torch

    return x.masked_fill(~mask[..., None], 0).sum(dim=1, dtype=torch.float32)


def _count(x: Tensor, mask: Tensor) -> Tensor:
    """Selected tokens per row, `[batch, 1]`."""
    if x.ndim != 3 or mask.shape != x.shape[:2]:
        raise ProbeError(
            f"pooling takes x [batch, tokens, d_model] and mask [batch, tokens]; "
            f"got {tuple(x.shape)} and {tuple(mask.shape)}"
        )
    count = mask.sum(dim=1, keepdim=True)
    if x.shape[1] == 0 or bool((count == 0).any()):
        empty = (count[:, 0] == 0).nonzero()[:, 0].tolist()
        rows = ", ".join(map(str, empty[:10]))
        raise ProbeError(f"no token is selected in row {rows} of the batch")
    return count


POOLINGS: dict[str, Pooling] = {
    "mean": pool_mean,
    "last": pool_last,
    "max": pool_max,
    "max_rolling_mean": pool_max_rolling_mean,
}


def pooling(name: str) -> Pooling:
    """Find a pooling by name, built in or registered under `alignment_audit.poolings`.

    Raises:
        ProbeError: if there is none; says the nearest name.
    """
    return plugin("pooling", name, POOLINGS, ENTRY_POINTS)


def pooling_names() -> tuple[str, ...]:
    """All names that `pooling` finds."""
    return plugin_names(POOLINGS, ENTRY_POINTS)
