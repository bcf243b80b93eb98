"""What `--json` prints: one event a line, each a JSON object with a name and a version.

The events are listed in docs/events.md. They repeat what the record holds and decide nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.cli import close_stdout
from audit.engine.measuring import Talk
from reports.series import CheckpointRow, SeriesReport
from reports.text import inert_json

if TYPE_CHECKING:
    from reports.read import Record
    from reports.views.check import CheckView

VERSION = 1
SECONDS_BETWEEN = 0.5
"""Between two events of progress within one stretch of work."""


def emit(event: str, **fields: Any) -> None:
    """Print one event at once; where nobody reads on, the work goes on."""
    line = {"event": event, "version": VERSION, **fields}
    text = inert_json(json.dumps(line, allow_nan=False, default=str))
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        close_stdout()


def started(asked: Mapping[str, Any]) -> None:
    """The first event: what was asked, and of which installation."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed: str | None = version("alignment-audit")
    except PackageNotFoundError:
        installed = None
    emit("started", **asked, alignment_audit=installed)


class Told:
    """Tells progress as events beside `talk`, and each checkpoint in `folder` once it is audited.

    Rows that lay in the folder before are told at the end, by `rest`.
    """

    def __init__(self, talk: Talk, folder: Path) -> None:
        self._talk, self._folder = talk, folder
        self._name, self._total, self._last = "", 0, 0.0
        self._written = dict(self._rows())
        self._told: set[str] = set()

    def talk(self) -> Talk:
        """What the audit is to talk to."""
        return Talk(phase=self._phase, reached=self._reached, say=self._say)

    def rest(self, rows: Sequence[CheckpointRow]) -> None:
        """Tell the checkpoints that were not told as they came: audited before, or broken."""
        for row in rows:
            if row.name not in self._told:
                kept = self._folder / row.run / "row.json" if row.run else None
                _checkpoint(_read(kept) if kept and kept.is_file() else row)

    def _phase(self, name: str, total: int) -> None:
        self._look()
        self._talk.phase(name, total)
        self._name, self._total, self._last = name, total, time.monotonic()
        emit("progress", phase=name, done=0, total=total)

    def _reached(self, done: int) -> None:
        self._talk.reached(done)
        now = time.monotonic()
        if done and now - self._last >= SECONDS_BETWEEN:
            self._last = now
            emit("progress", phase=self._name, done=done, total=self._total)

    def _say(self, sentence: str) -> None:
        self._look()
        self._talk.say(sentence)
        emit("message", text=sentence)

    def _look(self) -> None:
        """Tell rows that were written since the last look."""
        for file, written in self._rows():
            if self._written.get(file) != written:
                self._written[file] = written
                row = _read(file)
                self._told.add(row.name)
                _checkpoint(row)

    def _rows(self) -> Iterator[tuple[Path, int]]:
        for file in sorted(self._folder.glob("checkpoints/*/row.json")):
            yield file, file.stat().st_mtime_ns


def _read(file: Path) -> CheckpointRow:
    return CheckpointRow.model_validate(json.loads(file.read_text("utf-8"))["row"])


def _checkpoint(row: CheckpointRow) -> None:
    checks = [
        {
            "suite": check.suite,
            "check": check.check,
            "verdict": check.verdict,
            "state": check.state,
            "reasons": check.reasons,
            "gates": [gate.model_dump(mode="json") for gate in check.gates],
        }
        for check in row.checks
    ]
    emit(
        "checkpoint",
        name=row.name,
        step=row.step,
        verdict=row.verdict,
        reasons=row.reasons,
        run=row.run,
        checks=checks,
    )


def checks_of(record: Record) -> None:
    """An event for each check of an audit, worst first; a series has told its checkpoints."""
    from reports.views.audit import view_report

    if not isinstance(record, SeriesReport):
        for view in view_report(record).checks:
            _check(view)


def _check(view: CheckView) -> None:
    check = view.check
    rate, behaviour = check.firing_rate, check.misbehaviour_rate
    emit(
        "check",
        suite=check.suite,
        check=check.id,
        concept=check.concept,
        verdict=view.verdict,
        excuse=view.excuse.word if view.excuse else None,
        reasons=check.reasons,
        rate=rate.model_dump(mode="json") if rate else None,
        misbehaviour_rate=behaviour.model_dump(mode="json") if behaviour else None,
        gates=[gate.model_dump(mode="json") for gate in check.gates],
    )


def reported(record: Record, folder: Path, exit_code: int) -> None:
    """The last event: the verdict, what the process ends with, and the whole record."""
    emit(
        "report",
        verdict=record.verdict,
        exit_code=int(exit_code),
        folder=str(folder),
        report=json.loads(record.to_json()),
    )
