"""A model that is opened on the cluster and stays there: here are its modules without numbers.

A seat opens it and says what it is; this process makes the empty modules by its config. Whoever
looks at the weights all the same, to change activations or to follow gradients, has them read
here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from audit.cluster.crew import RayCrew
from audit.cluster.joining import Cluster, join
from audit.cluster.seat import Held
from audit.models.cache.digests import remembered_digest
from audit.models.cache.folder import CacheFolder, cache_folder, silent_folder
from audit.models.cache.keys import model_identity, surroundings
from audit.models.cache.known import open_model
from audit.models.cache.store import cache_of
from audit.models.loaded import LoadedModel, Unread
from audit.models.loading import check_dtype, empty_model, find_model, load_model

Described = tuple[LoadedModel, tuple[Any, Any], dict[str, str] | None]


def crew_of(
    opener: Callable[[], LoadedModel],
    *,
    weights: str,
    cluster: Cluster,
    most: int | None = None,
) -> RayCrew:
    """Those that will hold a model; none is asked yet.

    Args:
        opener: a function of a module with its arguments; every seat calls it, and this process
            only where the weights are wanted here.
        weights: digest of the weights that are meant; other ones are refused.
        cluster: where the seats are.
        most: seats; by default as many as the cluster has places.
    """
    return RayCrew(cluster, Held(opener, weights, surroundings()), most=most)


def open_far(
    crew: RayCrew,
    *,
    name: str | None = None,
    cache: bool = True,
    root: Path | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> LoadedModel:
    """The model of a crew.

    Args:
        crew: who holds it.
        name: what a record calls it; what its opener calls it if None.
        cache: put the user's cache before the model.
        root: folder of another cache than the user's.
        say: told in a sentence when its weights are read here.

    Raises:
        UsageError: what the opener raises.
        MeasurementError: what the opener raises; a machine of the cluster has other files.
    """
    answers: list[tuple[int, Described]] = list(crew.each(described, [()]))
    [(_, (shell, (config, generation), identity))] = answers
    called = name or shell.name
    folder = CacheFolder(root or cache_folder(), say)

    def read() -> Any:
        say(f"loading {called}")
        return crew.held.opener().model

    return replace(
        shell,
        name=called,
        model=Unread(empty_model(config), read, generation),
        cache=cache_of(called, identity, folder) if cache else None,
        crew=crew,
    )


def described(loaded: LoadedModel) -> Described:
    """A model without its weights, its configs, and what the cache knows it by."""
    shell = replace(loaded, model=None, cache=None, crew=None)
    generation = getattr(loaded.model, "generation_config", None)
    return shell, (loaded.model.config, generation), model_identity(loaded)


def open_named(
    name: str,
    address: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    allow_pickle: bool = False,
    cache: bool = True,
    root: Path | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> LoadedModel:
    """`open_model`, or `load_model` without the cache, on a cluster.

    Args:
        name: as in `load_model`; every machine must have it.
        address: of the cluster, as `join` takes it.
        device: as in `load_model`, on those machines.
        dtype: as in `load_model`.
        allow_pickle: as in `load_model`.
        cache: as in `open_far`.
        root: as in `open_far`.
        say: as in `open_far`.

    Raises:
        UsageError: as `load_model`; the cluster cannot be joined.
        MeasurementError: as `open_far`.
    """
    check_dtype(dtype)
    opener = partial(
        open_model if cache and root is None else load_model,
        absolute(name),
        device=device,
        dtype=dtype,
        allow_pickle=allow_pickle,
    )
    weights = named_digest(name, allow_pickle=allow_pickle)
    crew = crew_of(opener, weights=weights, cluster=join(address))
    say(f"loading {name} on the cluster")
    return open_far(crew, name=name, cache=cache, root=root, say=say)


def named_digest(name: str, *, allow_pickle: bool) -> str:
    """The digest of the weights of a model, from its files or from memory.

    Raises:
        UsageError: there is no such model, or it has no weights that may be read.
    """
    found = find_model(name, device="cpu", allow_pickle=allow_pickle)
    return remembered_digest(found.files, silent_folder())


def absolute(name: str) -> str:
    """A model's name as it means the same from any folder."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() else name
