"""Does an SAE describe the activations at hand? The check that every load should begin with.

An SAE that is read with the wrong bias, scale, place or model loads without an error and
encodes wrongly. It shows here: in the features per token, and in what is reconstructed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.sae.sae import SAE, SAEError

if TYPE_CHECKING:
    from torch import Tensor

MAX_L0_RATIO = 2.0
MIN_EXPLAINED_VARIANCE = 0.3
RELATIVE_BIAS = (0.7, 1.25)  # L1 shrinks by a fifth and more; nothing that is right inflates
OUTLIER_MULTIPLE = 10.0  # of the median norm, as dictionary_learning and SAEDashboard have it
_CHUNK = 1024


@dataclass(frozen=True)
class FidelityFigures:
    """What a few thousand tokens say about an SAE.

    Attributes:
        n_tokens: tokens that count; outliers do not.
        l0: features per token.
        explained_variance: `1 - E|y - y^|^2 / (E|y|^2 - |E y|^2)`, of what it reconstructs.
        cosine: mean cosine of `y` and `y^`.
        relative_bias: `E|y^| / E|y|`; below 1 where the SAE shrinks what it reads.
        dead_share: features that fire on none of the tokens.
        outlier_rate: tokens whose norm is above ten times the median.
    """

    n_tokens: int
    l0: float
    explained_variance: float
    cosine: float
    relative_bias: float
    dead_share: float
    outlier_rate: float


def outliers(x: Tensor) -> Tensor:
    """Which of `x [n, d]` have a norm above ten times the median, `[n]` bool."""
    norms: Tensor = x.float().norm(dim=-1)
    odd: Tensor = norms > OUTLIER_MULTIPLE * norms.median()
    return odd


def fidelity(sae: SAE, x: Tensor, target: Tensor | None = None) -> FidelityFigures:
    """Measure an SAE on activations of the place that it reads.

    Args:
        sae: the SAE.
        x: `[n, d_in]`, some thousands.
        target: `[n, d_out]`, what a transcoder is to predict; `x` itself where None.

    Raises:
        SAEError: there is no token, widths do not fit, or an activation is not finite.
    """
    import torch

    y = x if target is None else target
    if x.ndim != 2 or len(x) == 0 or len(x) != len(y):
        raise SAEError(
            f"expected activations [n, {sae.d_in}] of at least one token, found {list(x.shape)}"
        )
    if y.shape[1] != sae.d_out:
        raise SAEError(
            f"{sae.origin.path or 'SAE'}: expected targets of width {sae.d_out}, found {y.shape[1]}"
        )
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise SAEError("activations are NaN or infinite; nothing can be said of the SAE")
    odd = outliers(x) | outliers(y)
    x, y = x[~odd], y[~odd]
    active = torch.zeros(sae.d_sae, dtype=torch.long, device=x.device)
    error = said = norm = cosine = 0.0
    for start in range(0, len(x), _CHUNK):
        part, truth = x[start : start + _CHUNK], y[start : start + _CHUNK].double()
        acts = sae.encode(part)
        active += (acts > 0).sum(dim=0)
        guess = sae.decode(acts, part).double()
        error += float((truth - guess).square().sum())
        said += float(guess.norm(dim=1).sum())
        norm += float(truth.norm(dim=1).sum())
        cosine += float(torch.nn.functional.cosine_similarity(truth, guess, dim=1).sum())
    n = len(x)
    centred = y.double() - y.double().mean(dim=0)
    variance = float(centred.square().sum())
    return FidelityFigures(
        n_tokens=n,
        l0=float(active.sum()) / n,
        # With one token, or equal ones, there is no variance to explain.
        explained_variance=1 - error / variance if variance > 0 else float(error == 0),
        cosine=cosine / n,
        relative_bias=said / norm if norm else 1.0,
        dead_share=float((active == 0).float().mean()),
        outlier_rate=float(odd.float().mean()),
    )


def faults(sae: SAE, found: FidelityFigures) -> list[str]:
    """Why nothing may be concluded from this SAE here, one sentence each; empty where sound."""
    reasons = []
    promised = sae.origin.promised_l0
    if promised is not None and not (
        promised / MAX_L0_RATIO <= found.l0 <= promised * MAX_L0_RATIO
    ):
        reasons.append(
            f"the SAE does not fit this model: {found.l0:.3g} features are active per token, and "
            f"its files promise {promised:.3g}; more than a factor of {MAX_L0_RATIO:g} off"
        )
    if found.explained_variance < MIN_EXPLAINED_VARIANCE:
        reasons.append(
            f"the SAE does not describe this model: it explains a share of "
            f"{found.explained_variance:.2f} of the variance, and {MIN_EXPLAINED_VARIANCE:g} is "
            f"the least"
        )
    least, most = RELATIVE_BIAS
    if not least <= found.relative_bias <= most:
        reasons.append(
            f"the SAE's scale is not this model's: what it reconstructs is "
            f"{found.relative_bias:.2f} times as long as what it reads, and {least:g} to {most:g} "
            f"is borne with"
        )
    return reasons


def wrong_place(sae: SAE, hook_name: str) -> str | None:
    """A sentence where an SAE is read elsewhere than its files say, None where it is not."""
    stated = sae.origin.hook_name
    if stated is None or _as_output(stated) == _as_output(hook_name):
        return None
    return (
        f"the SAE is read at the wrong place: its files say {stated}, and it is read at {hook_name}"
    )


def _as_output(hook_name: str) -> str:
    """What enters a block is what the one before it gave out."""
    found = re.fullmatch(r"blocks\.(\d+)\.hook_resid_pre", hook_name)
    if found is None or found[1] == "0":
        return hook_name
    return f"blocks.{int(found[1]) - 1}.hook_resid_post"
