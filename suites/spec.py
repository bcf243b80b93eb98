"""What every part of a suite is made of: the closed base class and the shared types.

Knows pydantic and nothing of what a suite says.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Scalar = str | int | float | bool
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
NonEmpty = Annotated[str, Field(min_length=1)]
Rate = Annotated[float, Field(ge=0.0, le=1.0)]
OpenRate = Annotated[float, Field(gt=0.0, lt=1.0)]
Where = dict[str, Scalar | list[Scalar]]


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be 0 or 1")  # noqa: TRY004 - pydantic turns no other error into its own
    return value


Label = Annotated[Literal[0, 1], BeforeValidator(_not_boolean)]


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_compiles), Field(json_schema_extra={"format": "regex"})]


class Spec(BaseModel):
    """Frozen, and closed: a key that is not a field is a mistake, never ignored.

    Strict: text in quotes is no number, and true is not 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
