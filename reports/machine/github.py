"""A record as annotations of a GitHub Actions log: workflow commands, worst first.

Knows the escaping of commands and how many of them a step may show. Text from outside cannot
begin a command, end one or add a property to one.
"""

from collections.abc import Sequence
from typing import Literal

from reports.machine.outcomes import Outcome, worst_first
from reports.machine.places import Place
from reports.machine.series_outcomes import record_outcomes
from reports.read import Record
from reports.series import SeriesReport
from reports.text import safe_text
from reports.views.standing import Standing

Level = Literal["error", "warning", "notice"]

LIMIT = 10
"""Annotations of a step that are shown."""
TITLE_LIMIT = 200
MESSAGE_LIMIT = 2_000
FILE_LIMIT = 1_000

LEVELS: dict[Standing, Level] = {
    "unmeasured": "error",
    "failed": "error",
    "undecided": "warning",
    "noted": "warning",
    "excused": "notice",
}


def annotations(record: Record, limit: int = LIMIT) -> list[str]:
    """Workflow commands for what is no pass, a line each, at most `limit` of them (1 or more).

    Where some are left out the last says how many. An audit of nothing is a warning.
    """
    if limit < 1:
        return []
    lines = [_annotation(one) for one in worst_first(record_outcomes(record))]
    if not lines and _is_empty(record):
        return [command("warning", "nothing was audited", "no check was run")]
    if len(lines) <= limit:
        return lines
    left_out = len(lines) - (limit - 1)
    return [*lines[: limit - 1], command("notice", "", f"{left_out} more: see the job summary")]


def command(level: Level, title: str, message: str, place: Place | None = None) -> str:
    """One workflow command, on one line, whatever stands in its parts."""
    properties: list[tuple[str, str]] = []
    if place and place.in_repository:
        properties.append(("file", safe_text(place.file, FILE_LIMIT)))
        if place.line is not None and place.column is not None:
            properties += [("line", str(place.line)), ("col", str(place.column))]
    if title:
        properties.append(("title", safe_text(title, TITLE_LIMIT)))
    said = ",".join(f"{name}={escape_property(value)}" for name, value in properties)
    head = f"::{level} {said}" if said else f"::{level}"
    return f"{head}::{escape_data(safe_text(message, MESSAGE_LIMIT))}"


def escape_data(text: str) -> str:
    """A message as a workflow command holds it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """The value of a property as a workflow command holds it."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _annotation(one: Outcome) -> str:
    level: Level = LEVELS[one.standing]
    if one.standing == "noted" and one.verdict == "inconclusive":
        level = "notice"  # below what gates, and not even found
    excuse = f"; {one.excuse.sentence}" if one.excuse else ""
    title = f"{one.word}: {one.where}"
    return command(level, title, f"{one.about}: {one.sentence}{excuse}", one.place)


def _is_empty(record: Record) -> bool:
    parts: Sequence[object] = (
        [check for row in record.checkpoints for check in row.checks]
        if isinstance(record, SeriesReport)
        else record.checks
    )
    return not parts
