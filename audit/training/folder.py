"""What an audit of a live model writes, and when: rows as they come, the report now and then.

The report of a long run is long, so it is written in full at an alarm, at the end, at each of the
first audits and at every tenth after them; in between a line of `rows.jsonl` holds what is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.engine.run_dir import clear_run_dir, make_run_dir, write_report, write_status
from reports.series import CheckpointRow, SeriesReport

ROWS_FILE = "rows.jsonl"
ALWAYS, SOMETIMES = 10, 10


@dataclass(frozen=True)
class Folder:
    """Where an auditor writes; nothing is written where the path is None."""

    path: Path | None

    def open(self, *, anew: bool) -> None:
        """Make the folder; a run that begins anew leaves nothing of an earlier one's report.

        Raises:
            UsageError: it cannot be written, or holds something that is not a run.
        """
        if self.path is None:
            return
        make_run_dir(self.path)
        write_status(self.path, "running")
        if anew:
            clear_run_dir(self.path)
            (self.path / ROWS_FILE).unlink(missing_ok=True)

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
