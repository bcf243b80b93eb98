"""What an auditor is given, refused where it would be found out late or never."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from audit.engine.assembly import Options
from audit.errors import UsageError, did_you_mean
from suites.load import LoadedSuite


def check_arguments(seed: int, every: int | None, options: Mapping[str, Any]) -> None:
    """Refuse what would otherwise be found out at the first audit, or never.

    Raises:
        UsageError: a number out of range, or an option that does not exist.
    """
    known = [one.name for one in fields(Options)]
    for name in options:
        if name not in known:
            raise UsageError(f"an auditor has no option {name!r}{did_you_mean(name, known)}")
    for what, value, least in (("every", every, 1), ("seed", seed, 0)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UsageError(f"{what} is a whole number, not {value!r}")
        if value is not None and value < least:
            raise UsageError(f"{what} is {least} or more, not {value}")


def must_be_hidden(hidden: Sequence[LoadedSuite], seen: Sequence[LoadedSuite]) -> None:
    """Refuse a hidden suite that is not.

    Raises:
        UsageError: the run stops on it.
    """
    both = {one.digest for one in hidden} & {one.digest for one in seen}
    for suite in hidden:
        if suite.digest in both:
            raise UsageError(
                f"the hidden suite {suite.suite.name!r} is one that the run stops on: hide another"
            )
