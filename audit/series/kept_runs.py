"""The audit of one checkpoint in its folder: is it the one that its row is of, and all there?

Each such folder has a journal like any other run's. Knows what was saved there; measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from audit.engine.locking import alone
from audit.engine.request import Request
from audit.engine.resuming import RunFolder, found_in, whole_record
from audit.engine.run_dir import STATUS, begin_run
from audit.engine.store import draw_again
from audit.errors import UsageError
from reports.read import REPORT_FILE, read_report
from reports.record import AuditReport
from reports.render import makers

_KIND = "checkpoint"


def is_whole(folder: Path, made_of: str, say: Callable[[str], None]) -> bool:
    """Whether all that was saved of a checkpoint's audit is as it was saved.

    Then what is missing of the files that are drawn of its record is drawn again.

    Args:
        folder: of the audit.
        made_of: the fingerprint of what its row was made of.
        say: told in a sentence what is not as it was.

    Raises:
        UsageError: somebody else writes to the folder.
        OSError: a file cannot be read or drawn.
    """
    asked = _asked(made_of)
    place = found_in(folder, fresh=False, say=say)
    if place.asked != asked:
        say(f"{folder} holds a row and not the audit that it is of; it is audited again")
        return False
    if whole_record(place, asked) is None:
        return False
    report = read_report(folder / REPORT_FILE)
    if not _all_drawn(folder, report):
        with alone(folder):
            draw_again(folder, report)
    return True


def begin_checkpoint(place: RunFolder, made_of: str) -> None:
    """Begin the audit of a checkpoint; what an earlier one of other files left goes.

    Raises:
        UsageError: the folder holds a run that is not of this series.
        OSError: it cannot be written.
    """
    asked = _asked(made_of)
    kind = place.asked.get("kind", _KIND)
    if kind != _KIND:
        raise UsageError(
            f"{place.path} holds a {kind} of its own, which the series does not write over: move "
            f"it to another folder, or give --fresh to start the series over without it"
        )
    place.fresh = place.asked != asked
    begin_run(place, asked, {})


def _asked(made_of: str) -> Request:
    return {"kind": _KIND, "made of": made_of}


def _all_drawn(folder: Path, report: AuditReport) -> bool:
    cards = sum(len(check.cards) for check in report.checks)
    drawn = [*makers(report), STATUS]
    there = len(list((folder / "cards").glob("*.md")))
    return there >= cards and all((folder / name).is_file() for name in drawn)
