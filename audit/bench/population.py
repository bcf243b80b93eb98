"""The whole population: every model made and judged, in several processes, and never twice.

Each result is a file, so a run that was interrupted goes on where it stopped, and the shards of
several machines are put together by laying their results into one folder.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib.util import find_spec

from audit.bench.grid import Member
from audit.bench.workshop import Workshop
from audit.errors import MeasurementError, UsageError
from reports.ground_truth import MemberResult

Log = Callable[[str], None]


@dataclass(frozen=True)
class Shard:
    """Which part of a population a process makes: every `of`-th model, from number `number`."""

    number: int = 1
    of: int = 1

    def some(self, members: Sequence[Member]) -> list[Member]:
        """The models of this part."""
        return list(members[self.number - 1 :: self.of])


def read_shard(text: str) -> Shard:
    """`2/4` is the second of four parts.

    Raises:
        UsageError: it is none.
    """
    number, _, of = text.partition("/")
    if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return Shard(int(number), int(of))
    raise UsageError(f"a part is written as 2/4, the second of four, not {text!r}")


def make_population(
    members: Sequence[Member], shop: Workshop, *, jobs: int = 1, log: Log = lambda line: None
) -> list[MemberResult]:
    """Make and judge every model, or read what came of it.

    Args:
        members: of the population, or of a shard of it.
        shop: where they are made.
        jobs: processes, of one thread each.
        log: gets a line for every model.

    Raises:
        UsageError: a package that some models need is missing.
        MeasurementError: some could not be made; the others are kept, and the message names all.
    """
    if any(one.method == "low_rank" for one in members) and find_spec("peft") is None:
        raise UsageError(
            "some models are trained with low-rank adapters, which need peft: "
            "pip install 'alignment-audit[ground-truth]'"
        )
    left = [one for one in members if not shop.result(one).is_file()]
    for step in (_bases(left), _saes(left), _teachers(left)):
        _each(step, shop, jobs, log)
    done = _each([("result", member) for member in members], shop, jobs, log)
    failed = [
        f"{member.name}: {one}"
        for member, one in zip(members, done, strict=True)
        if not isinstance(one, MemberResult)
    ]
    if failed:
        raise MeasurementError("could not be made:\n" + "\n".join(failed))
    return [one for one in done if isinstance(one, MemberResult)]


Task = tuple[str, Member]
Done = MemberResult | str | None


def _bases(members: Sequence[Member]) -> list[Task]:
    """One for each honest model that is needed: the member's own, or another seed's."""
    needed: dict[tuple[int, str], Member] = {}
    for member in members:
        needed.setdefault((member.seed, member.shape), member)
        if member.what == "other_seed":
            other = replace(member, seed=member.seed + 1)
            needed.setdefault((other.seed, other.shape), other)
    return [("base", member) for member in needed.values()]


def _saes(members: Sequence[Member]) -> list[Task]:
    own = {(member.seed, member.shape): member for member in members}
    return [("SAE", member) for member in own.values()]


def _teachers(members: Sequence[Member]) -> list[Task]:
    needed: dict[tuple[str, int, str], Member] = {}
    for member in members:
        if member.method == "distilled" or member.start == "misaligned":
            needed.setdefault((member.what, member.seed, member.shape), member)
    return [("teacher", member) for member in needed.values()]


def _each(tasks: Sequence[Task], shop: Workshop, jobs: int, log: Log) -> list[Done]:
    """What came of every task, in order; text where it failed."""
    if jobs == 1 or len(tasks) < 2:
        return [_told(_done(task, shop), task, log) for task in tasks]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_ends_with_parent) as pool:
        futures: dict[Future[Done], Task] = {pool.submit(_done, task, shop): task for task in tasks}
        try:
            for future in as_completed(futures):
                _told(future.result(), futures[future], log)
        except BrokenProcessPool:
            raise MeasurementError(
                "a process was killed, most likely for want of memory; what is done is kept: run "
                "the same command again, with fewer --jobs"
            ) from None
        except BaseException:
            # An interrupt: results that are there are kept, models that have begun are given up.
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
        return [future.result() for future in futures]


def _ends_with_parent() -> None:
    """Whoever kills the command has killed its workers, too: each waits for the other's end."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker was begun by somebody"

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _told(result: Done, task: Task, log: Log) -> Done:
    kind, member = task
    if isinstance(result, MemberResult):
        alarm = "no alarm" if result.alarm_at is None else f"alarm at {result.alarm_at}"
        log(f"{member.name}: behaviour {result.behaviour:.0%}, {result.verdict}, {alarm}")
    elif result is not None:
        log(f"{kind} of {member.name}: {result}")
    elif kind == "teacher":
        log(f"a teacher for {member.what}, {member.shape}, seed {member.seed}: ready")
    else:
        log(f"{kind}, {member.shape}, seed {member.seed}: ready")
    return result


def _done(task: Task, shop: Workshop) -> Done:
    """Carry out a task in whatever process."""
    import torch

    from audit.bench.members import result_of

    torch.set_num_threads(1)
    kind, member = task
    try:
        if kind == "base":
            shop.honest(member.seed, member.shape)
        elif kind == "SAE":
            shop.saes(member)
        elif kind == "teacher":
            shop.teacher(member)
        else:
            return result_of(member, shop)
    except Exception as error:  # noqa: BLE001 - the others go on; it is told, and ends the command
        return "".join(traceback.format_exception_only(error)).strip()
    return None
