"""A loaded model with an empty cache before it, as the first audit of a model has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from audit.models.cache.folder import CacheFolder
from audit.models.cache.keys import model_identity
from audit.models.cache.store import cache_of
from audit.models.loaded import LoadedModel


def with_empty_cache(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """The model with a cache in this folder, which must not have been there."""
    if folder.exists():
        raise FileExistsError(f"{folder} is there already, so the cache would not be cold")
    cache = cache_of(loaded.name, model_identity(loaded), CacheFolder(folder, print))
    return replace(loaded, cache=cache)
