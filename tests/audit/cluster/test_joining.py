"""What is wrong with `--ray` is said before anything runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from audit.cluster.joining import check_address, join
from audit.errors import UsageError


@pytest.mark.parametrize("address", ["local", "auto", "10.0.0.1:6379", "head:6379", "[::1]:6379"])
def test_an_address_is_taken(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize(
    "given", ["suite.yaml", "organism_lying", "head", "", "ray://head:1", "http://h:1"]
)
def test_what_is_no_address_is_refused_with_how_to_write_it(given: str) -> None:
    """`--ray SUITE` takes the suite for its address."""
    with pytest.raises(UsageError, match="at the end of the line"):
        join(given)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1:99999"])
def test_an_address_without_a_cluster_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(UsageError, match=f"--ray {address}: nobody answers there"):
        join(address)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'alignment-audit\[ray\]'"):
        join("local")


def test_nobody_imports_ray_unasked() -> None:
    code = (
        "import sys, audit.engine.run, audit.series.following, audit.cluster.far, "
        "audit.cluster.crew, audit.cluster.seat; sys.exit('ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
