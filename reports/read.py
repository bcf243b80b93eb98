"""A stored report comes back, of one model or of a series. Knows nothing of how it came about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from reports.contradictions import contradiction
from reports.older import complete
from reports.record import SCHEMA_VERSION, AuditReport
from reports.series import SERIES_SCHEMA_VERSION, SeriesReport
from reports.text import safe_text

REPORT_FILE = "report.json"
SERIES = "series"

Record: TypeAlias = AuditReport | SeriesReport
R = TypeVar("R", AuditReport, SeriesReport)


class ReportError(ValueError):
    """A report cannot be read or written as asked; the message says what to do."""


def read_report(path: Path | str) -> AuditReport:
    """Read the record of one model's audit from its directory, or from its `report.json`.

    Raises:
        ReportError: the file is missing, cut short, of another version, no such report, or
            contradicts itself.
    """
    file, content = _open(path)
    if content.get("kind") == SERIES:
        raise ReportError(
            f"{file} is the record of a series, and here that of one checkpoint is wanted: "
            f"{_one_of(file, content)}"
        )
    return _audit(file, content)


def read_record(path: Path | str) -> Record:
    """Read a record of either kind from the directory of a run, or from its `report.json`.

    Raises:
        ReportError: the file is missing, cut short, of another version, no report, or
            contradicts itself.
    """
    file, content = _open(path)
    if content.get("kind") == SERIES:
        return _whole(file, content, SERIES_SCHEMA_VERSION, SeriesReport)
    return _audit(file, content)


def _open(path: Path | str) -> tuple[Path, dict[str, Any]]:
    file = Path(path)
    if file.is_dir():
        _refuse_stale(file)
        file = file / REPORT_FILE
    return file, _parse(file)


def _audit(file: Path, content: dict[str, Any]) -> AuditReport:
    if "kind" in content:
        raise ReportError(
            f"{file} is a record of kind {_short(content['kind'])}, and this installation reads "
            f"audits and {SERIES!r}: render it with the alignment-audit that wrote it"
        )
    return _whole(file, content, SCHEMA_VERSION, AuditReport)


def _whole(file: Path, content: dict[str, Any], known: int, kind: type[R]) -> R:
    version = content.get("schema_version")
    if version is None:
        raise ReportError(f"{file} is JSON, but no audit report: it has no schema_version")
    if version != known:
        raise ReportError(
            f"{file} is a report of schema version {_short(version)}, and this installation reads "
            f"version {known}: render it with the alignment-audit that wrote it "
            "(provenance.packages names it), or audit again"
        )
    try:
        record = kind.model_validate(complete(content))
    except ValidationError as error:
        raise ReportError(f"{file} does not hold a whole report: {_mistakes(error)}") from None
    if said := contradiction(record):
        raise ReportError(
            f"{file} contradicts itself: {safe_text(said, limit=400)}; it was edited or torn: "
            f"audit again"
        )
    return record


def _one_of(file: Path, content: dict[str, Any]) -> str:
    """What to give instead of a series; its content may be anything."""
    rows = content.get("checkpoints")
    runs = (
        [row.get("run") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    )
    named = [run for run in runs if run and isinstance(run, str)]
    if not named:
        return (
            "none of its checkpoints left a record of its own, so audit that checkpoint by itself"
        )
    example = safe_text(str(file.parent / named[-1]), limit=300)
    return f"give the folder of one of its checkpoints, such as {example}"


def _refuse_stale(folder: Path) -> None:
    """A run that failed leaves what was there before it: that is no report of it."""
    try:
        status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # a record alone is a report, too
    if isinstance(status, dict) and status.get("status") == "failed":
        raise ReportError(
            f"{folder}: the last run into this folder failed; what lies in it is of an earlier "
            f"one (read {REPORT_FILE} itself to see that)"
        )


def _parse(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        raise ReportError(
            f"there is no report at {file}: give a run directory that holds {REPORT_FILE}, or "
            "that file; a run that was stopped early may not have one"
        ) from None
    except OSError as error:
        raise ReportError(f"{file} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ReportError(f"{file} is not UTF-8 at byte {error.start}: audit again") from None
    except json.JSONDecodeError as error:
        raise ReportError(
            f"{file} is not whole JSON (line {error.lineno}, column {error.colno}: {error.msg}); "
            "it was cut short or edited: audit again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{file} is not a report: {error}") from None
    if not isinstance(content, dict):
        raise ReportError(f"{file} holds a JSON {type(content).__name__}, not an audit report")
    return content


def _refuse(constant: str) -> float:
    raise ValueError(f"it holds {constant}, which is no JSON number")


def _mistakes(error: ValidationError, shown: int = 3) -> str:
    mistakes = error.errors(include_url=False, include_input=False)
    words = [f"{'.'.join(map(str, each['loc'])) or 'report'}: {each['msg']}" for each in mistakes]
    more = f"; and {len(words) - shown} more" if len(words) > shown else ""
    return safe_text("; ".join(words[:shown]), limit=600) + more


def _short(value: object) -> str:
    return safe_text(repr(value), limit=40)
