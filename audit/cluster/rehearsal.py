"""What a call would ask of a crew, told without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from audit.cluster.crew import Asked, Parts
from audit.models.loaded import LoadedModel


class _AskedError(Exception):
    """Ends the call where it asks; holds what."""

    def __init__(self, function: Callable[..., Any], parts: Parts) -> None:
        super().__init__()
        self.function, self.parts = function, parts


class _Listening:
    """A crew that only hears what it is asked."""

    def each(self, function: Callable[..., Any], parts: Parts) -> Any:
        raise _AskedError(function, parts)


def rehearsed(model: LoadedModel, calls: Sequence[Callable[[LoadedModel], object]]) -> list[Asked]:
    """The parts that calls would ask of a model of which nothing is known, sent to the cluster.

    Args:
        model: any model that is alike.
        calls: each asks a crew once, as `recalled_capture` does.
    """
    import ray

    stand_in = replace(model, model=None, cache=None, crew=_Listening())
    asked = []
    for call in calls:
        try:
            call(stand_in)
        except _AskedError as error:
            asked += [Asked(error.function, part, ray.put(part)) for part in error.parts]
    return asked
