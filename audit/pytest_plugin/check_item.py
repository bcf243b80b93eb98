"""A check as a test: which outcome its verdict is.

The verdict and what it gates are the engine's (`audit.engine.verdict`); here they are only
said in pytest's words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.engine.verdict import exit_code
from audit.errors import AuditError
from audit.exit_codes import ExitCode
from audit.pytest_plugin.asked import in_worker
from audit.pytest_plugin.shared_run import SHARED_RUN, Key, result_of
from audit.pytest_plugin.wording import properties, reason, text_of
from reports.record import CheckResult
from reports.text import safe_text
from reports.views.check import CheckView, view_check
from suites.load import LoadedSuite
from suites.problems import SuiteError


class CheckItem(pytest.Item):
    """One check of one suite."""

    def __init__(self, *, suite: LoadedSuite, check_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check = suite.suite.checks[check_id]
        self.suite = suite
        self.key: Key = (suite.suite.name, check_id)
        self.view: CheckView | None = None
        self.extra_keyword_matches.update(
            (suite.suite.name, check.concept, *suite.suite.tags, *check.tags)
        )

    def reportinfo(self) -> tuple[Path, int, str]:
        """File and line (from 0) of the check in its suite, which may be an included one."""
        loc = ("checks", self.key[1])
        document = self.suite.document_of(loc)
        return Path(document.file), document.place(loc, key=True)[0] - 1, self.name

    def setup(self) -> None:
        """Have the result, which may be the first call for the audit; fail where there is none.

        A mistake of the user's ends the session with pytest's exit code for it.
        """
        check = self._result()
        self.view = view_check(check)
        if not self.user_properties:
            self.user_properties += properties(self.view)
        if self._code(check) == ExitCode.FAILED:
            pytest.fail(text_of(self.view), pytrace=False)

    def runtest(self) -> None:
        """Pass, fail, skip or fail as expected, as the verdict gates."""
        view = self.view
        assert view is not None  # setup came before
        code = self._code(view.check)
        if code == ExitCode.INCONCLUSIVE:
            pytest.skip(reason(view))
        excuses = (gate.excuse for gate in view.gates if gate.standing == "excused")
        known = next(excuses, None) if code == ExitCode.PASSED else None
        if known is not None and not self.config.getoption("runxfail"):
            pytest.xfail(safe_text(known.sentence))
        if known is not None or code == ExitCode.FLAGGED:
            pytest.fail(text_of(view), pytrace=False)
        if view.verdict != "pass":
            self.add_report_section("call", "audit", text_of(view))

    def _result(self) -> CheckResult:
        wanted = {item.key for item in self.session.items if isinstance(item, CheckItem)}
        try:
            return result_of(self.config.stash[SHARED_RUN], self.key, wanted)
        except (AuditError, SuiteError) as error:
            sentence = safe_text(str(error))
            usage = isinstance(error, SuiteError) or error.exit_code == ExitCode.USAGE
            if usage and not in_worker(self.config):
                pytest.exit(sentence, returncode=pytest.ExitCode.USAGE_ERROR)
            return pytest.fail(sentence, pytrace=False)

    def _code(self, check: CheckResult) -> ExitCode:
        options = self.config.stash[SHARED_RUN].asked.options
        return exit_code([check], fail_on=options.fail_on, strict=options.strict)
