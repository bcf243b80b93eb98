"""From a corpus to shuffled batches of activations, without end, again from any step.

Sequences are shuffled anew in every epoch and run block by block; the tokens of a block are
shuffled before they leave. Where all activations fit into one block they are kept, so that
the model runs once. Outliers, such as the attention sinks of first tokens, are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from audit.errors import MeasurementError, UsageError
from audit.features.corpus import Corpus
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.sae.randomness import generator

if TYPE_CHECKING:
    from torch import Tensor

OUTLIER = 10.0
"""Norm of an activation, over the median, above which it is left out."""

BUFFER_BYTES = 2**29
_SAMPLE_TOKENS = 8192


@dataclass(frozen=True, eq=False)
class TokenBatches:
    """Batches `[batch_size, width]`; calling it with a step gives those from that step on.

    Attributes:
        loaded: the model.
        corpus: whose tokens.
        hook_name: which place.
        batch_size: tokens in a batch.
        norm_limit: longer activations are left out; infinite for none.
        buffer_tokens: tokens of a block.
        random_state: of all shuffling.
    """

    loaded: LoadedModel
    corpus: Corpus
    hook_name: str
    batch_size: int
    norm_limit: float
    buffer_tokens: int
    random_state: int
    _kept: list[Tensor] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Whatever decides the batches, in words and a digest."""
        digest = hashlib.sha256(self.loaded.weights_digest.encode())
        digest.update(repr((self.corpus.ids, self.corpus.positions)).encode())
        digest.update(repr((self.norm_limit, self.buffer_tokens, self.random_state)).encode())
        return (
            f"{self.hook_name} of {self.loaded.name}, {self.corpus.n_tokens} tokens in batches of "
            f"{self.batch_size} ({digest.hexdigest()[:12]})"
        )

    def __call__(self, start: int) -> Iterator[Tensor]:
        """The batches from a step (from 0) on."""
        return islice(self._batches(), start, None)

    def _batches(self) -> Iterator[Tensor]:
        import torch

        left: Tensor | None = None
        epoch = 0
        while True:
            tokens = 0
            for number, block in enumerate(self._blocks(epoch)):
                draws = generator("tokens of a block", self.random_state, epoch, number)
                order = torch.randperm(len(block), generator=draws).to(block.device)
                block = block[order]
                left = block if left is None else torch.cat([left, block])
                tokens += len(block)
                full = len(left) // self.batch_size * self.batch_size
                for at in range(0, full, self.batch_size):
                    yield left[at : at + self.batch_size]
                left = left[full:]
            if tokens == 0:
                raise MeasurementError(
                    f"none of the {self.corpus.n_tokens} activations at {self.hook_name!r} is a "
                    f"finite vector of norm {self.norm_limit:.3g} or less"
                )
            epoch += 1

    def _blocks(self, epoch: int) -> Iterator[Tensor]:
        """Activations `[n, width]`, about `buffer_tokens` at a time."""
        import torch

        if self._kept:
            yield self._kept[0]
            return
        if self.corpus.n_tokens <= self.buffer_tokens:
            self._kept.append(self._read(range(len(self.corpus))))
            yield self._kept[0]
            return
        draws = generator("sequences", self.random_state, epoch)
        block: list[int] = []
        tokens = 0
        for index in torch.randperm(len(self.corpus), generator=draws).tolist():
            block.append(index)
            tokens += len(self.corpus.positions[index])
            if tokens >= self.buffer_tokens:
                yield self._read(block)
                block, tokens = [], 0
        if block:
            yield self._read(block)

    def _read(self, indices: Sequence[int]) -> Tensor:
        x = read_activations(self.loaded, self.corpus.take(list(indices)), self.hook_name)
        return x[x.norm(dim=1) <= self.norm_limit]


def token_batches(
    loaded: LoadedModel,
    corpus: Corpus,
    hook_name: str,
    *,
    batch_size: int,
    outlier: float | None = OUTLIER,
    buffer_tokens: int | None = None,
    random_state: int = 0,
) -> TokenBatches:
    """Batches of a corpus, with the limit for outliers measured on a sample of it.

    Args:
        loaded: the model.
        corpus: whose tokens.
        hook_name: which place.
        batch_size: tokens in a batch.
        outlier: multiple of the median norm above which activations are left out; None keeps
            all of them.
        buffer_tokens: tokens of a block; as many as fit into half a gigabyte where None.
        random_state: of all shuffling.

    Raises:
        UsageError: the place does not exist, or the corpus holds less than one batch.
    """
    if batch_size < 1:
        raise UsageError(f"a batch holds at least one token, not {batch_size}")
    if corpus.n_tokens < batch_size:
        raise UsageError(
            f"the data has {corpus.n_tokens} tokens, less than one batch of {batch_size}; give "
            "more data or a smaller --batch-size"
        )
    sample = read_activations(loaded, corpus.take(_some(corpus, random_state)), hook_name)
    limit = float("inf") if outlier is None else outlier * float(sample.norm(dim=1).median())
    return TokenBatches(
        loaded,
        corpus,
        hook_name,
        batch_size,
        limit,
        buffer_tokens or max(batch_size, BUFFER_BYTES // (4 * sample.shape[1])),
        random_state,
    )


def read_activations(loaded: LoadedModel, corpus: Corpus, hook_name: str) -> Tensor:
    """All activations of a corpus at one place, `[n_tokens, width]`, in no useful order."""
    import torch

    found = stream(loaded, corpus.ids, [hook_name], positions=corpus.positions)
    return torch.cat([part.x[hook_name] for part in found])


def _some(corpus: Corpus, random_state: int) -> list[int]:
    """Rows, in random order, with about `_SAMPLE_TOKENS` tokens together."""
    import torch

    chosen: list[int] = []
    tokens = 0
    draws = generator("sample", random_state)
    for index in torch.randperm(len(corpus), generator=draws).tolist():
        if tokens >= _SAMPLE_TOKENS:
            break
        chosen.append(index)
        tokens += len(corpus.positions[index])
    return chosen
