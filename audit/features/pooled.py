"""Tokens of a corpus as a model's place sees them, with the row of each: what pooling reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from audit.errors import UsageError
from audit.features.corpus import Corpus
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.base import Array
from probes.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor

TokenRows = Callable[[], Iterator[tuple["Tensor", Array]]]


def token_rows(
    loaded: LoadedModel,
    sae: SAE,
    corpus: Corpus,
    hook_name: str,
    progress: Callable[[int], None] | None = None,
) -> TokenRows:
    """Each call runs the corpus once, as deep as the place: activations, and rows `[n]`.

    Raises:
        UsageError: when called: the place does not exist, or is not as wide as the SAE.
        MeasurementError: when called: a single row does not fit into memory.
    """

    def once() -> Iterator[tuple[Tensor, Array]]:
        for batch in stream(
            loaded, corpus.ids, [hook_name], positions=corpus.positions, progress=progress
        ):
            x = batch.x[hook_name]
            if x.shape[1] != sae.d_in:
                raise UsageError(
                    f"{sae.origin.path or 'the SAE'}: it reads activations of width {sae.d_in}, "
                    f"and {hook_name} of {loaded.name} is {x.shape[1]} wide; it was made for "
                    "another model or place"
                )
            yield x, batch.sequence.numpy()

    return once
