"""A tiny model behind a cache of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.models.cache.store import with_cache
from audit.models.loading import LoadedModel, load_model


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def model(tiny_llama_folder: Path, said: list[str]) -> LoadedModel:
    return with_cache(load_model(str(tiny_llama_folder), device="cpu"), said.append)
