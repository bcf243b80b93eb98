"""From a YAML file to the checks that pytest collects.

Knows which file is a suite, and how its mistakes are shown. No model is needed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from audit.engine.opening import open_suites
from audit.pytest_plugin.check_item import CheckItem
from audit.pytest_plugin.shared_run import SHARED_RUN
from reports.text import safe_text
from suites.load import LoadedSuite
from suites.problems import SuiteError
from suites.schema import Suite
from suites.yaml12 import MAX_BYTES, parse

SUFFIXES = (".yaml", ".yml")
# A suite that is no YAML any more still shows that it was meant to be one.
_CHECKS_KEY = re.compile(rb"^[\"']?checks[\"']?[ \t]*:", re.MULTILINE)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A suite, or any YAML that is named on the command line, where its mistakes are told."""
    if file_path.suffix not in SUFFIXES:
        return None
    if not parent.session.isinitpath(file_path) and not is_suite(file_path):
        return None
    return SuiteFile.from_parent(parent, path=file_path)


def is_suite(path: Path) -> bool:
    """Whether a YAML file is meant as a suite: a mapping with `checks`.

    So is one that includes other suites and holds nothing that a suite does not. A file that
    cannot be read may be one.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError:
        return True
    if b"checks" not in text and b"include" not in text:
        return False
    try:
        content = parse(text, str(path)).value
    except SuiteError:
        return _CHECKS_KEY.search(text) is not None
    if not isinstance(content, dict):
        return False
    return "checks" in content or ("include" in content and set(content) <= _suite_fields())


def _suite_fields() -> set[str]:
    return {field.alias or name for name, field in Suite.model_fields.items()}


class SuiteFile(pytest.File):
    """A suite; its checks are its tests."""

    def collect(self) -> Iterable[CheckItem]:
        """One test for each check, in the order of the file.

        Raises:
            CollectError: every mistake of the suite and its data, each with its place.
        """
        try:
            suite = self._open()
        except SuiteError as error:
            here = self.config.invocation_params.dir
            lines = [replace(one, file=_shown(one.file, here)) for one in error.problems]
            raise self.CollectError("\n".join(safe_text(str(line)) for line in lines)) from None
        # A file outside of pytest's root has no id of its own, and two such suites may share one.
        prefix = "" if self.nodeid else f"{suite.suite.name}::"
        return [
            CheckItem.from_parent(self, name=f"{prefix}{check_id}", suite=suite, check_id=check_id)
            for check_id in suite.suite.checks
        ]

    def _open(self) -> LoadedSuite:
        """The suite, read once however often its file is named."""
        run = self.config.stash[SHARED_RUN]
        seed = run.asked.options.seed
        suite = run.opened.get(self.path)
        if suite is None:
            suite = open_suites([self.path], seed=seed)[0]
            for other in run.opened.values():
                if other.suite.name == suite.suite.name:  # a name that is taken is a mistake
                    open_suites([other, suite], seed=seed)
            run.opened[self.path] = suite
        return suite


def _shown(file: str, here: Path) -> str:
    path = Path(file)
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else file
