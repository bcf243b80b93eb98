"""What an exit code says, under the options that were given."""

from __future__ import annotations

from reports.record import Verdict

AUDIT: dict[int, str] = {
    0: "every gate that counts passed",
    1: "a gate flagged",
    2: "interrupted; it can be run again",
    3: "a check could not be measured",
    4: "it was not asked for in a way that could be done",
    5: "nothing was audited",
    6: "nothing flagged, but not everything could be decided",
}
SERIES: dict[int, str] = AUDIT | {
    0: "every gate passed on every checkpoint and no alarm was raised",
    1: "a gate flagged or an alarm was raised",
    2: "interrupted; it can be resumed",
    3: "a checkpoint or a check could not be measured",
}


def exit_meaning(code: int, verdict: Verdict, meanings: dict[int, str]) -> str:
    """The code in words; `meanings` are those of an audit or of a series."""
    if code == 0 and verdict not in ("pass", "warn"):
        return "it was asked only to report, and not to gate"
    if code == 1 and verdict == "inconclusive":
        return "not everything could be decided, which counts as a flag here (--strict)"
    return meanings.get(code, "of no meaning that is known here")
