"""The vocabulary as a space to search: which tokens a text can hold, and what each embeds to.

Knows the model's first place and its tokenizer; not what is searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audit.features.activating import read_tokens
from audit.models.batching import batch_tokens
from audit.models.loading import LoadedModel
from audit.models.tokenizing import special_tokens
from probes.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor

FIRST_PLACE = "blocks.0.hook_resid_pre"
_MOST_LOGITS = 1 << 27  # `[tokens, vocabulary]` of one batch: half a gigabyte in float32


def vocabulary(loaded: LoadedModel) -> list[int]:
    """Every token that a text can hold, rising: those that are known, special ones left out."""
    special = special_tokens(loaded.tokenizer)
    known = min(len(loaded.tokenizer), int(loaded.model.config.get_text_config().vocab_size))
    return [token for token in range(known) if token not in special]


def opening(loaded: LoadedModel, sae: SAE) -> tuple[int, ...]:
    """What stands before a text: what the tokenizer puts there, or BOS where the SAE had it."""
    special = special_tokens(loaded.tokenizer)
    front = []
    for token in loaded.tokenizer("a")["input_ids"]:
        if token not in special:
            break
        front.append(int(token))
    bos = loaded.tokenizer.bos_token_id
    if not front and sae.origin.prepend_bos and bos is not None:
        return (int(bos),)
    return tuple(front)


def written_by_tokens(loaded: LoadedModel, tokens: Sequence[int], direction: Tensor) -> Tensor:
    """What each token's embedding writes along a direction, less what the average token does.

    Embeddings are read where the first block does, so scales and norms of the architecture are
    in them; what all tokens share (a position, an offset) falls out with the average.

    Args:
        loaded: the model.
        tokens: ids.
        direction: `[d_model]`.

    Returns:
        `[n]`, on the host.
    """
    import torch

    written = read_tokens(
        loaded,
        lambda x: x @ direction[:, None],
        [(token,) for token in tokens],
        hook_name=FIRST_PLACE,
    )
    values = torch.cat(written)[:, 0]
    return values - values.mean()


def logit_tokens(loaded: LoadedModel) -> int:
    """Most tokens in a batch whose logits are all computed."""
    words = int(loaded.model.config.get_text_config().vocab_size)
    return min(batch_tokens(loaded.device, loaded.d_model), max(1, _MOST_LOGITS // words))
