"""The seats of one model, and the parts that are asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from audit.cluster.joining import Cluster
from audit.cluster.seat import Held, Seat
from audit.errors import AuditError, MeasurementError

LIVES = 3
"""How often a seat that died is begun again, and a part that died with it."""

PATIENCE = 20.0  # seconds without an answer, after which machines are counted again

Parts = Sequence[tuple[Any, ...]]

_CREWS: WeakSet[RayCrew] = WeakSet()  # those that have seats, or had them


class RayCrew:
    """Seats of a cluster that hold the same model: a `Crew`.

    Seats are begun when they are first needed, at most as many as there are parts. They stay, with
    the model in them, until another crew needs their place or nobody has the crew any more.
    """

    def __init__(self, cluster: Cluster, held: Held, *, most: int | None = None) -> None:
        self._cluster = cluster
        self._held = held
        self._most = cluster.seats() if most is None else most
        self._seats: list[Any] = []
        self._at_work = 0
        _CREWS.add(self)

    def each(self, function: Callable[..., Any], parts: Parts) -> Iterator[tuple[int, Any]]:
        """As `Crew.each`.

        Raises:
            AuditError: what the function raised, or the opener of the model.
            MeasurementError: a seat died again and again.
        """
        from ray.util import ActorPool

        pool = ActorPool(self._begun(len(parts)))
        for number, part in enumerate(parts):
            pool.submit(_asked, (number, function, part))
        self._at_work += 1
        try:
            while pool.has_next():
                with _in_our_words():
                    try:
                        found = pool.get_next_unordered(timeout=PATIENCE)
                    except TimeoutError:
                        self._leave(pool)
                        continue
                yield found
        finally:
            self._at_work -= 1

    def let_go(self) -> None:
        """End the seats; who asks again begins new ones."""
        import ray

        for seat in self._seats:
            ray.kill(seat)
        self._seats = []

    def _begun(self, parts: int) -> list[Any]:
        import ray

        takes = self._cluster.takes
        seat = ray.remote(Seat).options(max_restarts=LIVES, max_task_retries=LIVES, **takes)
        more = min(parts, self._most) - len(self._seats)
        if more > 0:
            self._make_room(more)
        for _ in range(more):
            self._seats.append(seat.remote(self._held, takes["num_cpus"]))
        return list(self._seats)

    def _make_room(self, more: int) -> None:
        """Where the cluster has no place for more seats, crews that do nothing leave theirs."""
        for other in list(_CREWS):
            if sum(len(crew._seats) for crew in _CREWS) + more <= self._cluster.seats():
                return
            if other is not self and not other._at_work:
                other.let_go()

    def _leave(self, pool: Any) -> None:
        """Where machines went away, seats without work leave theirs to those that lost it."""
        import ray

        if self._cluster.seats() >= len(self._seats):
            return
        while (idle := pool.pop_idle()) is not None:
            self._seats.remove(idle)
            ray.kill(idle)


def _asked(seat: Any, value: tuple[Any, ...]) -> Any:
    return seat.answer.remote(*value)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What a seat raised, as it raised it; a death that Ray gave up on, in a sentence."""
    from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError, RayTaskError

    try:
        yield
    except RayTaskError as error:
        if isinstance(error.cause, AuditError):
            raise error.cause from None
        raise
    except (ActorDiedError, ActorUnavailableError, OutOfMemoryError) as error:
        raise MeasurementError(
            f"a process of the Ray cluster that held the model died {LIVES + 1} times, which is "
            f"mostly for want of memory; Ray says: {_gist(error)}"
        ) from None


def _gist(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
