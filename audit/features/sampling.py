"""Some thousand tokens of a model at the place where an SAE reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from audit.errors import UsageError
from audit.features.corpus import Corpus
from audit.models.cache.recalled_tokens import recalled_stream
from audit.models.loading import LoadedModel
from probes.sae.fidelity import OUTLIER_MULTIPLE
from probes.sae.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor


def without_outliers(sae: SAE, x: Tensor) -> SAE:
    """The SAE, silent on tokens more than ten times as long as the median of `x [n, d_in]`.

    Every loader must leave such tokens out: one attention sink drowns the maximum of its row.
    """
    return replace(sae, norm_limit=float(OUTLIER_MULTIPLE * x.float().norm(dim=-1).median()))


def token_sample(
    model: LoadedModel,
    sae: SAE,
    corpora: Sequence[Corpus],
    hook_name: str,
    *,
    most: int,
    seed: int = 0,
) -> tuple[Tensor, Tensor | None]:
    """Activations `[n, d_in]` of tokens that count, and for a transcoder what it is to predict.

    Rows are drawn at random from all corpora, each distinct sequence once, until `most`
    tokens are had.

    Raises:
        UsageError: the SAE's width is not the place's.
    """
    import torch

    distinct = {
        ids: positions
        for corpus in corpora
        for ids, positions in zip(corpus.ids, corpus.positions, strict=True)
    }
    order = np.random.default_rng(seed).permutation(len(distinct))
    every = list(distinct.items())
    chosen, count = [], 0
    for index in order:
        if count >= most:
            break
        chosen.append(every[int(index)])
        count += len(every[int(index)][1])
    out = sae.origin.hook_name_out if sae.is_transcoder else None
    names = [hook_name] if out is None else [hook_name, out]
    read, target = [], []
    for batch in recalled_stream(
        model, [ids for ids, _ in chosen], names, positions=[at for _, at in chosen]
    ):
        read.append(batch.x[hook_name])
        if out is not None:
            target.append(batch.x[out])
    x = torch.cat(read)[:most]
    if x.shape[1] != sae.d_in:
        raise UsageError(
            f"{sae.origin.path}: it reads activations of width {sae.d_in}, and {hook_name} of "
            f"{model.name} is {x.shape[1]} wide; it was made for another model or place"
        )
    return x, torch.cat(target)[:most] if target else None
