"""What was rendered goes to stdout or onto the disk, each file whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from audit.cli.files import AskedFile, Output
from audit.exit_codes import ExitCode


def print_texts(texts: Sequence[str]) -> None:
    """Print texts as the files would hold them: in UTF-8, whatever a terminal speaks."""
    for text in texts:
        click.echo(text.encode("utf-8"), nl=False)


def write_into(out: Path, rendered: Mapping[str, str]) -> None:
    """Write files into a folder, and say so.

    Raises:
        OSError: one could not be written.
    """
    for name, text in rendered.items():
        write_whole(out / name, text)
        click.echo(f"wrote {out / name}", err=True)


def write_files(files: Sequence[AskedFile], make: Callable[[Output], str | bytes]) -> list[str]:
    """Write what was asked for; a sentence for each that could not be made or written."""
    from audit.errors import AuditError

    failed = []
    for file in files:
        try:
            content = make(file.output)
        except AuditError as error:
            failed.append(f"{file.output.option} {file.path} could not be made: {error}")
            continue
        try:
            write_whole(file.path.resolve(), content)
        except OSError as error:
            why = error.strerror or str(error)
            failed.append(f"{file.output.option} {file.path} could not be written: {why}")
    return failed


def say_written(files: Sequence[AskedFile], failed: Sequence[str]) -> ExitCode:
    """Say what was written, or what was not; 3 where something was not."""
    for sentence in failed:
        click.echo(f"audit: {sentence}", err=True)
    if failed:
        return ExitCode.FAILED
    for file in files:
        click.echo(f"wrote {file.path}", err=True)
    return ExitCode.PASSED


def write_whole(target: Path, content: str | bytes) -> None:
    """Write a file and the folders above it: all of it, or nothing.

    Raises:
        OSError: it could not be written; what was there before is unharmed.
    """
    from reports.atomic import write_bytes_atomic, write_text_atomic

    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        write_text_atomic(target, content)
    else:
        write_bytes_atomic(target, content)
