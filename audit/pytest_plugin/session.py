"""What a session does once a model is named: collect suites, tell outcomes, sum up.

pytest finds the hooks in this module's namespace; `begin` registers it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from audit.pytest_plugin.asked import add_suites, asked_of
from audit.pytest_plugin.check_item import CheckItem
from audit.pytest_plugin.shared_run import SHARED_RUN, SharedRun
from audit.pytest_plugin.suite_file import pytest_collect_file
from audit.pytest_plugin.wording import summary, text_of
from reports.text import safe_text

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

__all__ = [
    "begin",
    "pytest_collect_file",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
]


def begin(config: pytest.Config, model: str) -> None:
    """Read the options, and take part in the session from here on.

    Raises:
        pytest.UsageError: the options ask for what cannot be.
    """
    config.stash[SHARED_RUN] = SharedRun(asked_of(config, model))
    add_suites(config)
    config.pluginmanager.register(sys.modules[__name__], "alignment-audit-session")


def pytest_report_header(config: pytest.Config) -> str:
    """Which model is audited, above the tests."""
    asked = config.stash[SHARED_RUN].asked
    against = "" if asked.reference is None else f" against {asked.reference}"
    return safe_text(f"alignment-audit: {asked.model}{against}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A check's own words instead of the lines of Python that said them."""
    report = yield
    if isinstance(item, CheckItem) and call.excinfo is not None:
        raised = call.excinfo.value
        if isinstance(raised, pytest.skip.Exception):
            path, line, _ = item.reportinfo()
            report.longrepr = (os.fspath(path), line + 1, f"Skipped: {raised.msg}")
        elif isinstance(raised, pytest.xfail.Exception) and item.view is not None:
            report.longrepr = text_of(item.view)
        elif isinstance(raised, pytest.fail.Exception):
            report.longrepr = raised.msg or ""
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """The verdict of the run, and where its report lies."""
    run = config.stash[SHARED_RUN]
    if run.report is None:
        return
    terminalreporter.write_sep("=", "alignment audit")
    terminalreporter.write_line(summary(run.report))
    if run.asked.out is not None:
        terminalreporter.write_line(safe_text(f"report: {run.asked.out / 'report.html'}"))
