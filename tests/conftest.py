"""What every test may ask for: the shared folders, and an environment without surprises."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import Phase, settings

SHARED_VARIABLE = "ALIGNMENT_AUDIT_SHARED"
REPOSITORY = Path(__file__).resolve().parent.parent

# The hub library reads this once, when it is first imported: set it before any test module is.
os.environ["HF_HUB_OFFLINE"] = "1"


# The same cases on every run: a red CI is then somebody's doing. Look further with
# `pytest --hypothesis-profile=default`.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],  # to explain takes minutes
)
settings.load_profile("repeatable")


def _shared(folder: str) -> Path:
    named = os.environ.get(SHARED_VARIABLE)
    root = Path(named) if named else REPOSITORY.parent / "shared"
    path = root / folder
    if not path.is_dir():
        pytest.skip(f"no folder {path} (set {SHARED_VARIABLE} to the folder that holds {folder}/)")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets, or a skip that says where it was looked for."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of pretrained models, or a skip that says where it was looked for."""
    return _shared("models")


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the caches of activations, for whatever runs before the first test and in it."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AUDIT_CACHE_DIR", str(folder / "of-the-session"))
        yield folder


_numbers = count()


@pytest.fixture(autouse=True)
def _own_cache(_caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache for each test and what it starts: none may live on what another computed."""
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(_caches / f"of-test-{next(_numbers)}"))


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no colour wishes of the person who runs the tests, one thread."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
