"""What an interrupted audit has to remember: its rows, and where its reference is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audit.errors import UsageError
from audit.models.checkpoint_files import files_digest
from audit.series.reference_files import REFERENCE_FILE
from reports.series import CheckpointRow
from suites.load import LoadedSuite

VERSION = 1


@dataclass(frozen=True)
class AuditState:
    """All that the next decision depends on.

    Attributes:
        rows: of the audits so far.
        acknowledged: steps of alarms after which somebody let the run go on.
        reference: name of what the run is held against.
        kept_in: folder where it is kept; None where nobody kept it.
        digest: of the file there.
    """

    rows: tuple[CheckpointRow, ...]
    acknowledged: tuple[int, ...]
    reference: str
    kept_in: Path | None = None
    digest: str | None = None

    def must_be_kept(self) -> Path:
        """The folder of the reference.

        Raises:
            UsageError: nobody kept it, or another run wrote over it.
        """
        if self.kept_in is None:
            raise UsageError(
                "the reference of this run was its own beginning, and nobody kept it: give the "
                "auditor a folder (out=...) so that a resumed run finds it there, or a reference "
                "by name"
            )
        file = self.kept_in / REFERENCE_FILE
        if file.is_file() and files_digest([file]) != self.digest:
            raise UsageError(
                f"{file} is not the reference that this run began with: another run has written "
                f"to its folder; begin a new run"
            )
        return self.kept_in


def facts_of(suites: Sequence[LoadedSuite], seed: int, every: int) -> dict[str, Any]:
    """What an audit and the state that it goes on from must share."""
    digests = {one.suite.name: one.digest for one in suites}
    return {"version": VERSION, "suites": digests, "seed": seed, "every": every}


def to_json(state: AuditState, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON that `from_json` reads."""
    return {
        **facts,
        "rows": [row.model_dump(mode="json") for row in state.rows],
        "acknowledged": list(state.acknowledged),
        "reference": state.reference,
        "reference_in": None if state.kept_in is None else str(state.kept_in.absolute()),
        "reference_digest": state.digest,
    }


def from_json(held: Mapping[str, Any], facts: Mapping[str, Any]) -> AuditState:
    """The state that `to_json` wrote.

    Raises:
        UsageError: it is that of another audit, or none.
    """
    for what, mine in facts.items():
        if held.get(what) != mine:
            raise UsageError(
                f"the audit to go on from had another {what} ({held.get(what)}, here {mine}): "
                f"keep it as it was, or begin a new run"
            )
    try:
        kept = held["reference_in"]
        return AuditState(
            rows=tuple(CheckpointRow.model_validate(row) for row in held["rows"]),
            acknowledged=tuple(int(step) for step in held["acknowledged"]),
            reference=str(held["reference"]),
            kept_in=None if kept is None else Path(kept),
            digest=held.get("reference_digest"),
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise UsageError(f"that is no state of an audit: {error}") from None
