"""The mistakes and mishaps that a person is told about in one sentence.

    AuditError              exit 3   anything below
    |-- UsageError          exit 4   asked for something that is not there or not allowed
    |-- NothingToAuditError exit 5   asked for no check at all
    '-- MeasurementError    exit 3   asked rightly, but it could not be measured

A message names the file or the place, what was found there, and the mend. The command
line prints it without a traceback; everything else that is raised is our own fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AuditError(Exception):
    """A sentence for a person, and the code that the process ends with."""

    exit_code: int = 3


class UsageError(AuditError):
    """Asked for something that does not exist or is not allowed: mend the request."""

    exit_code = 4


class NothingToAuditError(AuditError):
    """The request selects no check."""

    exit_code = 5


class MeasurementError(AuditError):
    """The request is right, but this model on this machine could not be measured."""

    exit_code = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that offers the nearest known spelling, or nothing."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""
