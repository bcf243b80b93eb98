"""What the command line of pytest asks for, in the words of an audit.

Knows the options by name and the engine's `Options`; loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.engine.assembly import Options
from audit.errors import UsageError
from audit.models.loading import check_dtype
from suites.builtin import resolve_suite
from suites.problems import SuiteError
from suites.schema import SEVERITIES

# As every worker of pytest-xdist measures the same, the first alone writes it down.
_WRITER = "gw0"


@dataclass(frozen=True)
class Asked:
    """Which model to audit, against which, how, and where the run is written."""

    model: str
    reference: str | None
    out: Path | None
    options: Options


def asked_of(config: pytest.Config, model: str) -> Asked:
    """Read the options.

    Raises:
        pytest.UsageError: a severity or a number type that does not exist.
    """
    fail_on = config.getoption("--audit-fail-on") or Options.fail_on
    if fail_on not in SEVERITIES:
        raise pytest.UsageError(
            f"--audit-fail-on is one of {', '.join(SEVERITIES)}, not {fail_on!r}"
        )
    dtype = config.getoption("--audit-dtype")
    try:
        check_dtype(dtype)
    except UsageError as error:
        raise pytest.UsageError(f"--audit-dtype: {error}") from None
    out = config.getoption("--audit-out")
    return Asked(
        model=model,
        reference=config.getoption("--audit-reference"),
        out=config.invocation_params.dir / out if out and _writes(config) else None,
        options=Options(
            seed=config.getoption("--audit-seed") or 0,
            limit=config.getoption("--audit-limit"),
            fail_on=fail_on,
            strict=config.getoption("--audit-strict"),
            device=config.getoption("--audit-device"),
            dtype=dtype,
            allow_pickle=config.getoption("--audit-allow-pickle"),
            allow_half=config.getoption("--audit-allow-half"),
        ),
    )


def add_suites(config: pytest.Config) -> None:
    """Put the suites of `--audit-suite` behind the paths on the command line.

    Where no path was given, they alone are collected.

    Raises:
        pytest.UsageError: there is no such file and no such built-in suite.
    """
    try:
        found = [str(resolve_suite(name).resolve()) for name in config.getoption("--audit-suite")]
    except SuiteError as error:
        raise pytest.UsageError(f"--audit-suite: {error}") from None
    if not found:
        return
    given = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args[:] = [*given, *(path for path in found if path not in given)]


def in_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several that pytest-xdist spread the tests over."""
    return hasattr(config, "workerinput")


def _writes(config: pytest.Config) -> bool:
    return not in_worker(config) or getattr(config, "workerinput")["workerid"] == _WRITER  # noqa: B009
