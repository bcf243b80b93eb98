"""What every part of a record is made of: frozen, closed, finite, encodable."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

T = TypeVar("T")


def _by_key(facts: dict[str, T]) -> dict[str, T]:
    return dict(sorted(facts.items()))


# In the order of their keys, so that equal records are equal bytes.
Facts = Annotated[dict[str, T], AfterValidator(_by_key)]


def _encodable(value: Any) -> Any:
    """Half a surrogate pair, which no UTF-8 can carry, becomes its visible escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value


class Part(BaseModel):
    """Frozen and closed, like the record it is a part of; its numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    _strings = model_validator(mode="before")(_encodable)


class Estimate(Part):
    """A number, its interval, and what it rests on.

    `n` counts rows, `n_groups` the groups that rows share; `method` names how the interval
    was made. Where an interval cannot be had, low and high are None and never a guess.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int
    n_groups: int
    confidence: float = 0.95
    method: str = ""
