"""Several ranks that train one model: all of them decide alike, or all of them fail.

Knows torch.distributed and nothing of models or suites. Without a process group, or with one
rank in it, every function answers with what it was given. Every function is a collective: it
is called on all ranks, at the same step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from audit.engine.verdict import worst
from audit.errors import AuditError, MeasurementError

if TYPE_CHECKING:
    from audit.training.auditor import Auditor
    from audit.training.verdicts import StepVerdict

T = TypeVar("T")


def is_first() -> bool:
    """Whether this process is the one that writes and prints; not a collective."""
    import torch.distributed as dist

    return _alone() or dist.get_rank() == 0


def step(auditor: Auditor, model: Any, at: int) -> StepVerdict:
    """What `auditor.step(model, at)` says on all ranks together; for a loop of one's own.

    Raises:
        MeasurementError: a check cannot be measured, on this rank or on another.
    """
    return audit(auditor, model, at) if auditor.due(at) else auditor.step(model, at)


def audit(auditor: Auditor, model: Any, at: int) -> StepVerdict:
    """What `auditor.audit(model, at)` says on all ranks together: due or not, as at the end.

    Raises:
        MeasurementError: a check cannot be measured, on this rank or on another.
    """
    verdict = agree(all_or_none(lambda: auditor.audit(model, at)))
    if verdict.stop is not None:
        auditor.heed(verdict.stop)
    return verdict


def agree(verdict: StepVerdict) -> StepVerdict:
    """The verdict of all ranks together, the same on each of them.

    The severest word counts, and one rank that has to stop stops all; where several do, the
    reason is that of the lowest. Numbers are those of the first rank: what the others read is
    what it reads as long as the training keeps them alike.

    Raises:
        MeasurementError: the ranks are at different steps.
    """
    if _alone():
        return verdict
    return _together(_gather(verdict))


def all_or_none(measure: Callable[[], T]) -> T:
    """Measure on every rank; where one of them cannot, all of them raise.

    A rank that raised by itself would leave the others waiting for it at their next
    collective, for as long as the process group's timeout.

    Raises:
        MeasurementError: another rank could not measure; says which, and why.
        Exception: whatever `measure` raised on this rank.
    """
    if _alone():
        return measure()
    try:
        found = measure()
    except Exception as error:
        told = str(error) if isinstance(error, AuditError) else f"{type(error).__name__}: {error}"
        _gather(told)
        raise
    for rank, mishap in enumerate(_gather(None)):
        if mishap is not None:
            raise MeasurementError(f"rank {rank} could not audit the model: {mishap}")
    return found


def _together(verdicts: list[StepVerdict]) -> StepVerdict:
    """One verdict of those of all ranks, in the order of ranks."""
    steps = [verdict.step for verdict in verdicts]
    if len(set(steps)) > 1:
        listed = ", ".join(str(step) for step in steps)
        raise MeasurementError(
            f"the ranks audited at different steps ({listed}, in the order of ranks): call the "
            f"auditor on every rank after the same step"
        )
    first = verdicts[0]
    stopping = [verdict for verdict in verdicts if verdict.should_stop]
    spoken = stopping or [verdict for verdict in verdicts if verdict.stop is not None]
    return replace(
        first,
        audited=any(verdict.audited for verdict in verdicts),
        verdict=worst(verdict.verdict for verdict in verdicts),
        should_stop=bool(stopping),
        stop=spoken[0].stop if spoken else None,
    )


def _gather(here: object) -> list[Any]:
    """What every rank has, in the order of ranks."""
    import torch.distributed as dist

    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, here)
    return found


def _alone() -> bool:
    """Whether there is nobody to agree with."""
    import torch.distributed as dist

    return not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1
