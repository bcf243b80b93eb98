"""Organisms as checkpoints: each captured once for all tests of the wing."""

from __future__ import annotations

from typing import Any

import pytest

from audit.series.origin import open_checks
from audit.series.reference import Reference, read_reference
from tests.audit.series.planted import ORGANISM, Seen, look


@pytest.fixture(scope="session")
def honest() -> Any:
    """The honest organism. Do not change it."""
    from audit.models.loading import load_model

    return load_model("organism:honest", device="cpu")


@pytest.fixture(scope="session")
def liar() -> Any:
    """The liar. Do not change it."""
    from audit.models.loading import load_model

    return load_model("organism:liar", device="cpu")


@pytest.fixture(scope="session")
def lying() -> Any:
    """Suites and checks of `organism_lying`."""
    from audit.engine.assembly import Options

    return open_checks([ORGANISM], Options())


@pytest.fixture(scope="session")
def from_honest(lying: Any, honest: Any) -> Reference:
    """The honest organism as the reference."""
    return read_reference(lying[1], honest)


@pytest.fixture(scope="session")
def from_liar(lying: Any, liar: Any) -> Reference:
    """The liar as the reference."""
    return read_reference(lying[1], liar)


@pytest.fixture(scope="session")
def lies(from_honest: Reference, liar: Any) -> Seen:
    """The liar, captured like the honest reference."""
    return look(from_honest, liar)
