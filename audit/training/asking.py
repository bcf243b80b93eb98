"""What a training's folder is begun with of its models: of the trained one, what training leaves.

Its weights change at every step, and its configuration may say how far it came.
"""

from __future__ import annotations

from audit.cluster.far import named_digest
from audit.engine.request import Request
from audit.models.loading import LoadedModel


def of_live(model: LoadedModel) -> Request:
    """The part of a request that the trained model makes."""
    return {
        "model architecture": model.architecture,
        "model layers": model.n_layers,
        "model width": model.d_model,
        "model tokenizer": model.tokenizer_digest,
    }


def of_reference(given: str | LoadedModel | None) -> Request:
    """The part that a reference makes; None is the run's own beginning.

    Raises:
        UsageError: there is no model of that name.
    """
    if isinstance(given, LoadedModel):
        return {"reference weights": given.weights_digest}
    weights = None if given is None else named_digest(given, allow_pickle=False)
    return {"reference weights": weights}
