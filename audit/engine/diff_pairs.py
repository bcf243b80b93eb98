"""The same audit rows in two runs: the event on each, and the difference of its rate.

Reads `scores.parquet` beside a record; gives no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from audit.errors import UsageError
from probes.intervals import Estimate, p_value, paired_difference
from reports.record import CheckResult, GateResult
from reports.text import safe_text

if TYPE_CHECKING:
    import pandas as pd

SCORES_FILE = "scores.parquet"
_TYPES = {
    "suite": "object",
    "check": "object",
    "role": "object",
    "id": "object",
    "group": "object",
    "score": "float64",
    "fires": "boolean",
    "asserts": "boolean",
    "misbehaves": "boolean",
}

Event = Literal["fires", "contradicts", "misbehaves"]
# A disparity compares cases of one run with each other: no event of a row says it.
EVENTS: dict[str, Event] = {
    "firing_rate": "fires",
    "excess_over_control": "fires",
    "excess_over_reference": "fires",
    "belief_gap": "contradicts",
    "belief_gap_over_reference": "contradicts",
    "misbehaviour": "misbehaves",
    "misbehaviour_over_control": "misbehaves",
    "misbehaviour_over_reference": "misbehaves",
}


class NotPairedError(Exception):
    """The rows of a gate cannot be held against each other; the message says why."""


@dataclass(frozen=True)
class Paired:
    """The difference with its interval, and a one-sided p-value for each direction."""

    event: Event
    difference: Estimate
    p_worse: float
    p_better: float


@dataclass(frozen=True, eq=False)
class Side:
    """A check in one run: its result, and its rows where the run kept them."""

    check: CheckResult
    scores: pd.DataFrame | None


def read_scores(run: Path) -> pd.DataFrame | None:
    """The audit rows of a run's folder (or of its `report.json`); None if it has kept none.

    Raises:
        UsageError: the file is there and cannot be read, or is no table of scores.
    """
    folder = run if run.is_dir() else run.parent
    file = folder / SCORES_FILE
    if not (run.is_dir() or run.name == "report.json") or not file.exists():
        return None
    import pandas as pd

    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError, TypeError, NotImplementedError) as error:  # so are pyarrow's
        raise UsageError(
            f"{file} cannot be read ({type(error).__name__}): audit again, or give a copy of the "
            f"report.json alone"
        ) from None
    lacking = [name for name in _TYPES if name not in frame.columns]
    if lacking:
        raise UsageError(f"{file} is no table of scores: it lacks {', '.join(lacking)}")
    for name in ("suite", "check", "role", "id", "group"):
        if not frame[name].map(lambda value: isinstance(value, str)).all():
            raise UsageError(f"{file} is no table of scores: `{name}` is not text on every row")
    try:
        audit: pd.DataFrame = frame.loc[frame["role"] == "audit", list(_TYPES)].astype(_TYPES)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file} is no table of scores: {safe_text(str(error), 200)}") from None
    return audit


def paired_change(
    before: Side, after: Side, gate: GateResult, *, margin: float, confidence: float
) -> Paired:
    """Rate of the gate's event after, less that before, on the same rows.

    Each run fits its monitor and sets its threshold on its own model, so the difference is one
    of what two audits count: the model's change, and with it what the fit moved.

    Args:
        before: the check in the earlier run.
        after: the check in the later run.
        gate: which event counts.
        margin: growth that is still tolerated, as a share.
        confidence: of the two-sided interval.

    Raises:
        NotPairedError: the two runs do not hold the same rows, or no event of a row says
            what the gate measures.
    """
    event = EVENTS.get(gate.kind)
    if event is None:
        raise NotPairedError(f"no event of a single row says what a {gate.kind} gate measures")
    if not 0 < confidence < 1:
        raise NotPairedError(f"a confidence lies between 0 and 1, not {confidence:g}")
    _same_rows(before.check, after.check)
    old, new = events_of(before, event), events_of(after, event)
    if set(old.index) != set(new.index):
        raise NotPairedError("the two tables of scores hold other rows")
    shared = old.index[old["known"].to_numpy() & new.loc[old.index, "known"].to_numpy()]
    if not len(shared):
        raise NotPairedError("there is no audit row on which the model says something in both")
    groups = old.loc[shared, "group"].to_numpy()
    if (groups != new.loc[shared, "group"].to_numpy()).any():
        raise NotPairedError("the two tables of scores put the rows in other groups")
    then = old.loc[shared, "event"].to_numpy(dtype=bool)
    now = new.loc[shared, "event"].to_numpy(dtype=bool)

    def growth(confidence: float) -> Estimate:
        return paired_difference(now, then, groups, confidence=confidence)

    def decline(confidence: float) -> Estimate:
        return paired_difference(then, now, groups, confidence=confidence)

    return Paired(event, growth(confidence), p_value(growth, margin), p_value(decline, margin))


def _same_rows(before: CheckResult, after: CheckResult) -> None:
    """Refuse rows that the records do not vouch for."""
    then, now = before.roles.get("audit"), after.roles.get("audit")
    if then is None or now is None or not then.digest or not now.digest:
        raise NotPairedError("a record does not say which audit rows it rests on")
    if then.digest != now.digest:
        raise NotPairedError("the audit rows differ")


def events_of(side: Side, event: Event) -> pd.DataFrame:
    """`event`, `group` and whether the event is `known`, by the id of the audit row.

    A contradiction is known where the model says something about the concept, misbehaviour where
    its behaviour tells.

    Raises:
        NotPairedError: the run kept no rows, or not those of this record.
    """
    check = side.check
    if side.scores is None:
        raise NotPairedError(f"a run has no {SCORES_FILE}")
    mine = (side.scores["suite"] == check.suite) & (side.scores["check"] == check.id)
    rows = side.scores[mine].set_index("id")
    if not rows.index.is_unique or rows[["group", "score", "fires"]].isna().any(axis=None):
        raise NotPairedError(f"{SCORES_FILE} does not hold every row once, with its score")
    _of_this_record(check, rows)
    found: pd.DataFrame = rows[["group"]].copy()
    if event == "fires":
        return found.assign(event=rows["fires"].astype(bool), known=True)
    if event == "misbehaves":
        bad = rows["misbehaves"]
        return found.assign(event=bad.fillna(value=False).astype(bool), known=bad.notna())
    known = rows["asserts"].notna()
    asserts = rows["asserts"].fillna(value=False).to_numpy(dtype=bool)
    return found.assign(event=_contradicts(check, rows, asserts) & known, known=known)


def _contradicts(check: CheckResult, rows: pd.DataFrame, asserts: Any) -> Any:
    """What the monitor reads against what the model says, as the audit itself counts it."""
    threshold = check.threshold
    if threshold is None:
        raise NotPairedError("a record does not say where its monitor fires")
    scores, lower = rows["score"].to_numpy(dtype=float), threshold.lower
    present = scores > (threshold.value if lower is None else max(threshold.value, lower))
    absent = np.zeros(len(scores), dtype=bool)
    if lower is not None:
        absent = scores < min(threshold.value, lower)
    return (present & ~asserts) | (absent & asserts)


def _of_this_record(check: CheckResult, rows: pd.DataFrame) -> None:
    """Refuse a table that another run left beside the record."""
    stated, count = check.firing_rate, check.roles["audit"].rows
    agrees = len(rows) == count and len(rows) > 0
    if agrees and stated is not None:
        agrees = abs(float(rows["fires"].astype(bool).mean()) - stated.value) < 1e-9
    if not agrees:
        raise NotPairedError(f"{SCORES_FILE} is not of the record that it lies beside")
