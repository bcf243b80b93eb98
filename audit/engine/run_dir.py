"""A run on disk: readable after any crash, complete when `status.json` says so.

manifest.json     what was asked, of what, with which versions
report.json       the record: everything else is drawn from it
report.html       the same for people, one page
report.md         the same as Markdown, short enough for a comment
scores.parquet    every row of every check with its score
probes/           each fitted probe, as safetensors and JSON
status.json       written first as `running` and last as what came of it; `exit_code` is what the
                  process ends with, `unwritten` what could not be drawn or written, and why
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import UsageError
from reports.atomic import write_bytes_atomic, write_text_atomic
from reports.drawing.series import SERIES_PICTURE
from reports.keeping import keep
from reports.render import RENDERERS, Maker

if TYPE_CHECKING:
    import pandas as pd

    from reports.record import AuditReport
    from reports.series import SeriesReport

STATUS = "status.json"
DEFAULT_PARENT = Path("audit-runs")


def default_run_dir(suites: list[str], model: str, started: datetime) -> Path:
    """`audit-runs/20260131-101500-deception-my-model`, one folder a run."""
    words = "-".join((*suites[:3], model.rstrip("/").rsplit("/", 1)[-1]))
    return DEFAULT_PARENT / f"{started:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9.]+', '-', words)[:80]}"


@contextmanager
def run_dir(path: Path | None) -> Iterator[None]:
    """Mark a folder as running, and as failed or interrupted where the run does not end well.

    It is opened before any model is loaded. Without a path nothing is written.

    Raises:
        UsageError: it cannot be written, or holds something that is not a run.
    """
    if path is None:
        yield
        return
    open_run_dir(path)
    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):
            write_status(path, "interrupted")
        raise
    except BaseException as error:
        with suppress(OSError):  # where even this cannot be written, the first error matters
            write_status(path, "failed", reason=f"{type(error).__name__}: {error}")
        raise


def open_run_dir(path: Path) -> None:
    """Make the folder of a run and mark it as running.

    Raises:
        UsageError: it cannot be written, or holds something that is not a run.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not (path / STATUS).exists() and any(path.iterdir()):
            raise UsageError(
                f"{path} is not empty and holds no earlier run: name another folder (-o, or out=)"
            )
        write_status(path, "running")
    except OSError as error:
        raise UsageError(
            f"cannot write the run to {path}: {error.strerror or error}; "
            f"name another folder (-o, or out=)"
        ) from None


def clear_run_dir(path: Path | None) -> None:
    """Remove what an earlier run left, lest it be read as what comes of this one."""
    if path is None:
        return
    ours = [path / name for name in ("manifest.json", "scores.parquet")]
    ours += [path / f"report{renderer.suffix}" for renderer in RENDERERS.values()]
    ours.append(path / SERIES_PICTURE)
    ours += [*(path / "probes").glob("*.safetensors"), *(path / "probes").glob("*.json")]
    ours += (path / "cards").glob("*.md")
    for file in ours:
        file.unlink(missing_ok=True)


def write_status(path: Path, status: str, **details: Any) -> None:
    """Say where the run stands: `running`, `complete`, `interrupted` or `failed`.

    On a full disk the file that is there is written over in place, without the details where they
    find no room: a run that ended must not look like one that goes on.

    Raises:
        OSError: it cannot be written in any way; for `running`, not as a whole.
    """
    brief = {"status": status, "pid": os.getpid()}
    try:
        _write_json(path / STATUS, {**brief, **details})
    except OSError:
        if status == "running" or not (path / STATUS).is_file():
            raise
        _write_over(path / STATUS, {**brief, **details}, brief)


def _write_over(path: Path, *contents: Mapping[str, Any]) -> None:
    """Write the first content that finds room into a file, its old end blanked.

    Raises:
        OSError: none does.
    """
    for content in contents:
        with path.open("r+b", buffering=0) as file:
            text = json.dumps(content, default=str).encode("ascii")
            text = text.ljust(os.fstat(file.fileno()).st_size)
            with suppress(OSError):
                if file.write(text) == len(text):
                    os.fsync(file.fileno())
                    return
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write what was asked and of what."""
    _write_json(path / "manifest.json", manifest)


def write_report(
    path: Path,
    report: AuditReport | SeriesReport,
    status: str,
    more: Mapping[str, Maker] | None = None,
) -> list[str]:
    """Write the record, what is drawn of it, and last where the run stands.

    Args:
        path: the folder of the run.
        report: the record.
        status: where the run stands.
        more: other files that are made of the record, by their names.

    Returns:
        A sentence for each file that could not be made; the status repeats them.

    Raises:
        OSError: the disk is full or the folder went away.
    """
    unwritten = keep(path, report, more)
    told = {"unwritten": unwritten} if unwritten else {}
    write_status(path, status, verdict=report.verdict, exit_code=report.exit_code, **told)
    return unwritten


def unwritten(path: Path) -> list[str]:
    """What the status of a run says could not be made of its record, a sentence each."""
    told: list[str] = json.loads((path / STATUS).read_text("utf-8")).get("unwritten", [])
    return told


def add_unwritten(path: Path, sentences: Sequence[str], exit_code: int) -> None:
    """Add to the status of a run what could not be written after it, and what that ends with.

    Raises:
        OSError: the status cannot be written.
    """
    told = json.loads((path / STATUS).read_text("utf-8"))
    told["exit_code"], told["unwritten"] = exit_code, [*told.get("unwritten", []), *sentences]
    write_status(path, **told)


def write_scores(path: Path, scores: pd.DataFrame) -> None:
    """Write `scores.parquet`, all of it or nothing."""
    write_bytes_atomic(path / "scores.parquet", scores.to_parquet(index=False))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_text_atomic(path, json.dumps(content, indent=2, allow_nan=False, default=str) + "\n")
