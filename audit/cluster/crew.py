"""The seats of one model, and the parts that are asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet, finalize

from audit.cluster.joining import Cluster
from audit.cluster.losing import in_our_words
from audit.cluster.seat import Held

PATIENCE = 20.0  # seconds without an answer, after which the cluster's places are counted again

Parts = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class Asked:
    """A part that is sent to a cluster once, whoever is asked it.

    Attributes:
        function: of a module, called with a model and the part.
        part: arguments after the model.
        sent: Ray's reference to them.
    """

    function: Callable[..., Any]
    part: tuple[Any, ...]
    sent: Any


class RayCrew:
    """Seats of a cluster that hold the same model: a `Crew`.

    Seats are taken when they are first needed, at most as many as there are parts. They stay, with
    the model in them, until another crew needs their place or this one is let go.

    Attributes:
        held: the model.
    """

    def __init__(self, cluster: Cluster, held: Held, *, most: int | None = None) -> None:
        """`most` seats, as many as the cluster has by default."""
        self._cluster = cluster
        self.held = held
        self._most = most
        self._seats: list[Any] = []
        self._at_work = 0
        self._before: list[tuple[Asked, Any]] = []
        _crews.add(self)
        finalize(self, _given, cluster, self._seats)

    def each(self, function: Callable[..., Any], parts: Parts) -> Iterator[tuple[int, Any]]:
        """As `Crew.each`; parts that were asked `ahead` are not asked again.

        Raises:
            AuditError: what the function raised, or the opener of the model.
            MeasurementError: a seat died again and again, or the cluster went away.
        """
        self._at_work += 1
        try:
            asked = {number: self._asked_ahead(function, part) for number, part in enumerate(parts)}
            yield from self._awaited({of: number for number, of in asked.items() if of is not None})
            rest = [number for number, of in asked.items() if of is None]
            yield from self._handed_round(function, parts, rest)
        finally:
            self._at_work -= 1

    def ahead(self, asked: Sequence[Asked]) -> None:
        """Ask parts whose answers `each` will want later. They wait in Ray's object store."""
        seats = self._taken(len(asked))
        for number, one in enumerate(asked):
            seat = seats[number % len(seats)]
            answer = seat.answer.remote(self.held, number, _apply, (one.function, one.sent))
            self._before.append((one, answer))

    def let_go(self) -> None:
        """Give the seats back; who asks again takes others."""
        self._before.clear()
        _given(self._cluster, self._seats)

    def _asked_ahead(self, function: Callable[..., Any], part: tuple[Any, ...]) -> Any:
        for index, (one, answer) in enumerate(self._before):
            if one.function is function and one.part == part:
                del self._before[index]
                return answer
        return None

    def _awaited(self, waiting: dict[Any, int]) -> Iterator[tuple[int, Any]]:
        import ray

        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=PATIENCE)
            if not done:
                self._yield_places()
            for answer in done:
                with in_our_words():
                    _, found = ray.get(answer)
                yield waiting.pop(answer), found

    def _handed_round(
        self, function: Callable[..., Any], parts: Parts, numbers: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        """Parts asked of whichever seat has nothing to do."""
        from ray.util import ActorPool

        if not numbers:
            return
        pool = ActorPool(self._taken(len(numbers)))
        for number in numbers:
            pool.submit(_asked, (self.held, number, function, parts[number]))
        while pool.has_next():
            with in_our_words():
                try:
                    found = pool.get_next_unordered(timeout=PATIENCE)
                except TimeoutError:
                    self._yield_places(pool)
                    continue
            yield found

    def _taken(self, parts: int) -> list[Any]:
        wanted = parts if self._most is None else min(parts, self._most)
        wanted -= len(self._seats)
        if wanted > self._cluster.room():
            _let_idle_go(self)
        # The first is taken where there is no room as well: Ray finds it a place in time.
        for _ in range(max(min(wanted, self._cluster.room()), 0 if self._seats else 1)):
            self._seats.append(self._cluster.seat())
        return list(self._seats)

    def _yield_places(self, pool: Any = None) -> None:
        """Where machines went away, seats that do nothing leave theirs to those that lost it."""
        if self._cluster.places() >= self._cluster.begun:
            return
        _let_idle_go(self)
        while pool is not None and (idle := pool.pop_idle()) is not None:
            self._seats.remove(idle)
            self._cluster.free.append(idle)
        while self._cluster.free:
            self._cluster.end(self._cluster.free.pop())

    def _does_nothing(self) -> bool:
        import ray

        if self._at_work or not self._seats:
            return False
        asked = [answer for _, answer in self._before]
        return not asked or len(ray.wait(asked, num_returns=len(asked), timeout=0)[0]) == len(asked)


_crews: WeakSet[RayCrew] = WeakSet()


def _given(cluster: Cluster, seats: list[Any]) -> None:
    """Seats that belonged to a crew are free."""
    cluster.free += seats
    seats.clear()


def _let_idle_go(but: RayCrew) -> None:
    """Crews that do nothing give their seats; what they were asked ahead is kept."""
    for crew in list(_crews):
        if crew is not but and crew._does_nothing():
            _given(crew._cluster, crew._seats)


def _asked(seat: Any, value: tuple[Any, ...]) -> Any:
    return seat.answer.remote(*value)


def _apply(loaded: Any, function: Callable[..., Any], sent: Any) -> Any:
    """On a seat: a part that was sent beforehand."""
    import ray

    return function(loaded, *ray.get(sent))
