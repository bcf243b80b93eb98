"""What a workflow on GitHub is told: annotations in its log, a summary, outputs of the step.

Knows the environment of a runner and nothing of verdicts: words and limits come from the
renderers.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audit.cli import close_stdout

if TYPE_CHECKING:
    from reports.read import Record

SUMMARY_LIMIT = 1024 * 1024
"""Bytes that the summary of one step may have."""
NO = frozenset({"0", "no", "false", "off"})


def github_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--github` and `--no-github`."""
    return click.option(
        "--github/--no-github",
        "github",
        default=None,
        help="Annotations, summary and outputs for a workflow "
        "[default: where GITHUB_ACTIONS is true and AUDIT_GITHUB is not 0].",
    )(function)


def on_github(asked: bool | None) -> bool:
    """Whether to tell a workflow: as asked, or where one runs us and nobody switched it off."""
    if asked is not None:
        return asked
    if os.environ.get("AUDIT_GITHUB", "").strip().lower() in NO:
        return False
    return os.environ.get("GITHUB_ACTIONS") == "true"


def tell_github(record: Record, folder: Path, exit_code: int, *, to_stderr: bool) -> list[str]:
    """Print annotations, append the summary, set the outputs; a sentence for each that failed."""
    from reports.machine.github import annotations

    try:
        for line in annotations(record):
            click.echo(line, err=to_stderr)
    except BrokenPipeError:  # nobody reads the log on; the files are still for others
        if not to_stderr:
            close_stdout()
    outputs = {"verdict": record.verdict, "exit-code": str(int(exit_code)), "report": str(folder)}
    lines = "".join(_line(name, value) for name, value in outputs.items())
    told = [
        _append("GITHUB_STEP_SUMMARY", lambda file: _summary(record, file)),
        _append("GITHUB_OUTPUT", lambda file: lines),
    ]
    return [sentence for sentence in told if sentence]


def _summary(record: Record, file: Path) -> str:
    """What still has room beside that which other commands of the step left there."""
    from reports.markdown.summary import step_summary

    there = file.stat().st_size if file.exists() else 0
    apart = "\n" if there else ""
    return apart + step_summary(record, room=max(SUMMARY_LIMIT - there - len(apart), 0))


def _line(name: str, value: str) -> str:
    """An output; a value that breaks lines stands between words that it cannot hold."""
    if not {"\n", "\r"} & set(value):
        return f"{name}={value}\n"
    end = secrets.token_hex(16)
    return f"{name}<<{end}\n{value}\n{end}\n"


def _append(variable: str, text: Callable[[Path], str]) -> str | None:
    """Append to the file that a variable names, if it does; why not, where it cannot be done."""
    name = os.environ.get(variable)
    if not name:
        return None
    try:
        content = text(Path(name))
        with Path(name).open("a", encoding="utf-8", newline="") as stream:
            stream.write(content)
    except OSError as error:
        return f"{variable} {name} could not be written: {error.strerror or error}"
    return None
