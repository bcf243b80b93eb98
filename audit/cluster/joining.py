"""To begin a Ray cluster or to join one that is there, quietly, and to count its places."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from audit.cluster.seat import Seat
from audit.errors import UsageError

LOCAL = "local"
"""In place of an address: a cluster of this machine alone, begun here and ended with us."""

LIVES = 3
"""How often a seat that died is begun again, and a part that died with it."""

BEFORE_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",  # an audit tells nobody that it ran
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what fails is raised; what Ray retries is its own affair
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # else Ray writes of every death to stdout, which is ours
}
"""Read off the environment when Ray is imported; what the user set there stays."""

_ADDRESS = re.compile(r"local|auto|[\w.\-\[\]:]+:\d+")
_THREADS = 1


@dataclass(eq=False)
class Cluster:
    """A cluster that this process has joined.

    Attributes:
        job: Ray's name of this process's part in it.
        gpus: whether a seat takes a GPU, and not a CPU alone.
        free: seats that were begun and belong to no crew, with whatever model they held last.
        begun: how many seats there are, free or not.
    """

    job: str
    gpus: bool
    free: list[Any] = field(default_factory=list)
    begun: int = 0

    def places(self) -> int:
        """For how many seats the cluster has room at this moment, those that are there included."""
        import ray

        has = ray.cluster_resources()
        return int(has.get("GPU" if self.gpus else "CPU", 0))

    def room(self) -> int:
        """How many seats can be had at this moment, free ones and new ones."""
        return len(self.free) + self.places() - self.begun

    def seat(self) -> Any:
        """A seat: one that is free, else a new one, for which Ray finds or awaits a place."""
        import ray

        if self.free:
            return self.free.pop()
        self.begun += 1
        kind = ray.remote(Seat).options(
            num_cpus=_THREADS,
            num_gpus=int(self.gpus),
            max_restarts=LIVES,
            max_task_retries=LIVES,
            scheduling_strategy="SPREAD",
        )
        return kind.remote(_THREADS)

    def end(self, seat: Any) -> None:
        """End a seat, so that its place is another's."""
        import ray

        ray.kill(seat)
        self.begun -= 1


_joined: list[Cluster] = []  # at most one: a process is in one cluster at a time


def check_address(address: str) -> str:
    """The address, if it is one.

    Raises:
        UsageError: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"--ray {address}: an address is HOST:PORT of a cluster that this machine belongs "
            f"to, `auto` to have it found, or `{LOCAL}` for one of this machine alone; without an "
            "address write --ray at the end of the line"
        )
    return address


def join(address: str) -> Cluster:
    """Join the cluster at an address; the one that this process has joined already is taken.

    Raises:
        UsageError: Ray is not installed, there is no such cluster, or it has no place for a model.
    """
    check_address(address)
    for name, value in BEFORE_RAY.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UsageError(
            "--ray needs the package ray: pip install 'alignment-audit[ray]'"
        ) from None
    if not ray.is_initialized():
        _connect(ray, address)
    job = ray.get_runtime_context().get_job_id()
    if not _joined or _joined[0].job != job:
        _joined[:] = [Cluster(job, gpus=ray.cluster_resources().get("GPU", 0) >= 1)]
    [cluster] = _joined
    if not cluster.places():
        raise UsageError(
            f"the Ray cluster at {address} has neither a CPU nor a GPU to give: begin its machines "
            "with `ray start --num-cpus N`"
        )
    return cluster


@contextmanager
def _our_signals() -> Iterator[None]:
    """Who stops us is answered as before; Ray would end with an exit code of its own."""
    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in ours.items():
                if handler is not None:
                    signal.signal(number, handler)


def _must_answer(address: str) -> None:
    """Knock before Ray does, which waits for minutes where nobody is."""
    import socket

    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"--ray {address}: nobody answers there ({said})") from None


def _connect(ray: Any, address: str) -> None:
    if address not in (LOCAL, "auto"):
        _must_answer(address)
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address == LOCAL:
        quietly["include_dashboard"] = False
    try:
        with _our_signals():
            ray.init(address=address, **quietly)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"--ray {address}: the cluster cannot be joined: {said}") from None
