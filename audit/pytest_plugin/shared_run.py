"""The one audit of a session of tests.

All checks that are left after deselection are measured in one run when the first of them is
set up: the model is loaded once, and gates are corrected for all that were asked. Knows no
verdict's meaning for a test.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from audit.engine.run import run_audit
from audit.exit_codes import ExitCode
from audit.models.loaded import LoadedModel
from audit.pytest_plugin.asked import Asked
from audit.series.checkpoints import find_checkpoints, holds_adapter
from audit.series.opening import open_checkpoint
from reports.record import AuditReport, CheckResult
from suites.load import LoadedSuite

Key = tuple[str, str]


@dataclass(eq=False)
class SharedRun:
    """What was asked, the suites collected so far, and what came of the audit once it ran."""

    asked: Asked
    opened: dict[Path, LoadedSuite] = field(default_factory=dict)
    report: AuditReport | None = None
    failure: Exception | None = None


SHARED_RUN = pytest.StashKey[SharedRun]()


def result_of(run: SharedRun, key: Key, wanted: Set[Key]) -> CheckResult:
    """The result of one check; the first call audits all that are `wanted`.

    Raises:
        Exception: what kept the audit from being made, at each call anew.
        KeyboardInterrupt: the audit was interrupted; what it finished is written.
    """
    if run.failure is not None:
        raise run.failure
    if run.report is None:
        try:
            run.report = _audit(run.asked, list(run.opened.values()), frozenset(wanted))
        except Exception as error:
            run.failure = error
            raise
        if run.report.exit_code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
    return next(check for check in run.report.checks if (check.suite, check.id) == key)


def _audit(asked: Asked, suites: list[LoadedSuite], wanted: frozenset[Key]) -> AuditReport:
    return run_audit(
        suites,
        _subject(asked),
        reference=asked.reference,
        out=asked.out,
        fresh=True,  # a session is run to see how things stand now
        options=replace(asked.options, only=wanted),
    )


def _subject(asked: Asked) -> str | LoadedModel:
    """The model by its name, or with its adapter on it."""
    if not holds_adapter(asked.model):
        return asked.model
    options = asked.options
    return open_checkpoint(
        find_checkpoints([asked.model])[0],
        device=options.device,
        dtype=options.dtype,
        allow_pickle=options.allow_pickle,
    )
