"""A run on disk: readable after any crash, complete when `status.json` says so.

journal.jsonl     what was asked and what has been done, from which the same command goes on

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
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.engine.interrupts import held_back, last_words
from audit.engine.journal import JOURNAL, append, read
from audit.engine.leftovers import (
    LEFT_OVER,
    ROWS_FILE,
    clear_series_dir,
    refuse_what_is_in_the_way,
    remove_empty_folders,
    sweep,
)
from audit.engine.locking import LOCK_FILE, alone, hold, let_go
from audit.engine.resuming import Names, RunFolder, digest_of, found_in, note_begin
from audit.errors import UsageError
from reports.atomic import write_bytes_atomic, write_text_atomic
from reports.drawing.series import SERIES_PICTURE
from reports.keeping import keep
from reports.read import REPORT_FILE
from reports.render import RENDERERS, Maker

if TYPE_CHECKING:
    import pandas as pd

    from audit.engine.request import Request
    from reports.record import AuditReport
    from reports.series import SeriesReport

STATUS = "status.json"
PARTIAL = ".partial"
"""A cache of the run's own, where it may not use the user's; it goes when the run is complete."""


@contextmanager
def run_dir(
    path: Path | None,
    *,
    fresh: bool = False,
    say: Callable[[str], None] = lambda sentence: None,
) -> Iterator[RunFolder | None]:
    """Hold a folder, and mark what was begun in it as failed or interrupted where it is.

    It is opened before any model is loaded. Without a path nothing is written. What an earlier
    run left is as it was until `begin_run`.

    Args:
        path: the folder.
        fresh: whether what is there is to be started over.
        say: told in a sentence what is found there.

    Raises:
        UsageError: it cannot be written, somebody else writes to it, or it holds something that
            is not a run.
    """
    if path is None:
        yield None
        return
    folder, handle, spare = _opened(path, fresh, say)
    try:
        with last_words(partial(_ended, folder, "interrupted"), None if fresh else path):
            yield folder
    except KeyboardInterrupt:
        os.close(spare)
        _ended(folder, "interrupted")
        raise
    except BaseException as error:
        os.close(spare)  # for the status, where there are too many open files
        _ended(folder, "failed", reason=f"{type(error).__name__}: {error}")
        raise
    else:
        os.close(spare)
    finally:
        let_go(path, handle)


def _opened(path: Path, fresh: bool, say: Callable[[str], None]) -> tuple[RunFolder, int, int]:
    """The folder, the handle on its lock, and one to spare."""
    handle = None
    try:
        make_run_dir(path)
        handle = hold(path)
        sweep(path)
        if fresh:  # before a model is opened, which would take its answers from there
            shutil.rmtree(path / PARTIAL, ignore_errors=True)
        folder = found_in(path, fresh=fresh, say=say)
        if folder.holds_nothing:
            write_status(path, "running")
            folder.begun = True
        return folder, handle, os.open(path, os.O_RDONLY)
    except BaseException as error:
        if handle is not None:
            let_go(path, handle)
        if isinstance(error, OSError):
            raise _cannot_be_had(path, error) from None
        raise


def make_run_dir(path: Path) -> None:
    """Make the folder of a run.

    Raises:
        UsageError: it cannot be had, or holds something that is not a run.
    """
    try:
        refuse_what_is_in_the_way(path)
        path.mkdir(parents=True, exist_ok=True)
        others = not (path / STATUS).exists() and not all(map(_is_ours, path.iterdir()))
    except OSError as error:
        raise _cannot_be_had(path, error) from None
    if others:
        raise UsageError(
            f"{path} is not empty and holds no earlier run: name another folder (-o, or out=)"
        )


def _cannot_be_had(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write the run to {path}: {error.strerror or error}; "
        f"name another folder (-o, or out=)"
    )


def _is_ours(file: Path) -> bool:
    """Whether a folder may hold this and be empty for all that: a run was killed at its start."""
    return file.name in (LOCK_FILE, JOURNAL) or any(map(file.match, LEFT_OVER))


def _ended(folder: RunFolder, status: str, **details: Any) -> None:
    """Leave word of how it ended, unless it had not begun or was complete by then."""
    with suppress(
        OSError, UsageError
    ):  # where even this cannot be written, the first error matters
        events = read(folder.path).events
        whole = events != folder.journal.events and events[-1:] and events[-1].name == "complete"
        if folder.begun and not whole:
            write_status(folder.path, status, **details)


def begin_run(folder: RunFolder, asked: Request, names: Names) -> None:
    """Say that the folder is being written to, and what was asked.

    What an earlier attempt at the same request left is written over file by file; what is of
    another, and given up, goes once the journal says so. Of that the record stays until there is
    one in its place: it may be the baseline of this run.

    Raises:
        OSError: it cannot be written.
    """
    folder.begun = True
    write_status(folder.path, "running")
    if folder.fresh and asked.get("kind") != "run":  # which may have opened its own by now
        shutil.rmtree(folder.path / PARTIAL, ignore_errors=True)
    if folder.fresh and asked.get("kind") != "series":  # which keeps its reference by now
        clear_series_dir(folder.path, clear_whole_run)
    note_begin(folder, asked, names)
    if folder.fresh or folder.begin is None or _saved_nothing(folder, asked):
        clear_run_dir(folder.path, but=(REPORT_FILE, JOURNAL))


def _saved_nothing(folder: RunFolder, asked: Request) -> bool:
    """Whether what lies there may be of another run, given up by one that died before it went."""
    events = folder.journal.events
    return asked.get("kind") == "run" and not any("saved" in event.facts for event in events)


def clear_run_dir(path: Path, *, but: Sequence[str] = ()) -> None:
    """Remove what an earlier run left, lest it be read as what comes of this one.

    Args:
        path: its folder.
        but: files that stay. The journal goes last: until then it says of what the rest is.
    """
    ours = [path / name for name in ("manifest.json", "scores.parquet")]
    ours += [path / f"report{renderer.suffix}" for renderer in RENDERERS.values()]
    ours += [path / SERIES_PICTURE, path / ROWS_FILE]
    ours += [*(path / "probes").glob("*.safetensors"), *(path / "probes").glob("*.json")]
    ours += (path / "cards").glob("*.md")
    for file in (*ours, path / JOURNAL):
        if file.name not in but:
            file.unlink(missing_ok=True)
    remove_empty_folders(path)


def clear_whole_run(path: Path) -> None:
    """Remove all that a run left, its status last, while nobody writes there.

    Raises:
        UsageError: somebody does.
        OSError: a file cannot be removed.
    """
    with alone(path):
        clear_run_dir(path)
        shutil.rmtree(path / PARTIAL, ignore_errors=True)
        (path / STATUS).unlink(missing_ok=True)


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


@held_back()
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
    if status != "running":
        whole = getattr(report, "checks", ())  # of a series it is the rows that are kept
        saved = {REPORT_FILE: digest_of(path / REPORT_FILE)}
        cards = sum(len(check.cards) for check in whole)
        append(path, status, saved=saved, checks=len(whole), cards=cards, verdict=report.verdict,
               exit_code=report.exit_code)  # fmt: skip
    if status == "complete":
        shutil.rmtree(path / PARTIAL, ignore_errors=True)
    say_ended(path, report, status, unwritten)
    return unwritten


def say_ended(
    path: Path, report: AuditReport | SeriesReport, status: str, unwritten: Sequence[str] = ()
) -> None:
    """Say where the run stands with the verdict of its record.

    Raises:
        OSError: it cannot be written.
    """
    told = {"unwritten": list(unwritten)} if unwritten else {}
    write_status(path, status, verdict=report.verdict, exit_code=report.exit_code, **told)


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
