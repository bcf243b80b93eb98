"""What a capture keeps while it runs: one float32 vector per selection and read, on the host.

Copies leave the device without waiting for it; the first look at the result waits once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from audit.errors import UsageError
from audit.models.padding import Batch
from audit.models.row_index import RowIndex
from audit.models.sequences import Captured, Read, TokenSequence, finite_rows
from probes.base import ProbeError
from probes.pooling import pooling
from probes.sae.sae import FeatureReader

if TYPE_CHECKING:
    import torch
    from torch import Tensor


_MOST_FEATURES = 2**24  # activations of tokens at once: 64 MiB


class Kept:
    """Vectors and log-probabilities as they come in, batch by batch.

    A batch that ran out of memory may come again: it overwrites what it had written.
    """

    def __init__(self, reads: Sequence[Read], sizes: Sequence[int], pinned: bool) -> None:
        """`sizes` says how many selections each sequence has."""
        try:
            self._poolings = [pooling(read.pooling) for read in reads]
        except ProbeError as error:
            raise UsageError(str(error)) from None
        self._reads = reads
        self._pinned = pinned
        self._devices: set[torch.device] = set()
        self._rows = [RowIndex(sizes) for _ in reads]
        self._vectors: list[Tensor | None] = [None] * len(reads)
        self._predicted: list[tuple[tuple[tuple[int, int, int], ...], Tensor]] = []

    def expect(
        self, sequences: Sequence[TokenSequence], order: Sequence[int], reads: frozenset[int]
    ) -> None:
        """Give every selection its row, in the order in which batches will come."""
        for index in order:
            for number, selection in enumerate(sequences[index].selections):
                for read in selection.reads:
                    if read in reads:
                        self._rows[read].enter((index, number))

    def hear(self, batch: Batch, read: int, x: Tensor) -> None:
        """Pool what a read wants of `x`, `[batch, tokens, width]`, and keep it."""
        import torch

        gather = batch.gathers[read]
        self._devices.add(x.device)
        of = self._reads[read]
        if of.reader is None:
            tokens, mask = gather.picked(x)
            pooled = self._poolings[read](tokens, mask, of.window)
        else:
            rows, positions, mask = gather.on(x.device)
            # Features of all tokens would fill the memory; of a few rows they are soon pooled.
            some = max(1, _MOST_FEATURES // (mask.shape[1] * len(of.reader.features)))
            home = of.reader.sae.W_enc.device
            parts = []
            for start in range(0, len(mask), some):
                few = slice(start, start + some)
                tokens = _features(of.hook_name, x[rows[few], positions[few]].to(home), of.reader)
                parts.append(self._poolings[read](tokens, mask[few].to(home), of.window))
            pooled = torch.cat(parts)
        vectors = self._vectors[read]
        if vectors is None:
            vectors = torch.empty(
                len(self._rows[read]), pooled.shape[1], dtype=torch.float32, pin_memory=self._pinned
            )
            self._vectors[read] = vectors
        start = self._rows[read][gather.keys[0]]
        vectors[start : start + len(gather.keys)].copy_(pooled, non_blocking=self._pinned)

    def predict(self, batch: Batch, logits: Tensor) -> None:
        """Keep the wanted log-probabilities of `logits`, `[k, vocabulary]`."""
        import torch

        scores = logits.float()
        at = torch.tensor([[number, token] for _, number, token in batch.targets])
        numbers, tokens = at.to(scores.device).unbind(1)
        log_probs = scores[numbers, tokens] - scores.logsumexp(dim=-1)[numbers]
        self._predicted.append((batch.targets, log_probs))  # the batch itself holds all tokens

    def captured(self, n_sequences: int, d_model: int) -> Captured:
        """All of it. Waits for the device."""
        import torch

        for device in self._devices if self._pinned else ():
            if device.type == "cuda":
                torch.cuda.synchronize(device)
        vectors = tuple(
            np.empty((0, d_model), np.float32) if kept is None else kept.numpy()
            for kept in self._vectors
        )
        log_probs: dict[int, list[float]] = {}
        for targets, values in self._predicted:
            for (sequence, _, _), value in zip(targets, values.tolist(), strict=True):
                log_probs.setdefault(sequence, []).append(value)
        return Captured(
            vectors=vectors,
            rows=tuple(self._rows),
            log_probs=tuple(tuple(log_probs.get(index, ())) for index in range(n_sequences)),
            non_finite=tuple(int((~finite_rows(matrix)).sum()) for matrix in vectors),
        )


def _features(hook_name: str, tokens: Tensor, reader: FeatureReader) -> Tensor:
    try:
        return reader(tokens)
    except ProbeError as error:
        raise UsageError(f"{error}, at {hook_name}") from None
