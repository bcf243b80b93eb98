"""Exit codes are public API: CI reads them, and a record says with which its run ended."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a process of ours ends with. Where several apply: 4, 3, 1, 6, 5, 0."""

    PASSED = 0
    FLAGGED = 1
    INTERRUPTED = 2
    FAILED = 3
    USAGE = 4
    NOTHING_AUDITED = 5
    INCONCLUSIVE = 6
