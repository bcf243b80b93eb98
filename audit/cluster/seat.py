"""What runs on a machine of the cluster: one model, asked part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.errors import MeasurementError
from audit.models.cache.keys import surroundings
from audit.models.loaded import LoadedModel


@dataclass(frozen=True)
class Held:
    """The model that a seat holds, as it can be sent there.

    Attributes:
        opener: opens it; a function of a module, with its arguments.
        weights: digest of its weights as this process knows them.
        surroundings: what its numbers depend on beside it, as this process has them.
    """

    opener: Callable[[], LoadedModel]
    weights: str
    surroundings: Mapping[str, str]


class Seat:
    """An actor's class. The model is opened when it is first asked, and again after a death.

    Opened in the constructor, what is wrong with it would come back as the death of an actor and
    not as the sentence that says what it is.
    """

    def __init__(self, held: Held, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._held = held
        self._loaded: LoadedModel | None = None

    def answer(
        self, number: int, function: Callable[..., Any], part: tuple[Any, ...]
    ) -> tuple[int, Any]:
        """The number of a part, and what `function(model, *part)` finds."""
        if self._loaded is None:
            self._loaded = opened(self._held)
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
