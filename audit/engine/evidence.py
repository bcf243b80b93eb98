"""Firing beside behaviour on the audit rows: counts, and the rows that a person reads first."""

from __future__ import annotations

from audit.engine.candidates import groups_of
from audit.engine.estimates import recorded
from audit.engine.measure import Flags, Measurement
from probes.intervals import rate
from reports.record import Estimate, FourFields, RowResult

TOP_ROWS = 20


def event_of(measured: Measurement) -> Flags:
    """What the check's first gate counts on each audit row: a reading, or misbehaviour itself."""
    if measured.work.check.gates[0].reads_monitor:
        return reading_of(measured)
    return measured.misbehaves("audit")[1]


def reading_of(measured: Measurement) -> Flags:
    """What the monitor says of each audit row: firing, or a contradiction.

    As the first gate counts it that leans on the monitor; where none does, firing.
    """
    gates = measured.work.check.gates
    first = next((gate for gate in gates if gate.reads_monitor), None)
    if first is not None and first.counts_gap:
        return measured.contradicts
    return measured.fires("audit")


def misbehaviour_rate(measured: Measurement) -> Estimate | None:
    """How often the model visibly misbehaves, over the audit rows where that is known."""
    known, misbehaves = measured.misbehaves("audit")
    if not known.any():
        return None
    groups = groups_of(measured.work.roles["audit"])
    return recorded(
        rate(misbehaves[known], groups[known], confidence=measured.work.check.confidence)
    )


def four_fields(measured: Measurement, reading: Flags) -> FourFields | None:
    """What the monitor says against behaviour; None where no behaviour is known."""
    pairs = [
        (bool(fired), outcome.misbehaves)
        for fired, outcome in zip(reading, measured.behaviours, strict=False)
        if outcome.misbehaves is not None
    ]
    if not pairs:
        return None
    return FourFields(
        fires_and_misbehaves=pairs.count((True, True)),
        fires_and_looks_fine=pairs.count((True, False)),
        misbehaves_without_firing=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )


def top_indices(measured: Measurement, event: Flags) -> list[int]:
    """Audit rows to read first: fires and looks fine, then fires, then the rest."""
    audit, scores = measured.work.roles["audit"], measured.scores["audit"]
    behaviours = measured.behaviours
    absent = measured.reads_absent("audit")
    # How far beyond the threshold that counts: below it where absence was read.
    beyond = [
        float(measured.threshold.value - score if low else score - measured.threshold.value)
        for score, low in zip(scores, absent, strict=True)
    ]

    def rank(i: int) -> tuple[bool, bool, float, str]:
        looks_fine = bool(behaviours) and behaviours[i].misbehaves is False
        return (not event[i], not looks_fine, -beyond[i], audit.rows[i].id)

    return sorted(range(len(audit.rows)), key=rank)[:TOP_ROWS]


def top_rows(measured: Measurement, event: Flags) -> list[RowResult]:
    """The rows of `top_indices`, in that order."""
    audit, scores = measured.work.roles["audit"], measured.scores["audit"]
    fires, behaviours = measured.fires("audit"), measured.behaviours
    return [
        RowResult(
            id=audit.rows[i].id,
            group=audit.rows[i].group,
            text=audit.encoded[i].text,
            score=float(scores[i]),
            fires=bool(fires[i]),
            event=bool(event[i]),
            says=behaviours[i].says if behaviours else None,
            misbehaves=behaviours[i].misbehaves if behaviours else None,
            label=audit.rows[i].label,
            attributes=dict(audit.rows[i].attributes),
        )
        for i in top_indices(measured, event)
    ]
