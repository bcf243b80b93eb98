"""What runs on a machine of the cluster: one model, asked part by part."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.errors import MeasurementError
from audit.models.cache.keys import surroundings
from audit.models.loaded import LoadedModel


@dataclass(frozen=True)
class Held:
    """A model that seats shall hold, as it can be sent there.

    Attributes:
        opener: opens it; a function of a module, with its arguments.
        weights: digest of its weights as this process knows them.
        surroundings: what its numbers depend on beside it, as this process has them.
        name: tells it from every other that a seat may have held before.
    """

    opener: Callable[[], LoadedModel]
    weights: str
    surroundings: Mapping[str, str]
    name: str = field(default_factory=lambda: secrets.token_hex(8))


class Seat:
    """An actor's class. It holds the model that it was asked for last.

    The model comes with the question and not with the constructor: one that cannot be opened is
    then a sentence and not the death of an actor, and a process that Ray began again for one that
    was killed opens whatever is asked next.
    """

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._holds = ""
        self._loaded: LoadedModel | None = None

    def answer(
        self, held: Held, number: int, function: Callable[..., Any], part: tuple[Any, ...]
    ) -> tuple[int, Any]:
        """The number of a part, and what `function(model, *part)` finds."""
        if self._loaded is None or self._holds != held.name:
            self._loaded = None
            _free_memory()  # there is room for one
            self._loaded = opened(held)
            self._holds = held.name
        return number, function(self._loaded, *part)


def opened(held: Held) -> LoadedModel:
    """The model, if it is the one that was meant.

    Raises:
        UsageError: as its opener.
        MeasurementError: as its opener; the file under its path is another here, or the libraries
            that its numbers depend on are.
    """
    import socket

    here = surroundings()
    for name, version in held.surroundings.items():
        if here.get(name) != version:
            raise MeasurementError(
                f"the machine {socket.gethostname()} of the cluster has {name} {here.get(name)}, "
                f"and the audit runs with {version}: install the same there"
            )
    loaded = held.opener()
    if loaded.weights_digest != held.weights:
        raise MeasurementError(
            f"the machine {socket.gethostname()} of the cluster has other weights under the name "
            f"{loaded.name}: their digest is {loaded.weights_digest[:12]}, and that of the audited "
            f"ones is {held.weights[:12]}; give all machines the same files"
        )
    return loaded


def _free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
