"""A Ray cluster of two nodes with one CPU each, on this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from audit.cluster.joining import BEFORE_RAY

NODE: dict[str, Any] = {
    "num_cpus": 1,
    "num_gpus": 0,
    "object_store_memory": 80 * 2**20,  # bytes, about the least that Ray takes
}


@pytest.fixture(scope="session")
def two_nodes() -> Iterator[Any]:
    """The cluster, joined. Whatever a test asks of `--ray` runs on it."""
    os.environ.update(BEFORE_RAY)
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with warnings.catch_warnings():
        # Ray leaves the pipes and files of the processes that it starts to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        cluster.add_node(**NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    yield cluster
    ray.shutdown()
    cluster.shutdown()
