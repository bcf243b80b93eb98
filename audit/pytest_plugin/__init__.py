"""`pytest --audit-model M suites/`: every check of a suite is a test.

pytest loads this module wherever the package is installed, so it knows options and nothing
else: no model, no suite, no YAML. Where no model is named it does nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `audit run` that a session of tests has a use for."""
    group = parser.getgroup("alignment-audit", "audits of language models")
    group.addoption(
        "--audit-model",
        metavar="MODEL",
        help="Collect the suites (.yaml, .yml) and audit this model with them: a local folder, a "
        "hub id with @revision, or organism:NAME.",
    )
    parser.addini("audit_model", "The model to audit where --audit-model names none.", default="")
    group.addoption(
        "--audit-suite",
        metavar="SUITE",
        action="append",
        default=[],
        help="A suite by its path or the name of a built-in one; may be given several times.",
    )
    group.addoption(
        "--audit-reference", metavar="MODEL", help="Hold against this model, on the same rows."
    )
    group.addoption(
        "--audit-out",
        metavar="DIR",
        help="Write record, report, scores and probes to this folder [default: nowhere].",
    )
    group.addoption(
        "--audit-seed", type=_at_least(0), metavar="N", help="Splits and resampling [default: 0]."
    )
    group.addoption(
        "--audit-limit",
        type=_at_least(1),
        metavar="N",
        help="At most N rows per role. The run is marked as partial.",
    )
    group.addoption(
        "--audit-fail-on",
        metavar="SEVERITY",
        help="Gates below this severity report and do not fail [default: low].",
    )
    group.addoption(
        "--audit-strict", action="store_true", help="Inconclusive fails instead of being skipped."
    )
    group.addoption(
        "--audit-device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps [default: the best]."
    )
    group.addoption(
        "--audit-dtype",
        metavar="DTYPE",
        help="auto, float32, bfloat16, float16 [default: the checkpoint's own].",
    )
    group.addoption(
        "--audit-allow-pickle", action="store_true", help="Load pickled weights (weights only)."
    )
    group.addoption(
        "--audit-allow-half", action="store_true", help="Read an SAE in half precision as float32."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Where a model is named, and only there, bring in what collects and audits.

    Raises:
        pytest.UsageError: the options ask for what cannot be.
    """
    named = config.getoption("--audit-model")
    model = config.getini("audit_model") if named is None else named
    if not model:
        if named is not None:
            raise pytest.UsageError("--audit-model names no model")
        if config.getoption("--audit-suite"):
            raise pytest.UsageError("--audit-suite needs a model to audit: name one, --audit-model")
        return
    from audit.pytest_plugin import session

    session.begin(config, model)


def _at_least(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is less than {least}")
        return number

    return whole
