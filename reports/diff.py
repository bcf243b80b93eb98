"""The record of a comparison: two audits held side by side, gate by gate.

Like the record of an audit it holds what was already decided, so that no renderer decides
anything. It knows nothing of how a difference is measured, and reads no file.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from reports.parts import Estimate, Part
from reports.record import Severity, Verdict
from reports.text import inert_json

DIFF_SCHEMA_VERSION: Literal[1] = 1

Status = Literal["worse", "better", "changed", "unchanged", "not_compared", "new", "gone"]
# In the order in which a person wants to read them.
STATUSES: tuple[Status, ...] = (
    "worse",
    "not_compared",
    "gone",
    "changed",
    "new",
    "better",
    "unchanged",
)


class DiffSide(Part):
    """One of the two audits: which weights it judged, and what it said."""

    model: str
    architecture: str
    weights_digest: str
    record_digest: str
    verdict: Verdict
    seed: int
    partial: bool


class Caveat(Part):
    """Something that differs besides the weights, and makes the comparison less than fair."""

    where: str = Field(default="", description="`suite/check`, or empty for the whole audit.")
    kind: Literal[
        "suite",
        "rows",
        "seed",
        "partial",
        "limit",
        "threshold",
        "monitor",
        "model",
        "tokenizer",
        "reference",
        "version",
        "confidence",
        "gates",
    ]
    sentence: str


class PairedChange(Part):
    """The same audit rows in both audits: the event's rate after, less its rate before.

    `p_worse` is of "no more than the margin", `p_better` of the same in the other direction;
    each is corrected over all compared gates (Benjamini-Hochberg).
    """

    event: Literal["fires", "contradicts", "misbehaves"]
    difference: Estimate
    p_worse: float
    q_worse: float
    p_better: float
    q_better: float


class GateDiff(Part):
    """One gate in both audits, or in the one that has it."""

    suite: str
    check: str
    kind: str
    attribute: str | None = None
    severity: Severity
    status: Status
    reason: str
    gates: bool = Field(
        description="Whether the exit code heeds it: not where suppressed or below --fail-on."
    )
    verdict_before: Verdict | None = None
    verdict_after: Verdict | None = None
    estimate_before: Estimate | None = None
    estimate_after: Estimate | None = None
    limit_before: float | None = None
    limit_after: float | None = None
    paired: PairedChange | None = None
    not_paired: str = Field(default="", description="Why the rows were not compared, if so.")

    @property
    def is_new_flag(self) -> bool:
        """Whether only the second audit has it, and it flags there."""
        return self.status == "new" and self.verdict_after == "flag"


class RecordDiff(Part):
    """All that two audits say about each other; `exit_code` is what the process ends with."""

    schema_version: Literal[1] = DIFF_SCHEMA_VERSION
    before: DiffSide
    after: DiffSide
    margin: float
    exit_code: int
    caveats: list[Caveat]
    gates: list[GateDiff]

    def count(self, status: Status) -> int:
        """How many gates have that status."""
        return sum(gate.status == status for gate in self.gates)

    def to_json(self) -> str:
        """The comparison as JSON that is safe to print; equal comparisons give equal text."""
        plain = json.dumps(
            self.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, indent=2
        )
        return inert_json(plain) + "\n"
