"""What Ray gave up on, in a sentence: whether a process died, the cluster went, or none began.

Ray raises the same of all three and tells them apart in its words alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from audit.cluster.joining import LIVES
from audit.errors import AuditError, MeasurementError

_GONE = (
    "the Ray cluster, or the machine of it that held the model, went away or was shut down: begin "
    "it again and give the same command"
)
_NEVER = (
    "the Ray cluster never gave the model a place, or was shut down before it did: see in `ray "
    "status` that it runs and has a CPU or GPU free, and give the same command again"
)
_DIED = (
    "a process of the Ray cluster that held the model died {}: give it machines with more memory, "
    "or fewer places on each (`ray start --num-cpus N`)"
)
_MEMORY = f"{LIVES + 1} times for want of memory"
_WENT = ("its owner has died", "its node has died", "node was terminated", "node was preempted")


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise what a seat raised as it raised it.

    Raises:
        AuditError: what the seat said.
        MeasurementError: nobody is left who could say something.
    """
    from ray.exceptions import (
        ActorDiedError,
        ActorUnavailableError,
        ActorUnschedulableError,
        LocalRayletDiedError,
        NodeDiedError,
        OutOfMemoryError,
        RayTaskError,
    )

    try:
        yield
    except RayTaskError as error:
        if isinstance(error.cause, AuditError):
            raise error.cause from None
        raise
    except OutOfMemoryError:
        raise MeasurementError(_DIED.format(_MEMORY)) from None
    except ActorDiedError as error:
        raise MeasurementError(why_dead(str(error))) from None
    except ActorUnschedulableError:
        raise MeasurementError(_NEVER) from None
    except (ActorUnavailableError, LocalRayletDiedError, NodeDiedError):
        raise MeasurementError(_GONE) from None


def why_dead(said: str) -> str:
    """Why a seat is no more, and the mend.

    Args:
        said: what Ray says of its death, in several lines.
    """
    if any(words in said for words in _WENT):
        return _GONE
    if "never ran" in said:
        return _NEVER
    reason = " ".join(said.rpartition("is dead because")[2].split())[:200]
    died = _DIED.format(f"{LIVES + 1} times, which is mostly for want of memory")
    return f"{died}; Ray says: {reason}"
