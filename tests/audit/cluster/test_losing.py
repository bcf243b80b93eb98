"""Whoever went away is named: a process, the cluster, or a place that there never was."""

from __future__ import annotations

import os
from typing import Any

import pytest

from audit.cluster.losing import in_our_words, why_dead
from audit.errors import MeasurementError

DIED = "The actor died unexpectedly before finishing this task.\n\tclass_name: Seat\n"


@pytest.mark.parametrize(
    "said",
    [
        f"{DIED}The actor is dead because its owner has died. Owner Id: 01 Owner worker exit type: "
        "SYSTEM_ERROR Worker exit detail: Owner's node has crashed.",
        f"{DIED}The actor died because its node has died. Node Id: 01\n"
        "\tthe actor's node was terminated unexpectedly: health check failed",
        f"{DIED}The actor is dead because its owner has died. Owner Id: 01\n"
        "The actor never ran - it was cancelled before it started running.",
    ],
)
def test_a_cluster_that_went_away_is_no_process_that_died(said: str) -> None:
    told = why_dead(said)
    assert "went away or was shut down" in told
    assert "memory" not in told


class Unlucky:
    def die(self) -> None:
        os._exit(1)


def raised(two_nodes: Any, *, cpus: int) -> str:
    import ray

    seat = ray.remote(Unlucky).options(num_cpus=cpus).remote()
    answer = seat.die.remote()
    if cpus > 1:  # of which no machine has so many
        ray.kill(seat)
    with pytest.raises(MeasurementError) as told, in_our_words():
        ray.get(answer, timeout=120)
    return str(told.value)


def test_a_process_that_dies_is_told_with_what_ray_says(two_nodes: Any) -> None:
    told = raised(two_nodes, cpus=0)  # the places may all be taken
    assert "that held the model died 4 times, which is mostly for want of memory" in told
    assert "Ray says: its worker process has died" in told


def test_what_never_had_a_place_did_not_die(two_nodes: Any) -> None:
    told = raised(two_nodes, cpus=9)
    assert "never gave the model a place" in told
    assert "died" not in told
    assert "memory" not in told
