"""To begin a Ray cluster or to join one that is there, quietly."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from audit.errors import UsageError

LOCAL = "local"
"""In place of an address: a cluster of this machine alone, begun here and ended with us."""

_ADDRESS = re.compile(r"local|auto|(ray://)?[\w.\-\[\]:]+:\d+")
_FEWEST_CPUS = 1


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process has joined.

    Attributes:
        address: as it was asked for.
        gpus: whether a seat takes a GPU, and not a CPU alone.
    """

    address: str
    gpus: bool

    @property
    def takes(self) -> dict[str, int]:
        """What one seat takes of the cluster, as Ray's options of an actor say it."""
        return {"num_cpus": _FEWEST_CPUS, "num_gpus": 1 if self.gpus else 0}

    def seats(self) -> int:
        """How many seats the cluster has, at this moment."""
        import ray

        has = ray.cluster_resources()
        return int(has.get("GPU" if self.gpus else "CPU", 0))


def check_address(address: str) -> str:
    """The address, if it is one.

    Raises:
        UsageError: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"--ray {address}: an address is HOST:PORT, ray://HOST:PORT, `auto` for the cluster "
            f"that this machine belongs to, or `{LOCAL}` for one of this machine alone; without "
            "an address write --ray at the end of the line"
        )
    return address


def join(address: str) -> Cluster:
    """Join the cluster at an address; one that this process has joined already is taken.

    Raises:
        UsageError: Ray is not installed, there is no such cluster, or it has no place for a model.
    """
    check_address(address)
    # Before the import, which is when Ray looks: an audit tells nobody that it ran.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UsageError(
            "--ray needs the package ray: pip install 'alignment-audit[ray]'"
        ) from None
    if not ray.is_initialized():
        _connect(ray, address)
    cluster = Cluster(address, gpus=ray.cluster_resources().get("GPU", 0) >= 1)
    if not cluster.seats():
        raise UsageError(
            f"the Ray cluster at {address} has neither a CPU nor a GPU to give: begin its machines "
            "with `ray start --num-cpus N`"
        )
    return cluster


def _connect(ray: Any, address: str) -> None:
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address == LOCAL:
        quietly["include_dashboard"] = False
    try:
        ray.init(address=address, **quietly)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"--ray {address}: the cluster cannot be joined: {said}") from None
