"""What an audit of a live model writes, and when: rows as they come, the report now and then.

The report of a long run is long, so it is written in full at an alarm, at the end, at each of the
first audits and at every tenth after them; in between a line of `rows.jsonl` holds what is new.
A run that begins anew writes over what an earlier one of the same request left, once it has
something to put in its place; what another request left is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from audit.engine.locking import hold, let_go
from audit.engine.request import Request
from audit.engine.resuming import Names, found_in, must_be_the_same
from audit.engine.run_dir import begin_run, make_run_dir, write_report, write_status
from audit.errors import UsageError
from reports.atomic import write_text_atomic
from reports.series import CheckpointRow, SeriesReport

ROWS_FILE = "rows.jsonl"
ALWAYS, SOMETIMES = 10, 10

_HELD: dict[Path, int] = {}
"""Locks of this process, by folder: a loop that begins again in it takes its own folder up."""


@dataclass(frozen=True)
class Folder:
    """Where an auditor writes; nothing is written where the path is None.

    Attributes:
        path: the folder.
        asked: what is audited in it.
        names: what the user calls models, by the entries of what is asked.
        fresh: start over whatever it holds.
    """

    path: Path | None
    asked: Request = field(default_factory=dict)
    fresh: bool = False
    names: Names = field(default_factory=dict)

    def open(self) -> None:
        """Make the folder, and hold it until `close`.

        Raises:
            UsageError: it cannot be written, is written by another process, or holds something
                that is not a run or a run of another request.
        """
        if self.path is None:
            return
        make_run_dir(self.path)
        place = self.path.resolve()
        try:
            if place not in _HELD:
                _HELD[place] = hold(self.path)
            found = found_in(self.path, fresh=self.fresh, say=lambda sentence: None)
            must_be_the_same(found, self.asked, self.names)
            begin_run(found, self.asked, self.names)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise UsageError(
                    f"cannot write the audit to {self.path}: {error.strerror or error}"
                ) from None
            raise

    def open_again(self) -> None:
        """Make the folder where somebody took it away meanwhile.

        Raises:
            UsageError: it cannot be had.
        """
        if self.path is not None:
            make_run_dir(self.path)
            write_status(self.path, "running")

    def close(self) -> None:
        """Let others write to it."""
        handle = None if self.path is None else _HELD.pop(self.path.resolve(), None)
        if handle is not None and self.path is not None:
            let_go(self.path, handle)

    def begin(self, row: CheckpointRow) -> None:
        """Write the first row of a run, in the place of an earlier run's."""
        if self.path is not None:
            write_text_atomic(self.path / ROWS_FILE, row.model_dump_json() + "\n")

    def add(self, row: CheckpointRow) -> None:
        """Append what one audit found."""
        if self.path is not None:
            with (self.path / ROWS_FILE).open("a", encoding="utf-8") as file:
                file.write(row.model_dump_json() + "\n")

    def wants_report(self, audits: int) -> bool:
        """Whether the report is written after so many audits, alarm or none."""
        return self.path is not None and (audits <= ALWAYS or audits % SOMETIMES == 0)

    def write(self, report: SeriesReport, status: str = "running") -> None:
        """The report in every format, and where the run stands.

        A format that cannot be made is no reason to end a training: the status tells of it.
        """
        if self.path is not None:
            write_report(self.path, report, status)

    def failed(self, reason: str) -> None:
        """Say that the audit could not go on."""
        if self.path is not None:
            write_status(self.path, "failed", reason=reason)
