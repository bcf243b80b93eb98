"""Every score of a run as one table, for people with questions of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from audit.engine.evidence import event_of
from audit.engine.measure import Measurement
from suites.schema import ROLES, Role

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "suite",
    "check",
    "role",
    "id",
    "group",
    "label",
    "score",
    "fires",
    "event",
    "says",
    "asserts",
    "misbehaves",
    "attributes",
)


def scores_frame(measurements: Sequence[Measurement]) -> pd.DataFrame:
    """One line per row of each role of each check; `event` and what follows on audit rows."""
    import pandas as pd

    lines = [line for measured in measurements for role in ROLES for line in _lines(measured, role)]
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return frame.astype(
        {
            "label": "Int64",
            "fires": "boolean",
            "event": "boolean",
            "asserts": "boolean",
            "misbehaves": "boolean",
        }
    )


def _lines(measured: Measurement, role: Role) -> Iterator[dict[str, Any]]:
    work = measured.work.roles[role]
    fires, scores = measured.fires(role), measured.scores[role]
    event = event_of(measured) if role == "audit" else None
    for i, row in enumerate(work.rows):
        line: dict[str, Any] = {
            "suite": measured.work.suite.suite.name,
            "check": measured.work.id,
            "role": role,
            "id": row.id,
            "group": row.group,
            "label": row.label,
            "score": float(scores[i]),
            "fires": bool(fires[i]),
            "attributes": json.dumps(dict(row.attributes), sort_keys=True, ensure_ascii=True),
        }
        if event is not None:
            line["event"] = bool(event[i])
            if measured.behaviours:
                outcome = measured.behaviours[i]
                line |= {
                    "says": outcome.says,
                    "asserts": outcome.asserts,
                    "misbehaves": outcome.misbehaves,
                }
        yield line
